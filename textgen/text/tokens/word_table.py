"""A table of distinct words for compiled code, which loads Numba: for long texts only.

A word is a row of ids. The table has places for a number of words that does not grow; memory for
them is taken when they are used.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgen.compilation import compile_part

MOST_WORDS = 1 << 19
MOST_IDS = 1 << 22  # of all words together
_SLOTS = 4 * MOST_WORDS


class WordTable(NamedTuple):
    """Distinct words, numbered in order of appearance.

    Attributes:
        slots: For each hash, 1 + the number of a word, or 0; int32.
        ids: Those of all words, one after the other; int32.
        bounds: Where each word begins in `ids`, and the end of the last one; int32.
        used: How many words there are, shape (1,); int64.
    """

    slots: npt.NDArray[np.int32]
    ids: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int32]
    used: npt.NDArray[np.int64]


def make_table() -> WordTable:
    """An empty table."""
    return WordTable(
        np.zeros(_SLOTS, np.int32),
        np.empty(MOST_IDS, np.int32),
        np.zeros(MOST_WORDS + 1, np.int32),
        np.zeros(1, np.int64),
    )


@compile_part
def find(table: Any, word: Any) -> Any:
    """The number of a word; if it is new, -1 - the slot for it."""
    code = np.uint64(len(word))
    for place in range(len(word)):
        code = (code ^ np.uint64(word[place])) * np.uint64(0x9E3779B97F4A7C15)
        code ^= code >> np.uint64(29)
    slot = np.int64(code & np.uint64(len(table.slots) - 1))
    while table.slots[slot]:
        number = table.slots[slot] - 1
        first = table.bounds[number]
        if table.bounds[number + 1] - first == len(word):
            place = 0
            while place < len(word) and table.ids[first + place] == word[place]:
                place += 1
            if place == len(word):
                return number
        slot = (slot + 1) & (len(table.slots) - 1)
    return -1 - slot


@compile_part
def has_room(table: Any, word: Any) -> Any:
    """Whether another word can be added."""
    number = table.used[0]
    return number + 1 < len(table.bounds) and table.bounds[number] + len(word) <= len(table.ids)


@compile_part
def add(table: Any, word: Any, slot: Any) -> Any:
    """Add a new word; gives its number."""
    number = table.used[0]
    first = table.bounds[number]
    table.ids[first : first + len(word)] = word
    table.bounds[number + 1] = first + len(word)
    table.slots[slot] = number + 1
    table.used[0] = number + 1
    return number


@compile_part
def clear(table: Any) -> None:
    """Remove all words."""
    table.slots[:] = 0
    table.used[0] = 0
