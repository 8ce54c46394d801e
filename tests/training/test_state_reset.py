"""Rows whose carried state is set to zero in training, and what a model learns from that."""

from itertools import islice
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import pytest

from tests.compute.here import backend
from textgen.api import train
from textgen.compute.backends.keras_networks import KerasTrainer
from textgen.model import model_dir
from textgen.sampling.decoding import log_probabilities
from textgen.settings import resolve_settings
from textgen.text.batches import draw_state_mask, ids_of
from textgen.text.vocabulary import Vocabulary
from textgen.training.batches import Batches
from textgen.training.data import TrainingData
from textgen.training.fit import Hooks, fit


def test_a_share_of_the_rows_is_reset_and_each_process_has_its_part_of_them():
    drawn = np.stack([draw_state_mask(0.1, (3, step), 500) for step in range(40)])
    assert drawn.shape == (40, 500, 1) and drawn.dtype == np.float32
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert np.mean(drawn == 0) == pytest.approx(0.1, abs=0.01)
    assert (drawn[0] != drawn[1]).any()
    mine = slice(100, 300)
    np.testing.assert_array_equal(draw_state_mask(0.1, (3, 0), 500, mine), drawn[0, mine])
    each = np.where(np.arange(200) < 50, 1.0, 0.1)
    np.testing.assert_array_equal(
        draw_state_mask(each, (3, 0), 500, mine)[50:], drawn[0, mine][50:]
    )
    assert not draw_state_mask(each, (3, 0), 500, mine)[:50].any()


def test_rows_that_start_with_a_line_are_found_in_a_resumed_training():
    ids = (np.arange(400) % 7).astype(np.uint8)  # a line end, 0, every seven characters
    chosen = resolve_settings({"epochs": 1, "batch_size": 4, "maxlen": 10})
    text = TrainingData(ids, ids[:0], Vocabulary("\nabcdef"))
    batches = Batches(text, chosen, backend())
    steps = list(islice(batches.after(0), 2 * batches.steps_per_epoch))
    line_starts = [batch.line_starts.tolist() for batch in steps]
    assert any(map(any, line_starts)) and not all(map(all, line_starts))
    for batch in steps:
        first = ids_of(batch.inputs)[:, 0]
        expected = (first == 0) | ((first == 1) & (not batch.starts_epoch))
        np.testing.assert_array_equal(batch.line_starts, expected)
    for step in range(1, len(steps)):
        assert next(batches.after(step)).line_starts.tolist() == line_starts[step]


@pytest.mark.parametrize(
    ("options", "resets"),
    [
        ({"state_reset": 0.5}, True),
        ({"state_reset": 0.0}, False),
        ({"carry_state": False, "step": 10}, False),
    ],
)
def test_a_training_with_carried_state_resets_more_and_more(monkeypatch, options, resets):
    step, masks = KerasTrainer.step, []

    def record(trainer, x, y, learning_rate, state_mask=None):
        masks.append(state_mask)
        return step(trainer, x, y, learning_rate, state_mask)

    monkeypatch.setattr(KerasTrainer, "step", record)
    ids = np.random.default_rng(0).integers(0, 5, 8010).astype(np.uint8)
    base = {"units": (4,), "embedding": 2, "epochs": 2, "batch_size": 4, "maxlen": 10}
    chosen = resolve_settings({**base, "sample_length": 0, **options})
    fit(TrainingData(ids, ids[:0], Vocabulary("abcde")), chosen, backend(), Hooks())
    assert any(rows is not None for rows in masks) is resets
    if resets:
        shares = np.array([0 if rows is None else np.mean(rows == 0) for rows in masks])
        early, late = map(np.mean, np.array_split(shares, 2))
        assert early < late and 0.05 < late < 0.4


def derailed(directory: Path, text: str, starts: int = 1000, read: int = 129) -> int:
    """How many starts from a zero state, all over a text, stay far above the others' loss."""
    trained = model_dir.read_model(directory)
    vocabulary = trained.record.vocabulary
    places = np.linspace(0, len(text) - read, starts).astype(int)
    ids = np.stack([vocabulary.encode(text[place : place + read]) for place in places])
    reader, losses = trained.network().reader((starts,)), np.zeros((starts, read - 1))
    for place in range(read - 1):
        logs = log_probabilities(reader.step(ids[:, place]))
        losses[:, place] = -logs[np.arange(starts), ids[:, place + 1]]
    later = losses[:, 16:].mean(axis=1)
    return int((later > 3 * np.median(later)).sum())


def test_a_briefly_trained_model_continues_any_start(tmp_path):
    """Without resets, some starts lead to a state that the network never leaves."""
    text = "\n".join(topics[name] for name in sorted(topics))[:150_000]
    (tmp_path / "corpus.txt").write_text(text, encoding="utf-8")
    options: dict[str, Any] = {"epochs": 1, "sample_length": 0}
    train([tmp_path / "corpus.txt"], model=tmp_path / "model", device="cpu", **options)
    assert derailed(tmp_path / "model", text) == 0
