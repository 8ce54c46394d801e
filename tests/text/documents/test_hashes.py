"""Hashes of documents do not depend on blocks, and distinguish documents."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.documents import hashes as hashing
from textgen.text.documents.hashes import (
    DocumentHasher,
    hash_documents,
    hash_texts,
    marked_code_points,
)
from textgen.text.documents.markers import DOCUMENT_END

MODULUS = 1 << 64


def mix(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % MODULUS
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % MODULUS
    return value ^ (value >> 31)


def one_by_one(text: str) -> int:
    """The same in Python's integers."""
    base = hashing._BASE
    polynomial = sum(ord(character) * pow(base, n, MODULUS) for n, character in enumerate(text))
    return mix(polynomial % MODULUS ^ mix(len(text)))


documents = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=9)


@given(documents, st.lists(st.integers(0, 100), max_size=6))
def test_hashes_do_not_depend_on_blocks(texts, cuts):
    codes = marked_code_points("".join(text + DOCUMENT_END for text in texts))
    expected = [one_by_one(text) for text in texts]
    assert hash_texts(texts).tolist() == expected
    hasher, hashes = DocumentHasher(), []
    places = [0, *sorted(min(cut, len(codes)) for cut in cuts), len(codes)]
    for first, last in itertools.pairwise(places):
        block = codes[first:last]
        hashes += hasher.add(block, np.flatnonzero(block == hashing.END_CODE)).tolist()
    assert hashes == expected


def test_documents_longer_than_a_block(monkeypatch):
    texts = ["abc" * 100, "x", "", "y" * 257]
    expected = hash_texts(texts).tolist()
    hashing._powers.cache_clear()
    monkeypatch.setattr(hashing, "_BLOCK", 7)
    try:
        assert hash_texts(texts).tolist() == expected == [one_by_one(text) for text in texts]
    finally:
        hashing._powers.cache_clear()


def test_what_stands_at_an_end_has_no_effect():
    ends = np.array([1, 3])
    first = hash_documents(np.array([5, 0, 6, 0]), ends)
    assert first.tolist() == hash_documents(np.array([5, 9, 6, 8]), ends).tolist()


def test_similar_documents_have_different_hashes():
    texts = ["".join(letters) for letters in itertools.product("abc", repeat=8)]
    texts += ["a" * n for n in range(9, 9000)] + ["\0", "\0\0", ""]
    hashes = hash_texts(texts)
    assert len(set(hashes.tolist())) == len(texts)
    # A tenth of them is below a tenth of the range: the split is by size.
    assert abs(np.mean(hashes < MODULUS // 10) - 0.1) < 0.01
