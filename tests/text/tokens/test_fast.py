"""Tests of compiled code for long texts, compared with what short ones take."""

import random

import numpy as np
import pytest

from textgen.text.sources import demo_source
from textgen.text.tokens import fast_encode, learn, subwords, word_table
from textgen.text.tokens.learn import learn_merges
from textgen.text.tokens.subwords import SubwordEncoder
from textgen.text.tokens.words import LONGEST_WORD
from textgen.text.vocabulary import Vocabulary

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


def demo_text() -> str:
    with demo_source().open() as file:
        return file.read(60_000).decode("utf-8")


TEXTS = {
    "prose": demo_text(),
    "few signs": "".join(random.Random(1).choices("ab", k=20_000)) + "aaaa " * 2000,
    "long words": "".join(random.Random(2).choices("abcdefgh\n", k=20_000)),
    "long signs": "".join(random.Random(3).choices("漢字é ", k=20_000)) + "漢字" * 500,
    "unknown signs": "ab\0ab ab\0",
}


@pytest.mark.parametrize("name", TEXTS)
def test_compiled_code_learns_the_same(name, monkeypatch):
    text = TEXTS[name]
    vocabulary = Vocabulary("".join(sorted(set(text) - {"\0"})), has_unknown="\0" in text)
    ids = vocabulary.encode(text)
    ids[ids < 0] = vocabulary.size - 1
    for size in (vocabulary.size + 1, 600):
        monkeypatch.setattr(learn, "_FAST_FROM", 1 << 40)
        expected = learn_merges(ids, vocabulary, size)
        monkeypatch.setattr(learn, "_FAST_FROM", 0)
        assert learn_merges(ids, vocabulary, size) == expected
    assert 0 < len(expected) <= 600


def test_words_are_counted_as_far_as_there_is_room(monkeypatch):
    monkeypatch.setattr(learn, "_FAST_FROM", 0)
    monkeypatch.setattr(learn, "_EXCERPT", 1000)
    monkeypatch.setattr(word_table, "MOST_IDS", 100)
    text = "the cat sat\n" * 1000 + TEXTS["long words"]
    vocabulary = Vocabulary("".join(sorted(set(text))))
    merges = learn_merges(vocabulary.encode(text), vocabulary, 500)
    assert ("t", "he") in merges or ("th", "e") in merges
    assert len(merges) < 100
