"""What context is worth, compared with Keras and with sums by hand."""

import math

import keras
import numpy as np
import pytest

from textgen.analysis.report import context_value
from textgen.model import model_dir


@pytest.mark.parametrize("window", [None, 20])
def test_bits_by_context_are_those_of_keras(trained, text, window):
    """In a short text windows start at every character, and each length predicts the same ones."""
    part = text[:161]
    model = model_dir.read_model(trained)
    ids = model.record.vocabulary.encode(part)
    value = context_value.measure(model.network(), model.parameters, ids, window)
    longest = window or 80
    assert value is not None and (value.longest, value.starts) == (longest, 160)
    saved = keras.models.load_model(trained / "model.keras")
    targets = np.arange(longest, len(ids))
    bits = []
    for context in range(1, longest + 1):
        rows = ids[targets[:, None] - np.arange(context, 0, -1)].astype(np.int32)
        after = np.asarray(saved.predict_on_batch(rows))[:, -1]
        bits.append(-np.log2(after[np.arange(len(targets)), ids[targets]]))
    points_by_context = {point.context: point for point in value.points}
    assert len(points_by_context) > 5
    for begin, end in context_value.context_groups(longest):
        middle = (begin + 1 + end) / 2
        values = np.mean(bits[begin:end], axis=0)
        parts = [part.mean() for part in np.array_split(values, 20)]
        error = np.std(parts, ddof=1) / math.sqrt(20)
        if middle in points_by_context:
            assert points_by_context[middle].bits == pytest.approx(values.mean(), abs=1e-4)
            assert points_by_context[middle].error == pytest.approx(error, rel=0.25)
        else:
            assert error > 0.75 * context_value.MAX_ERROR
    assert value.last is not None
    assert value.last.bits == pytest.approx(np.mean(bits[longest // 2 :]), abs=1e-4)


def test_errors_are_those_that_other_parts_of_the_text_show(trained, text):
    """The curves of independent texts lie as far apart as their errors say."""
    model = model_dir.read_model(trained)
    network, lines = model.network(), text.splitlines(keepends=True)
    points = []
    for seed in range(12):
        drawn = np.random.default_rng(seed).choice(lines, 30)
        ids = model.record.vocabulary.encode("".join(drawn))
        value = context_value.measure(network, model.parameters, ids, 40)
        assert value is not None
        points.append({point.context: point for point in value.points})
    scores = []
    for context in set.intersection(*map(set, points)):
        same = [by_context[context] for by_context in points]
        spread = np.std([point.bits for point in same], ddof=1)
        scores.append(spread / np.mean([point.error for point in same]))
    assert len(scores) > 10 and 0.6 < np.mean(scores) < 1.6
    many = np.random.default_rng(99).choice(lines, 120)
    ids = model.record.vocabulary.encode("".join(many))
    value = context_value.measure(network, model.parameters, ids, 40)
    assert value is not None and value.first is not None and value.differs
    few = [by_context[1].error for by_context in points if 1 in by_context]
    assert value.first.error < np.mean(few) / 1.5  # four times the text


def test_a_curve_does_not_jump_from_one_length_to_the_next(trained, text):
    """Neighbouring lengths of context predict the same characters of a short text."""
    model = model_dir.read_model(trained)
    ids = model.record.vocabulary.encode(text[-600:])
    value = context_value.measure(model.network(), model.parameters, ids, None)
    assert value is not None and value.longest == 256
    later = [point.bits for point in value.points if point.context > 20]
    assert np.abs(np.diff(later)).max() < 0.1 and len(later) > 15


def test_windows_start_all_over_a_long_text(trained, text):
    model = model_dir.read_model(trained)
    ids = np.tile(model.record.vocabulary.encode(text), 10)
    starts = context_value.spread(len(ids), 500)
    assert len(set(starts.tolist())) == 500 and (np.diff(starts) > 0).all()
    assert np.bincount(starts * 10 // len(ids)).tolist() == [50] * 10
    assert len(set((starts % 24).tolist())) == 24  # not in step with lines
    value = context_value.measure(model.network(), 10**7, ids, None)
    assert value is not None and (value.longest, value.starts) == (37, 405)


@pytest.mark.parametrize("length", [0, 1, 2, 10, 41])
def test_a_short_text_has_no_value(trained, text, length):
    model = model_dir.read_model(trained)
    ids = model.record.vocabulary.encode(text[:length])
    assert context_value.measure(model.network(), model.parameters, ids, None) is None


def test_contexts_are_grouped_on_a_logarithmic_scale():
    ranges = list(context_value.context_groups(256))
    assert ranges[:3] == [(0, 1), (1, 2), (2, 3)] and len(ranges) < 45
    assert [begin for begin, _ in ranges[1:]] == [end for _, end in ranges[:-1]]
    assert ranges[-1][1] == 256 and [*context_value.context_groups(1)] == [(0, 1)]
