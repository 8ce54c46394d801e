"""Documents in a random order, packed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.documents.corpora import END, make_documents, split
from textgen.text.documents.label_source import DocumentLabels
from textgen.text.documents.shuffled import ShuffledDocuments

document_lengths = st.lists(st.integers(1, 30), min_size=1, max_size=400)


@given(document_lengths, st.integers(0, 99))
def test_every_document_is_there_once(lengths, seed):
    ids, part = make_documents(lengths)
    shuffled = ShuffledDocuments(ids, part, seed)
    assert len(shuffled) == len(ids)
    everything = shuffled[:]
    assert everything[0] == END and everything[-1] == END
    assert sorted(split(everything)) == sorted(split(ids))


@given(document_lengths, st.data())
def test_any_places_are_those_of_the_whole_text(lengths, data):
    ids, part = make_documents(lengths)
    shuffled = ShuffledDocuments(ids, part, 5)
    everything = shuffled[:]
    places = st.integers(0, len(ids) - 1)
    positions = np.array(data.draw(st.lists(places, max_size=50)), np.int64)
    np.testing.assert_array_equal(shuffled[positions], everything[positions])
    first, last = sorted(data.draw(st.tuples(places, places)))
    np.testing.assert_array_equal(shuffled[first:last], everything[first:last])
    rows = np.array([first, last])[:, None] + np.arange(min(9, len(ids) - last))
    np.testing.assert_array_equal(shuffled[rows], everything[rows])


def test_the_order_follows_from_the_seed():
    ids, part = make_documents([3] * 1000)
    first, again, other = (ShuffledDocuments(ids, part, seed)[:] for seed in (1, 1, (1, 2)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and (first != ids).any()


def test_one_long_document_among_short_ones():
    ids, part = make_documents([*[9] * 300, 100_000, *[9] * 300])
    everything = ShuffledDocuments(ids, part, 3)[:]
    assert sorted(split(everything)) == sorted(split(ids))


def test_labels_stay_with_their_documents():
    lengths = np.random.default_rng(0).integers(6, 20, 500)  # no two are equal
    label_ids = np.stack([np.arange(500) % 7, np.arange(500) % 3], axis=1)
    ids, part = make_documents(lengths, label_ids)
    by_document = dict(zip(split(ids), label_ids.tolist(), strict=True))
    shuffled = ShuffledDocuments(ids, part, 1, DocumentLabels(part))
    everything, read = shuffled[:], shuffled.label_ids_at(np.arange(len(ids)))
    ends = np.flatnonzero(everything == END)
    for document, (first, last) in zip(split(everything), pairwise(ends), strict=True):
        # The END before a document is read with its labels; the one after it, with the next's.
        assert (read[first:last] == by_document[document]).all()


def test_rows_of_labels_are_those_of_the_whole_text():
    ids, part = make_documents([5] * 400, np.arange(400)[:, None] % 9)
    shuffled = ShuffledDocuments(ids, part, 1, DocumentLabels(part, 0.3, 4))
    positions = np.array([0, 7, 1000, len(ids) - 11])[:, None] + np.arange(11)
    everything = shuffled.label_ids_at(np.arange(len(ids)))
    np.testing.assert_array_equal(shuffled.label_ids_at(positions), everything[positions])


@pytest.mark.parametrize("seed", [0, (3, 1)])
def test_no_part_of_the_text_is_copied_to_make_it(seed):
    ids, part = make_documents([3] * 10)
    shuffled = ShuffledDocuments(ids, part, seed)
    before = shuffled[:].copy()
    ids[part.starts[0]] = 59 - ids[part.starts[0]] % 2
    assert (shuffled[:] != before).sum() <= 1
