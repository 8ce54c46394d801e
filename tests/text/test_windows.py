"""Windows, tensors and streams against plain loops over the text."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textgen.text.windows import (
    Permutation,
    Streams,
    Windows,
    one_hot,
    one_hot_pieces,
    one_hot_shapes,
    training_characters,
    window_count,
    with_noise,
)

texts = st.lists(st.integers(0, 6), max_size=80).map(lambda ids: np.array(ids, np.uint8))
lengths = st.integers(1, 12)


def classic(ids, maxlen, step, targets, size):
    """The double loop of the Keras example, over windows and positions."""
    starts = list(range(0, len(ids) - maxlen, step))
    x = np.zeros((len(starts), maxlen, size), np.bool_)
    y = np.zeros(
        (len(starts), size) if targets == "last" else (len(starts), maxlen, size), np.bool_
    )
    for i, start in enumerate(starts):
        for t in range(maxlen):
            x[i, t, ids[start + t]] = True
            if targets == "sequence":
                y[i, t, ids[start + t + 1]] = True
        if targets == "last":
            y[i, ids[start + maxlen]] = True
    return x, y


@given(
    texts, lengths, st.integers(1, 9), st.sampled_from(["last", "sequence"]), st.integers(1, 500)
)
@example(np.array([], np.uint8), 3, 1, "last", 100)
@example(np.array([1, 2], np.uint8), 3, 1, "sequence", 100)
@example(np.array([1, 2, 3], np.uint8), 3, 2, "sequence", 100)
def test_one_hot_tensors_equal_the_double_loop(ids, maxlen, step, targets, at_most):
    windows = Windows(ids, maxlen, step, targets)
    pieces = list(one_hot_pieces(windows, 7, at_most))
    x_shape, y_shape = one_hot_shapes(windows, 7)
    x = np.concatenate([np.zeros((0, *x_shape[1:]), np.bool_), *(piece for piece, _ in pieces)])
    y = np.concatenate([np.zeros((0, *y_shape[1:]), np.bool_), *(piece for _, piece in pieces)])
    expected_x, expected_y = classic(ids, maxlen, step, targets, 7)
    assert x.dtype == y.dtype == np.bool_
    assert x.shape == x_shape and y.shape == y_shape
    np.testing.assert_array_equal(x, expected_x)
    np.testing.assert_array_equal(y, expected_y)
    assert all(len(piece) == 1 or piece.nbytes <= at_most for piece, _ in pieces)


@given(st.integers(0, 200), lengths, lengths)
def test_window_count_is_that_of_the_loop(characters, maxlen, step):
    assert window_count(characters, maxlen, step) == len(range(0, characters - maxlen, step))


@given(texts, lengths, st.integers(1, 9), st.integers(1, 20), st.integers(0, 99))
def test_shuffled_batches_hold_each_window_once(ids, maxlen, step, batch_size, seed):
    windows = Windows(ids, maxlen, step, "sequence")
    if not len(windows):
        return
    batches = list(windows.shuffled(batch_size, seed))
    rows = min(batch_size, len(windows))
    assert len(batches) == len(windows) // rows
    everything = {
        (tuple(x), tuple(y)) for x, y in zip(*windows.take(np.arange(len(windows))), strict=True)
    }
    for x, y, _ in batches:
        assert x.shape == y.shape == (rows, maxlen)
        assert {(tuple(a), tuple(b)) for a, b in zip(x, y, strict=True)} <= everything


def test_shuffled_batches_change_with_the_seed_and_only_with_it():
    windows = Windows(np.arange(200), 5, 1, "last")

    def first(seed: int) -> list[int]:
        return [int(one) for one in next(windows.shuffled(50, seed))[1]]

    assert first(1) == first(1) != first(2)
    assert first(1) != sorted(first(1))


@given(texts, lengths, st.integers(1, 9), st.sampled_from(["last", "sequence"]), st.integers(1, 20))
def test_batches_in_order_count_every_window_once(ids, maxlen, step, targets, batch_size):
    windows = Windows(ids, maxlen, step, targets)
    rows = [
        (tuple(x), tuple(np.atleast_1d(y)))
        for xs, ys, weights in windows.in_order(batch_size)
        for x, y, weight in zip(xs, ys, weights, strict=True)
        if np.all(weight == 1)
    ]
    xs, ys = windows.take(np.arange(len(windows)))
    assert rows == [(tuple(x), tuple(np.atleast_1d(y))) for x, y in zip(xs, ys, strict=True)]


@given(st.integers(2, 300), st.integers(1, 7), lengths)
def test_streams_go_on_from_batch_to_batch(characters, count, maxlen):
    ids = np.arange(characters)
    batches = list(Streams(ids, count, maxlen).whole())
    assert len(batches) == len(Streams(ids, count, maxlen))
    for x, y, weights in batches:
        assert x.shape == (count, maxlen) and weights.all()
        np.testing.assert_array_equal(y, x + 1)
    for (before, _, _), (after, _, _) in pairwise(batches):
        np.testing.assert_array_equal(after[:, 0], before[:, -1] + 1)


@given(st.integers(2, 300), st.integers(1, 7), lengths, st.data())
def test_streams_can_be_cut_elsewhere(characters, count, maxlen, data):
    """However many characters are left out, at most one batch is missing."""
    streams = Streams(np.arange(characters), count, maxlen)
    offset = data.draw(st.integers(0, maxlen - 1))
    batches = list(streams.whole(offset))
    assert len(streams) - 1 <= len(batches) <= len(streams)
    if batches:
        length = (characters - 1) // count
        np.testing.assert_array_equal(batches[0][0][:, 0], np.arange(count) * length + offset)


@given(st.integers(2, 300), st.integers(1, 7), lengths, st.integers(0, 20))
def test_every_predicts_each_character_but_the_first_once(characters, count, maxlen, lead):
    """And each row goes on where it was, from as many characters before its first target."""
    predicted = []
    last = None
    for x, y, weights in Streams(np.arange(characters), count, maxlen).every(lead):
        assert x.shape == y.shape == weights.shape == (count, maxlen)
        if last is None:
            length = -(-(characters - 1) // count)
            firsts = np.clip(np.arange(count) * length - lead, 0, characters - 2)
            np.testing.assert_array_equal(x[:, 0], firsts)
        else:
            assert ((x[:, 0] == last) | (x[:, 0] == last + 1)).all()
        last = x[:, -1]
        np.testing.assert_array_equal(y[weights == 1], x[weights == 1] + 1)
        predicted += y[weights == 1].tolist()
    assert sorted(predicted) == list(range(1, characters))


@given(st.integers(1, 2000), st.integers(0, 2**32))
def test_permutation_has_every_number_once(n, seed):
    assert sorted(Permutation(n, seed)[np.arange(n)].tolist()) == list(range(n))


def test_permutation_of_a_huge_range_takes_no_memory_and_stays_inside():
    n = 10**12
    numbers = Permutation(n, 5)[np.arange(1000)]
    assert len(set(numbers.tolist())) == 1000
    assert numbers.min() >= 0 and numbers.max() < n
    assert abs(numbers.mean() / n - 0.5) < 0.05


def test_permutation_is_about_uniform():
    """Chi-square over where the first of ten numbers goes, 4,000 seeds: nine degrees of freedom."""
    places = [int(Permutation(10, seed)[np.zeros(1, np.int64)][0]) for seed in range(4000)]
    counts = np.bincount(places, minlength=10)
    assert ((counts - 400) ** 2 / 400).sum() < 33.7  # exceeded once in 10,000 times by chance


@pytest.mark.parametrize(
    ("characters", "validation", "expected"),
    [
        (1_115_394, 0.1, 1_003_854),
        (10, 0.1, 9),
        (10, 0.3, 7),
        (7, 0.0, 7),
        (3, 0.5, 1),
        (0, 0.1, 0),
    ],
)
def test_split_is_exact(characters, validation, expected):
    assert training_characters(characters, validation) == expected


def test_noise_replaces_a_share_by_characters_of_the_same_row():
    x = np.arange(64 * 500, dtype=np.int32).reshape(64, 500)
    noised = with_noise(x, 0.1, seed=(3, 1, 2), count=64)
    assert noised.dtype == np.int32
    assert np.mean(noised != x) == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(noised // 500, x // 500)
    assert len(np.unique(noised[noised != x] % 500)) > 490  # from all over the row
    assert not np.array_equal(noised, with_noise(x, 0.1, seed=(3, 1, 3), count=64))


def test_rows_of_a_batch_have_the_noise_that_they_have_in_the_whole():
    x = np.arange(48, dtype=np.int32).reshape(6, 8)
    whole = with_noise(x, 0.4, seed=5, count=6)
    for rows in (slice(0, 3), slice(3, 6)):
        np.testing.assert_array_equal(with_noise(x[rows], 0.4, 5, 6, rows), whole[rows])


def test_one_hot_of_a_vocabulary_that_needs_more_than_a_byte():
    vectors = one_hot(np.array([[70_000, 0]], np.uint32), 70_001)
    assert vectors.shape == (1, 2, 70_001)
    assert vectors.sum() == 2 and vectors[0, 0, 70_000] and vectors[0, 1, 0]


def test_step_count_of_an_epoch_of_tinyshakespeare():
    assert len(Windows(np.zeros(1_003_854, np.uint8), 40, 3, "last")) == math.ceil(1_003_814 / 3)
