"""Tests of words."""

from itertools import pairwise

import numpy as np
import pytest

from textgen.text.tokens.words import LONGEST_WORD, WordSplitter


def words(text: str, cut_to: str | None = None) -> list[str]:
    characters = "".join(sorted(set(cut_to or text)))
    ids = np.array([characters.find(character) for character in text])
    bounds = [*WordSplitter(characters).starts(ids).tolist(), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cat, the 2 cats", ["the", " cat", ",", " the", " 2", " cats"]),
        ("a\n\n  b", ["a", "\n", "\n", " ", " b"]),
        ("if (x_1 != y) {\n\t\treturn;\n}", [
            "if", " (", "x_1", " !=", " y", ")", " {", "\n", "\t\t", "return", ";", "\n", "}",
        ]),
        ("ends  ", ["ends", "  "]),
        ("\u0939\u093f\u0928 e\u0301", ["\u0939\u093f\u0928", " e\u0301"]),
    ],
)  # fmt: skip
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_no_text() -> None:
    assert words("", "ab") == []


def test_characters_outside_the_vocabulary_are_words_by_themselves() -> None:
    assert words("abXXab", "ab") == ["ab", "X", "X", "ab"]


def test_long_words_are_cut() -> None:
    text = "a " + "x" * (2 * LONGEST_WORD) + "\n"
    assert list(map(len, words(text))) == [1, LONGEST_WORD, LONGEST_WORD, 1, 1]
