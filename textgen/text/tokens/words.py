"""Cuts text into words, as byte-pair encoding needs them: no subword crosses the end of a word.

A word is a run of letters, digits and underscores, or a run of other signs, each with the space
before it; or a run of white space. A line end is a word by itself.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_WORD = 64  # characters; a longer one is cut, so that the memory for one is bounded
_ALONE, _WHITE, _LETTER, _SIGN = range(4)


class WordSplitter:
    """Finds words in ids of characters.

    Args:
        characters: The characters in the order of their ids.

    Example:
        >>> splitter = WordSplitter("\\n abc!")
        >>> ids = np.array(["\\n abc!".index(letter) for letter in "ab  c!\\n\\n"])
        >>> splitter.starts(ids).tolist()  # ab, one space, " c", !, two line ends
        [0, 2, 3, 5, 6, 7]
    """

    def __init__(self, characters: str):
        # The last entry is for ids that are no characters: an unknown one, a document end, -1.
        self._kinds = np.array([*map(_kind, characters), _ALONE], np.uint8)
        self._space = characters.find(" ")

    def starts(self, ids: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Where each word starts.

        Args:
            ids: Ids of characters, shape (characters,); others are words by themselves.

        Returns:
            int64 of shape (words,), from 0 on.
        """
        if not len(ids):
            return np.zeros(0, np.int64)
        others = len(self._kinds) - 1
        is_other = (ids < 0) | (ids > others)
        kinds = self._kinds[np.where(is_other, others, ids) if is_other.any() else ids]
        is_start = np.ones(len(ids), np.bool_)
        is_start[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] == _ALONE)
        if self._space >= 0:
            leads = (ids[:-1] == self._space) & (kinds[1:] >= _LETTER)  # a space before a word
            is_start[1:] &= ~leads
            is_start[:-1] |= leads
        starts = np.flatnonzero(is_start)
        lengths = np.diff(starts, append=len(ids))
        if lengths.max() <= LONGEST_WORD:
            return starts
        pieces = -(-lengths // LONGEST_WORD)
        numbers = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        cut: npt.NDArray[np.int64] = np.repeat(starts, pieces) + LONGEST_WORD * numbers
        return cut


def word_pattern(characters: str) -> str:
    """A regular expression whose matches, one after the other, are the words of `WordSplitter`.

    It is for other programs: each sign has its own place in it, so that it depends on no version of
    Unicode. What it does not match, a line end or a character that is not in the vocabulary, is a
    word by itself. It has no syntax that JavaScript lacks.

    Args:
        characters: The characters in the order of their ids.

    Example:
        >>> word_pattern("\\n abc!?")
        ' [a-c]{1,63}|[a-c]{1,64}| [!?]{1,63}|[!?]{1,64}|(?:(?! [!?a-c])[ ]){1,64}'
    """
    white, letters, signs = (
        [character for character in characters if _kind(character) == kind]
        for kind in (_WHITE, _LETTER, _SIGN)
    )
    parts = []
    for kind in (letters, signs):
        if kind and " " in white:
            parts.append(f" {_character_class(kind)}{{1,{LONGEST_WORD - 1}}}")
        if kind:
            parts.append(f"{_character_class(kind)}{{1,{LONGEST_WORD}}}")
    if white:
        words = sorted(letters + signs)
        before = f"(?! {_character_class(words)})" if words else ""
        parts.append(f"(?:{before}{_character_class(white)}){{1,{LONGEST_WORD}}}")
    return "|".join(parts)


def _character_class(characters: Sequence[str]) -> str:
    """A class of a regular expression, with ranges of code points that follow each other.

    Args:
        characters: Distinct and sorted.
    """
    ranges: list[list[str]] = []
    for character in characters:
        if ranges and ord(character) == ord(ranges[-1][-1]) + 1:
            ranges[-1][1:] = [character]
        else:
            ranges.append([character])
    # "[" would begin a class in a class.
    escaped = ([f"\\{end}" if end in "\\[]^-" else end for end in ends] for ends in ranges)
    return f"[{''.join(map('-'.join, escaped))}]"


def _kind(character: str) -> int:
    if character == "\n":
        return _ALONE
    if character.isspace():
        return _WHITE
    category = unicodedata.category(character)[0]
    return _LETTER if character == "_" or category in "LMN" else _SIGN
