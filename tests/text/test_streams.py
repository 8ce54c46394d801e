"""Streams of text that continue from batch to batch."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.text.documents.corpora import make_documents
from textgen.text import streams
from textgen.text.batches import ids_of
from textgen.text.documents.label_source import DocumentLabels
from textgen.text.streams import Streams

lengths = st.integers(1, 12)


@given(st.integers(2, 300), st.integers(1, 7), lengths)
def test_streams_continue_from_batch_to_batch(characters, count, maxlen):
    ids = np.arange(characters)
    batches = list(Streams(ids, count, maxlen).full_batches())
    assert len(batches) == len(Streams(ids, count, maxlen))
    for x, y, weights in batches:
        assert ids_of(x).shape == (count, maxlen) and weights.all()
        np.testing.assert_array_equal(y, ids_of(x) + 1)
    for (before, _, _), (after, _, _) in pairwise(batches):
        np.testing.assert_array_equal(ids_of(after)[:, 0], ids_of(before)[:, -1] + 1)


@given(st.integers(2, 300), st.integers(1, 7), lengths, st.data())
def test_streams_can_be_cut_elsewhere(characters, count, maxlen, data):
    """However many characters are left out, at most one batch is missing."""
    parallel = Streams(np.arange(characters), count, maxlen)
    offset = data.draw(st.integers(0, maxlen - 1))
    batches = list(parallel.full_batches(offset))
    assert len(parallel) - 1 <= len(batches) <= len(parallel)
    if batches:
        length, first = (characters - 1) // count, ids_of(batches[0][0])[:, 0]
        np.testing.assert_array_equal(first, np.arange(count) * length + offset)


@given(st.integers(2, 300), st.integers(1, 7), lengths, st.integers(0, 20))
def test_all_batches_predict_each_character_but_the_first_once(characters, count, maxlen, lead):
    """Each row continues where it ended, and begins `lead` characters before its first target."""
    predicted = []
    last = None
    for inputs, y, weights in Streams(np.arange(characters), count, maxlen).all_batches(lead):
        x = ids_of(inputs)
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


def test_batches_are_the_same_however_many_are_read_at_once(monkeypatch):
    ids, part = make_documents([5] * 100, np.arange(100)[:, None] % 9)
    labels = DocumentLabels(part)
    read = Streams(ids, 3, 4, labels=labels)
    together = list(read.full_batches(1))
    monkeypatch.setattr(streams, "_IDS_AT_ONCE", 1)
    alone = list(read.full_batches(1))
    assert len(together) == len(alone) == len(read) - 1
    for (x, y, _), (other_x, other_y, _) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)
    (last, _, _), (rest, _, _) = together[-1], next(read.full_batches(1, skip=len(read) - 2))
    np.testing.assert_array_equal(last, rest)


def test_inputs_have_the_labels_of_their_documents():
    ids, part = make_documents([3, 8, 5], [[1, 4], [2, 5], [3, 6]])
    for x, _, _ in Streams(ids, 2, 5, labels=DocumentLabels(part)).all_batches(lead=2):
        read, first, second = x
        assert read.dtype == first.dtype == np.int32 and read.shape == first.shape == (2, 5)
        np.testing.assert_array_equal(second, first + 3)
    x, _, _ = next(Streams(ids, 1, 18, labels=DocumentLabels(part)).full_batches())
    assert x[1][0].tolist() == [1] * 4 + [2] * 9 + [3] * 5
