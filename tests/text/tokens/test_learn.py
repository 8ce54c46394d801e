"""Tests of learning subwords, and of vocabularies with them."""

import json

import numpy as np
import pytest

from textgen import storage
from textgen.text.tokens.learn import learn_merges
from textgen.text.vocabulary import Vocabulary

TEXT = "the cat sat on the mat; the cat ate the rat.\n" * 20 + "an end\n"


def subword_vocabulary(text: str = TEXT, subwords: int = 10) -> Vocabulary:
    characters = Vocabulary("".join(sorted(set(text))))
    size = characters.size + subwords
    merges = learn_merges(characters.encode(text), characters, size)
    return Vocabulary(characters.characters, merges=merges)


def test_text_comes_back_from_fewer_tokens() -> None:
    vocabulary = subword_vocabulary()
    ids = vocabulary.encode(TEXT)
    assert vocabulary.decode(ids.tolist()) == TEXT
    assert len(ids) < len(TEXT) / 1.5
    assert vocabulary.lengths[ids].sum() == len(TEXT)
    assert len(vocabulary.subwords) == 10
    assert " the" in vocabulary.subwords


def test_every_character_is_a_token() -> None:
    vocabulary = subword_vocabulary()
    backwards = TEXT[::-1]
    assert vocabulary.decode(vocabulary.encode(backwards).tolist()) == backwards


def test_no_subword_crosses_a_word_or_line_end() -> None:
    subwords = subword_vocabulary("ab ab\nab ab\n" * 50, 2).subwords
    assert sorted(subwords) == [" ab", "ab"]


def test_ids_that_are_no_characters() -> None:
    vocabulary = Vocabulary("abc", has_unknown=True, has_document_end=True, merges=(("a", "b"),))
    characters = vocabulary.character_vocabulary
    assert (vocabulary.unknown_id, vocabulary.document_end_id, vocabulary.size) == (4, 5, 6)
    ids = [0, 1, characters.unknown_id, characters.document_end_id, 2, -1]
    assert vocabulary.merge(np.array(ids)).tolist() == [3, 4, 5, 2, -1]
    assert vocabulary.decode([3, 4, 5, 2]) == "ab\ufffdc"
    assert vocabulary.lengths.tolist() == [1, 1, 1, 2, 1, 1]


def test_a_text_that_repeats_little_has_few_subwords() -> None:
    assert 0 < len(subword_vocabulary(subwords=500).subwords) < 50


def test_the_file() -> None:
    vocabulary = subword_vocabulary()
    assert Vocabulary.from_bytes(vocabulary.to_bytes()) == vocabulary


@pytest.mark.parametrize(
    ("merges", "problem"),
    [
        ("ab", "must be"),
        (["ab"], "a merge must be of two tokens before it"),
        ([["a"]], "a merge must be of two tokens before it"),
        ([["a", 1]], "a merge must be of two tokens before it"),
        ([["ab", "a"]], "a merge must be of two tokens before it"),
        ([["a", "b"], ["a", "b"]], "merges must be distinct"),
        ([["a", "\n"]], "a line end"),
        ([["a" * 2**i, "a" * 2**i] for i in range(8)], "too long"),
    ],
)
def test_an_edited_file(merges: object, problem: str) -> None:
    data = {"characters": "\nab", "has_unknown": False, "merges": merges}
    with pytest.raises(storage.DamageError, match=problem):
        Vocabulary.from_bytes(json.dumps(data).encode())
