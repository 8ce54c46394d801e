"""Which documents are held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.errors import CorpusError
from textgen.settings import WindowConfig
from textgen.text.documents import split
from textgen.text.documents.hashes import hash_texts
from textgen.text.documents.split import choose_held_out, contains, count_distinct


def hashes_of(numbers: list[int]):
    return np.array(sorted(numbers), np.uint64)


def count(hashes, chosen) -> int:
    return int(contains(chosen, hashes).sum())


@pytest.mark.parametrize(
    ("documents", "validation", "test", "expected"),
    [
        (1000, 0.1, 0.0, (100, 0)),
        (1000, 0.1, 0.2, (100, 200)),
        (1000, 0.0, 0.05, (0, 50)),
        (2000, 0.0, 0.0, (0, 0)),
        (25, 0.1, 0.0, (3, 0)),
        (4, 0.1, 0.0, (1, 0)),  # one at least
        (2, 0.1, 0.0, (1, 0)),
        (3, 0.1, 0.1, (1, 1)),
        (2, 0.99, 0.0, (1, 0)),  # and one for training
        (3, 0.5, 0.49, (1, 1)),
    ],
)
def test_shares_are_exact(monkeypatch, documents, validation, test, expected):
    monkeypatch.setattr(split, "_CHUNK", 7)
    hashes = np.sort(hash_texts(f"text {number}" for number in range(documents)))
    windows = WindowConfig(validation=validation, test=test)
    chosen = choose_held_out([hashes], windows)
    assert tuple(map(len, chosen)) == expected
    assert count(chosen[0], chosen[1]) == 0
    if documents > 100:
        assert chosen[0].tolist() == hashes[: expected[0]].tolist()  # the smallest ones


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=60), min_size=1, max_size=4),
    st.sampled_from([(0.1, 0.0), (0.3, 0.3), (0.0, 0.2), (0.6, 0.39), (0.0, 0.0)]),
)
def test_equal_documents_are_on_one_side(lists, shares):
    groups = [hashes_of([100 * n + number for number in some]) for n, some in enumerate(lists)]
    windows = WindowConfig(validation=shares[0], test=shares[1])
    documents, distinct = sum(map(len, lists)), sum(len(set(some)) for some in lists)
    wanted = [share > 0 for share in shares]
    if documents == 1 or (documents and distinct < 1 + sum(wanted)):
        with pytest.raises(CorpusError, match="one document|too few documents"):
            choose_held_out(groups, windows)
        return
    if not documents:
        return
    chosen = choose_held_out(groups, windows)
    everything = np.sort(np.concatenate(groups))
    for part, is_wanted in zip(chosen, wanted, strict=True):
        assert bool(len(part)) == is_wanted
        assert (np.diff(part.astype(np.int64)) > 0).all() and contains(everything, part).all()
    assert count(chosen[0], chosen[1]) == 0
    assert sum(map(len, chosen)) < distinct  # some are left for training
    if documents >= 20:
        largest = max(np.unique(everything, return_counts=True)[1])
        for part, share in zip(chosen, shares, strict=True):
            # Never more than the share, or than one set of equal documents where one is needed.
            assert count(everything, part) <= max(share * documents + 1, largest)


def test_many_equal_documents_do_not_fill_a_part():
    often = hash_texts(["the same"]).repeat(500)
    others = hash_texts(f"text {number}" for number in range(500))
    hashes = np.sort(np.concatenate([often, others]))
    validation, _ = choose_held_out([hashes], WindowConfig(validation=0.1))
    assert count(hashes, validation) == 100 and not contains(validation, often).any()


def test_each_group_gives_its_share():
    groups = [
        np.sort(hash_texts(f"{n} {k}" for k in range(size))) for n, size in enumerate([400, 35])
    ]
    validation, test = choose_held_out(groups, WindowConfig(validation=0.1, test=0.2))
    assert [count(group, validation) for group in groups] == [40, 4]
    assert [count(group, test) for group in groups] == [80, 7]


def test_distinct_hashes_are_counted_in_chunks(monkeypatch):
    monkeypatch.setattr(split, "_CHUNK", 3)
    assert count_distinct(hashes_of([1, 1, 1, 1, 1, 2, 3, 3, 4])) == 4
    assert count_distinct(hashes_of([])) == 0


def test_another_share_for_validation_leaves_the_test_as_it_is():
    hashes = np.sort(np.random.default_rng(0).integers(0, 2**63, 1000).astype(np.uint64))
    tests = [
        choose_held_out([hashes], WindowConfig(validation=validation, test=0.1))[1]
        for validation in (0.0, 0.1, 0.3)
    ]
    assert len(tests[0]) == 100
    assert all(np.array_equal(test, tests[0]) for test in tests)
