"""What reading a text tells, beside evaluate and sums by hand."""

import math

import keras
import numpy as np
import pytest

from tests.analysis.test_evaluation import source
from textgen import inspect
from textgen.analysis.report import findings
from textgen.analysis.report.findings import Reading
from textgen.model import model_dir
from textgen.text.vocabulary import Vocabulary


@pytest.fixture(params=["trained", "trained_on_windows"])
def model(request):
    return request.getfixturevalue(request.param)


def test_a_text_is_read_as_inspect_reads_it(model, text):
    part = text[500:900]
    trained = model_dir.read_model(model)
    record, network = trained.record, trained.network()
    vocabulary = record.vocabulary
    reading = findings.read(network, vocabulary.encode(part), vocabulary, record.window())
    ours = list(reading.surprises(vocabulary, 300))
    theirs = list(inspect([source(part)], model))[:300]
    assert [one.rank for one in ours] == [one.rank for one in theirs]
    assert [one.character for one in ours] == list(part[:300])
    assert [one.bits or 0 for one in ours] == pytest.approx(
        [one.bits or 0 for one in theirs], abs=1e-5
    )
    units = record.settings.model.units
    assert [held.shape for held in reading.activations] == [(400, count) for count in units]
    assert all(0.05 < np.abs(held).max() <= 1 for held in reading.activations)


@pytest.mark.parametrize("window", [None, 20])
def test_context_is_worth_what_keras_says(trained, text, window):
    """In a short text windows start at every character, and each length predicts the same ones."""
    part = text[:161]
    found = model_dir.read_model(trained)
    ids = found.record.vocabulary.encode(part)
    worth = findings.context_worth(found.network(), found.parameters, ids, window)
    longest = window or 80
    assert worth is not None and (worth.longest, worth.starts) == (longest, 160)
    saved = keras.models.load_model(trained / "model.keras")
    targets = np.arange(longest, len(ids))
    bits = []
    for context in range(1, longest + 1):
        rows = ids[targets[:, None] - np.arange(context, 0, -1)].astype(np.int32)
        after = np.asarray(saved.predict_on_batch(rows))[:, -1]
        bits.append(-np.log2(after[np.arange(len(targets)), ids[targets]]))
    shown = {point.context: point for point in worth.points}
    assert len(shown) > 5
    for begin, end in findings.near_each_other(longest):
        middle = (begin + 1 + end) / 2
        values = np.mean(bits[begin:end], axis=0)
        parts = [part.mean() for part in np.array_split(values, 20)]
        error = np.std(parts, ddof=1) / math.sqrt(20)
        if middle in shown:
            assert shown[middle].bits == pytest.approx(values.mean(), abs=1e-4)
            assert shown[middle].error == pytest.approx(error, rel=0.25)
        else:
            assert error > 0.75 * findings.ERROR_AT_MOST
    assert worth.last is not None
    assert worth.last.bits == pytest.approx(np.mean(bits[longest // 2 :]), abs=1e-4)


def test_errors_are_those_that_other_parts_of_the_text_show(trained, text):
    """The curves of independent texts lie as far apart as their errors say."""
    found = model_dir.read_model(trained)
    network, lines = found.network(), text.splitlines(keepends=True)
    points = []
    for seed in range(12):
        drawn = np.random.default_rng(seed).choice(lines, 30)
        ids = found.record.vocabulary.encode("".join(drawn))
        worth = findings.context_worth(network, found.parameters, ids, 40)
        assert worth is not None
        points.append({one.context: one for one in worth.points})
    scores = []
    for context in set.intersection(*map(set, points)):
        same = [one[context] for one in points]
        spread = np.std([one.bits for one in same], ddof=1)
        scores.append(spread / np.mean([one.error for one in same]))
    assert len(scores) > 10 and 0.6 < np.mean(scores) < 1.6
    many = np.random.default_rng(99).choice(lines, 120)
    ids = found.record.vocabulary.encode("".join(many))
    worth = findings.context_worth(network, found.parameters, ids, 40)
    assert worth is not None and worth.first is not None and worth.differs
    few = [one[1].error for one in points if 1 in one]
    assert worth.first.error < np.mean(few) / 1.5  # four times the text


def test_a_curve_does_not_jump_from_one_length_to_the_next(trained, text):
    """Neighbouring lengths of context predict the same characters of a short text."""
    found = model_dir.read_model(trained)
    ids = found.record.vocabulary.encode(text[-600:])
    worth = findings.context_worth(found.network(), found.parameters, ids, None)
    assert worth is not None and worth.longest == 256
    later = [point.bits for point in worth.points if point.context > 20]
    assert np.abs(np.diff(later)).max() < 0.1 and len(later) > 15


def test_windows_start_all_over_a_long_text(trained, text):
    found = model_dir.read_model(trained)
    ids = np.tile(found.record.vocabulary.encode(text), 10)
    starts = findings._spread(len(ids), 500)
    assert len(set(starts.tolist())) == 500 and (np.diff(starts) > 0).all()
    assert np.bincount(starts * 10 // len(ids)).tolist() == [50] * 10
    assert len(set((starts % 24).tolist())) == 24  # not in step with lines
    worth = findings.context_worth(found.network(), 10**7, ids, None)
    assert worth is not None and (worth.longest, worth.starts) == (37, 405)


@pytest.mark.parametrize("length", [0, 1, 2, 10, 41])
def test_a_text_that_is_too_short_tells_nothing_of_context(trained, text, length):
    found = model_dir.read_model(trained)
    ids = found.record.vocabulary.encode(text[:length])
    assert findings.context_worth(found.network(), found.parameters, ids, None) is None


def test_what_takes_most_from_what_stands_there_comes_first():
    vocabulary = Vocabulary("abc")
    shares = np.array([[0.5, 0.4, 0.1], [0.2, 0.2, 0.6], [0.3, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3]])
    ids = np.array([0, 0, 1, 0])  # what stands after each: a, b, a
    reading = Reading("aaba", ids, np.log(shares).astype(np.float32), [])
    found = findings.confusions(reading, vocabulary, 3)
    assert [(one.stands, one.expected, one.times) for one in found] == [
        ("a", "b", 2),
        ("b", "c", 1),
        ("a", "c", 2),
    ]
    assert found[0].share == pytest.approx((0.4 + 0.3) / 2)
    assert found[1].share == pytest.approx(0.6)


def test_points_near_each_other_become_one():
    ranges = list(findings.near_each_other(256))
    assert ranges[:3] == [(0, 1), (1, 2), (2, 3)] and len(ranges) < 45
    assert [begin for begin, _ in ranges[1:]] == [end for _, end in ranges[:-1]]
    assert ranges[-1][1] == 256 and [*findings.near_each_other(1)] == [(0, 1)]


def test_large_networks_and_long_windows_read_less(trained):
    network = model_dir.read_model(trained).network()
    assert findings.at_most(network, 1000, None) == 20_000
    assert findings.at_most(network, 10**8, None) == 1500
    assert findings.at_most(network, 10**8, 40) == 37
    assert findings.at_most(network, 10**12, 40) == 2
