"""Tests of compiled code for long texts, compared with what short ones take."""

import random

import numpy as np
import pytest

from textgen.text.tokens import fast_encode, subwords, word_table
from textgen.text.tokens.subwords import SubwordEncoder
from textgen.text.tokens.words import LONGEST_WORD

CHARACTERS = "\n !abcdé漢"
MERGES = [
    *[("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), (" ", "a"), ("abc", "abc"), ("a", "a")],
    *[("aa", "a"), ("aa", "aa"), ("!", "!"), ("漢", "é"), (" a", "b"), ("d", "d"), ("dd", "d")],
]


def random_ids() -> np.ndarray:
    generator = random.Random(0)
    letters = generator.choices(CHARACTERS, [1, 6, 1, 9, 7, 5, 2, 1, 1], k=30_000)
    text = "".join(letters) + "a" * (3 * LONGEST_WORD + 1) + " " + "abc" * LONGEST_WORD + "\n\n"
    ids = np.array([CHARACTERS.index(letter) for letter in text])
    others = len(CHARACTERS)  # the ids of an unknown character and of the document end
    ids[::97], ids[::89], ids[::301] = others, others + 1, -1
    return ids


def encode(ids: np.ndarray, monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> np.ndarray:
    monkeypatch.setattr(subwords, "_FAST_FROM", -1 if fast else 1 << 40)
    encoder = SubwordEncoder(CHARACTERS, MERGES)
    parts = [encoder.encode(part) for part in np.array_split(ids, [7, 7, 9000])]
    assert ("_fast" in vars(encoder)) is fast
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_compiled_code_gives_the_same_ids(kind, monkeypatch):
    ids = random_ids()
    ids = ids if kind is np.int64 else np.where(ids < 0, 0, ids).astype(kind)
    expected = encode(ids, monkeypatch, fast=False)
    assert len(expected) < 0.9 * len(ids)
    np.testing.assert_array_equal(encode(ids, monkeypatch, fast=True), expected)


def test_a_full_table_of_words_is_emptied(monkeypatch):
    for name, value in {"MOST_WORDS": 40, "MOST_IDS": LONGEST_WORD, "_SLOTS": 64}.items():
        for module in (word_table, fast_encode):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    expected = encode(random_ids(), monkeypatch, fast=False)
    np.testing.assert_array_equal(encode(random_ids(), monkeypatch, fast=True), expected)


def test_short_texts_take_no_compiled_code():
    encoder = SubwordEncoder(CHARACTERS, MERGES)
    encoder.encode(np.zeros(1000, np.int64))
    assert "_fast" not in vars(encoder)
