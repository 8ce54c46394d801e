"""Speed, time left and losses of a training."""

import math

import numpy as np
import pytest

from tests.analysis.models import WINDOWS, model_of_titles
from tests.cli.display.example import draw, state_after
from tests.optional import present
from textgen import compare, evaluate
from textgen.cli.display.lines import LineDisplay
from textgen.cli.display.state import LossHistory, Speed
from textgen.training import events


def test_speed_and_time_left():
    speed = Speed()
    steps = [events.StepDone(0, n / 100, 2.0, 50, 2.0, 9 + n / 2) for n in range(1, 51)]
    assert [speed.add(step) for step in steps] == [False] + [True] * 49
    assert speed.characters_per_second == pytest.approx(
        100
    ) and speed.seconds_left == pytest.approx(25)
    speed.restart()
    later = events.StepDone(0, 0.51, 2.0, 50, 2.0, 1000.0)
    assert not speed.add(later) and speed.characters_per_second == pytest.approx(100)
    state = state_after(*steps)
    assert state.seconds_left(5) == pytest.approx(20) and state.seconds_left(99) == 0


def test_means_of_losses():
    losses = LossHistory()
    for step in range(600):
        losses.add(step / 600, float(step >= 300))
    assert list(losses.means(4)) == [0, 0, 1, 1]
    losses = LossHistory()
    losses.add(1.0, 5.0)
    assert list(losses.means(3)) == [None, None, 5]


def test_bits_per_character_are_those_of_evaluate(tmp_path, capsys):
    """The loss of documents counts their ends, which are no characters."""
    model, trained, prepared = model_of_titles(tmp_path)
    training, validation = prepared.split(WINDOWS.validation)
    counts = present(prepared.documents).counts
    opened = events.CorpusOpened(
        len(prepared.ids),
        len(training),
        len(validation),
        0,
        prepared.vocabulary.size,
        from_cache=True,
        training_documents=counts[0],
        validation_documents=counts[1],
    )
    evaluation = evaluate(model=model)
    validated = events.Validated(1.0, 3.0, evaluation.loss, 9.0, improved=True, seconds=1.0)
    finished = events.TrainingFinished("done", 1.0, evaluation.loss, "m")
    shown = f"{evaluation.loss:.4f} ({evaluation.bits_per_character:.3f} bits/character)"
    display = LineDisplay()
    for event in (opened, validated, finished):
        display(event)
    lines = capsys.readouterr().err.splitlines()
    assert f"validation {shown}" in lines[-3] and f"loss {shown}" in lines[-2]
    rows = "\n".join(draw(state_after(opened, validated), 80, 24))
    assert rows.count(f"{evaluation.loss:.4f}{evaluation.bits_per_character:16.3f}") == 2
    without = events.CorpusOpened(
        9, len(training), 1, 0, 4, from_cache=True, training_documents=counts[0]
    )
    ends = np.count_nonzero(training[1:] == trained.record.vocabulary.document_end_id)
    tokens = len(training) - 1
    bits = state_after(without).bits
    expected = 3 / math.log(2) * tokens / (tokens - ends)
    assert bits.training(3.0) == bits.best(3.0) == pytest.approx(expected)
    assert compare([model])[0].bits_per_character is None
    named = compare([model], tmp_path / "titles.csv")[0]
    whole = evaluate(tmp_path / "titles.csv", model)
    assert named.bits_per_character == whole.bits_per_character
