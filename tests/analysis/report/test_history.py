"""Histories as training writes them, and damaged ones."""

import copy
import json
from typing import Any

import pytest

from textgen.analysis.report.history import History, parse_history
from textgen.errors import ModelError

SAMPLE = {"temperature": 0.5, "seed": "a", "text": "b"}
ENTRY = {"epoch": 2.0, "seconds": 3.5, "loss": 1.5, "validation_loss": 1.7, "samples": [SAMPLE]}
WHOLE = {
    "epochs": [ENTRY, {**ENTRY, "epoch": 4.0, "validation_loss": 1.6}],
    "steps": [[10, 2.5], [20, 1.5]],
    "samples": [{"epoch": 0.1, "loss": 4.0, **SAMPLE}, {"epoch": 0.1, "loss": 4.0, **SAMPLE}],
}


def test_a_history_has_curves_and_samples():
    history = parse_history(WHOLE, "model")
    assert history.training_curve == ((2.0, 2.5), (4.0, 1.5))
    assert history.validation_curve == ((2.0, 1.7), (4.0, 1.6))
    assert history.best is not None and history.best.epoch == 4
    assert [(point.epoch, point.loss, len(point.samples)) for point in history.sample_points] == [
        (0.1, 4.0, 2),
        (2.0, 1.7, 1),
        (4.0, 1.6, 1),
    ]


@pytest.mark.framework
def test_the_history_of_a_trained_model_has_all_parts(trained):
    real = parse_history(json.loads((trained / "history.json").read_text()), trained)
    assert len(real.validations) == 20 and len(real.training_curve) > 100
    assert real.training_curve[-1][0] == pytest.approx(20)
    losses = [loss for _, loss in real.training_curve]
    assert losses[0] > 3 > 1 > losses[-1]
    assert real.sample_points[0].epoch < 1 and real.sample_points[-1].epoch == 20


def test_parts_may_be_missing():
    assert parse_history({}, "model") == History()
    without = parse_history({"epochs": [{**ENTRY, "validation_loss": None}]}, "model")
    assert (
        without.validation_curve == ()
        and without.best is not None
        and without.best.selection_loss == 1.5
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("epochs",), 3),
        (("epochs", 0), "x"),
        (("epochs", 0, "loss"), "1.5"),
        (("epochs", 0, "loss"), True),
        (("epochs", 0, "epoch"), float("nan")),
        (("epochs", 0, "samples"), [{"temperature": 1}]),
        (("epochs", 0, "samples"), 5),
        (("epochs", 0, "loss"), 10**400),
        (("epochs", 0, "loss"), -1.0),
        (("epochs", 0, "samples", 0, "text"), "\ud800"),
        (("steps",), [[1, 2, 3]]),
        (("steps",), {"a": 1}),
        (("samples",), [{}]),
        (("samples", 0, "seed"), 5),
    ],
)
def test_what_training_does_not_write_is_refused(path, value):
    history = copy.deepcopy(WHOLE)
    place: Any = history
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ModelError, match=r"^model/history\.json: damaged \("):
        parse_history(history, "model")
