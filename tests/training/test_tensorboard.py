"""Logs for TensorBoard, read back as TensorBoard reads them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow

from tests.training.fake_backend import FakeBackend
from textgen.api import train
from textgen.errors import OutputError, TrainingError
from textgen.training import events
from textgen.training.callbacks.tensorboard import TensorBoard

QUICK: dict[str, Any] = {"units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 4, "epochs": 4}


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Values of each name, by step, in all of TensorBoard's files in a folder."""
    values: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime):
        for event in tensorflow.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                number = float(tensorflow.make_ndarray(value.tensor))
                values.setdefault(value.tag, {})[event.step] = number
    return values


def reports(model: Path, name: str) -> dict[int, float]:
    """Losses in the history of a training by epochs, by step."""
    history = json.loads((model / "history.json").read_text())
    last = history["epochs"][-1]
    steps = history["steps"][-1][0] / last["epoch"]
    return {round(entry["epoch"] * steps): entry[name] for entry in history["epochs"]}


def test_the_losses_are_those_of_the_history_in_a_resumed_training_as_well(corpus, tmp_path):
    received = list[events.Event]()
    model, logs = tmp_path / "model", tmp_path / "logs"

    def second() -> bool:
        return sum(isinstance(event, events.Validated) for event in received) == 2

    train(
        [str(corpus)], model=model, on_event=received.append, stop=second, tensorboard=logs, **QUICK
    )
    train([str(corpus)], model=model, tensorboard=logs, **QUICK)
    assert len(list((tmp_path / "logs/train").iterdir())) == 2
    for part, name in (("train", "loss"), ("validation", "validation_loss")):
        written, expected = scalars(tmp_path / "logs" / part)["epoch_loss"], reports(model, name)
        assert len(expected) == 4
        # A stopped training validates once more; the resumed one starts before that.
        assert {step: written[step] for step in expected} == pytest.approx(expected, rel=1e-6)
    rates = scalars(tmp_path / "logs/train")["epoch_learning_rate"]
    assert all(0 < rate < 1 for rate in rates.values())


def test_the_report_that_ends_a_training_by_patience_is_there(corpus, tmp_path):
    options: dict[str, Any] = {
        **QUICK,
        "patience": 1,
        "epochs": 9,
        "learning_rate": 1e-12,
        "optimizer": "sgd",
    }
    ended = train(
        [str(corpus)], model=tmp_path / "model", tensorboard=str(tmp_path / "logs"), **options
    )
    written = scalars(tmp_path / "logs/validation")["epoch_loss"]
    assert ended.reason == "patience" and len(written) == 2


def test_without_tensorflow_it_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(TrainingError, match="--tensorboard"):
        TensorBoard(tmp_path, FakeBackend())


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: the logs for TensorBoard cannot be written: .+;"):
        TensorBoard(tmp_path / "file", FakeBackend())
