"""The windows of a text."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.text.documents.corpora import END, make_documents
from textgen.text.batches import ids_of
from textgen.text.documents.label_source import DocumentLabels
from textgen.text.windows import Windows, count_windows

texts = st.lists(st.integers(0, 6), max_size=80).map(lambda ids: np.array(ids, np.uint8))
lengths = st.integers(1, 12)


@given(st.integers(0, 200), lengths, lengths)
def test_window_count_is_that_of_the_loop(characters, maxlen, step):
    assert count_windows(characters, maxlen, step) == len(range(0, characters - maxlen, step))


@given(texts, lengths, st.integers(1, 9), st.integers(1, 20), st.integers(0, 99))
def test_shuffled_batches_hold_each_window_once(ids, maxlen, step, batch_size, seed):
    windows = Windows(ids, maxlen, step, "sequence")
    if not len(windows):
        return
    batches = list(windows.shuffled_batches(batch_size, seed))
    rows = min(batch_size, len(windows))
    assert len(batches) == len(windows) // rows
    everything = {
        (tuple(x), tuple(y)) for x, y in zip(*windows.take(np.arange(len(windows))), strict=True)
    }
    for inputs, y, _ in batches:
        x = ids_of(inputs)
        assert x.shape == y.shape == (rows, maxlen)
        assert {(tuple(a), tuple(b)) for a, b in zip(x, y, strict=True)} <= everything


def test_shuffled_batches_change_with_the_seed_and_only_with_it():
    windows = Windows(np.arange(200), 5, 1, "last")

    def first(seed):
        return next(windows.shuffled_batches(50, seed))[1].tolist()

    assert first(1) == first(1) != first(2)
    assert first(1) != sorted(first(1))


@given(texts, lengths, st.integers(1, 9), st.sampled_from(["last", "sequence"]), st.integers(1, 20))
def test_batches_in_order_count_every_window_once(ids, maxlen, step, targets, batch_size):
    windows = Windows(ids, maxlen, step, targets)
    rows = [
        (tuple(x), tuple(np.atleast_1d(y)))
        for xs, ys, weights in windows.ordered_batches(batch_size)
        for x, y, weight in zip(xs, ys, weights, strict=True)
        if np.all(weight == 1)
    ]
    xs, ys = windows.take(np.arange(len(windows)))
    assert rows == [(tuple(x), tuple(np.atleast_1d(y))) for x, y in zip(xs, ys, strict=True)]


def test_step_count_of_an_epoch_of_tinyshakespeare():
    assert len(Windows(np.zeros(1_003_854, np.uint8), 40, 3, "last")) == math.ceil(1_003_814 / 3)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), lengths, st.integers(1, 4))
def test_windows_of_documents_predict_each_token_after_the_ends_before_the_text(
    document_lengths, maxlen, step
):
    ids, part = make_documents(
        document_lengths, [[number] for number in range(len(document_lengths))]
    )
    windows = Windows(ids, maxlen, step, "last", maxlen - 1, DocumentLabels(part))
    targets = np.arange(1, len(ids), step)
    assert len(windows) == len(targets)
    x, y, _ = windows.make_batch(np.arange(len(windows)))
    read, documents = x
    np.testing.assert_array_equal(y, ids[targets])
    np.testing.assert_array_equal(read[:, -1], ids[targets - 1])
    np.testing.assert_array_equal(documents[:, -1], part.find(targets - 1))
    before = targets - maxlen < 0
    assert (read[before, 0] == END).all()
