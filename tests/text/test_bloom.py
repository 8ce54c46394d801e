"""A Bloom filter: all of its hashes, and few others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.storage import DamageError
from textgen.text.bloom import BloomFilter
from textgen.text.documents.hashes import hash_texts


@given(st.lists(st.text(max_size=9), max_size=50), st.lists(st.text(max_size=9), max_size=50))
def test_what_is_in_it_is_never_missed(inside, others):
    hashes = hash_texts(inside)
    cut = len(hashes) // 2
    bloom = BloomFilter.of([hashes[:cut], hashes[cut:]], len(hashes))
    again = BloomFilter.from_bytes(bloom.to_bytes())
    assert again.contains(hashes).all() and len(bloom.to_bytes()) == 16 + 2 * max(1, len(inside))
    for text, found in zip(others, again.contains(hash_texts(others)), strict=True):
        assert found or text not in inside


def test_few_others_seem_to_be_in_it():
    known, others = (hash_texts(f"{kind} {n}" for n in range(200_000)) for kind in ("a", "b"))
    bloom = BloomFilter.of([known], len(known))
    share = bloom.contains(others).mean()
    assert 0.0003 < share < 0.0007
    assert bloom.false_positives == pytest.approx(0.00046, rel=0.1)


@pytest.mark.parametrize("data", [b"", b"textgen bloom 1\n", b"textgen bloom 1\nabc", b"x" * 40])
def test_something_else_is_refused(data):
    with pytest.raises(DamageError, match="not a set of hashes"):
        BloomFilter.from_bytes(data)


def test_an_empty_set_has_nothing():
    bloom = BloomFilter.of([], 0)
    assert not bloom.contains(hash_texts(["a", ""])).any() and bloom.false_positives == 0
    assert BloomFilter.of([np.empty(0, np.uint64)], 0).to_bytes() == bloom.to_bytes()
