"""Characters into subwords in compiled code, which loads Numba: for long texts only.

It gives the same ids as tokenizers: of all pairs of neighbours in a word, the one that was learned
first is merged first, from the left.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgen.compilation import compile_cached, compile_part
from textgen.text.tokens.word_table import (
    MOST_IDS,
    MOST_WORDS,
    add,
    clear,
    find,
    has_room,
    make_table,
)
from textgen.text.tokens.words import LONGEST_WORD


class MergeTable(NamedTuple):
    """What two tokens become, by a hash of both.

    Attributes:
        pairs: first * 2**32 + second for each slot, or -1; int64.
        merges: Which merge it is, and the new token, shape (slots, 2); int32.
    """

    pairs: npt.NDArray[np.int64]
    merges: npt.NDArray[np.int32]


class FastEncoder:
    """Turns ids of characters into ids of tokens.

    Args:
        characters: How many characters have ids.
        merges: For each merge the ids of the two tokens and of the new one, shape (merges, 3).
        others: Is added to ids that are no characters.
    """

    def __init__(self, characters: int, merges: Sequence[tuple[int, int, int]], others: int):
        self._range = np.array([characters, others])
        self._table, self._merges = make_table(), _make_merges(merges)
        self._tokens = np.empty(MOST_IDS, np.int32)
        self._bounds = np.zeros(MOST_WORDS + 1, np.int32)

    def encode(self, ids: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Turn ids of characters into ids of tokens.

        Args:
            ids: Ids of characters, shape (characters,).
            starts: Where words start, shape (words,).

        Returns:
            int32 of shape (tokens,).
        """
        results = np.empty(len(ids), np.int32)
        known = (self._table, self._tokens, self._bounds)
        count = _encode(ids.astype(np.int32), starts, self._range, known, self._merges, results)
        return results[:count]


def _make_merges(merges: Sequence[tuple[int, int, int]]) -> MergeTable:
    slots = 1 << (4 * len(merges)).bit_length()
    table = MergeTable(np.full(slots, -1), np.zeros((slots, 2), np.int32))
    _fill(np.array(merges, np.int64), table)
    return table


@compile_part
def find_pair(pairs: Any, first: Any, second: Any) -> Any:
    """The slot of a pair of tokens, or the one where it belongs."""
    pair = (np.int64(first) << 32) | np.int64(second)
    code = np.uint64(pair) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(code >> np.uint64(32)) & (len(pairs) - 1)
    while pairs[slot] != pair and pairs[slot] >= 0:
        slot = (slot + 1) & (len(pairs) - 1)
    return slot


def _fill_table(merges: Any, table: Any) -> None:
    for number in range(len(merges)):
        first, second, new = merges[number]
        slot = find_pair(table.pairs, first, second)
        table.pairs[slot] = (first << 32) | second
        table.merges[slot, 0] = number
        table.merges[slot, 1] = new


@compile_part
def _find_merge(table: Any, first: Any, second: Any) -> Any:
    """Which merge joins two tokens and what they become; a large number if none does."""
    slot = find_pair(table.pairs, first, second)
    if table.pairs[slot] < 0:
        return np.int32(2**31 - 1), np.int32(0)
    return table.merges[slot, 0], table.merges[slot, 1]


@compile_part
def _merge(word: Any, count: Any, table: Any, following: Any) -> Any:
    """Merge the tokens of a word in place; gives how many remain.

    Args:
        word: Its characters, and room for no more.
        count: How many there are.
        table: The merges.
        following: Room for each place: which merge joins it with the next, and what they become.
    """
    for place in range(count - 1):
        following[place, 0], following[place, 1] = _find_merge(table, word[place], word[place + 1])
    while count > 1:
        best = 0
        for place in range(1, count - 1):
            if following[place, 0] < following[best, 0]:
                best = place
        if following[best, 0] == 2**31 - 1:
            break
        word[best] = following[best, 1]
        count -= 1
        for place in range(best + 1, count):
            word[place] = word[place + 1]
            following[place, 0], following[place, 1] = (
                following[place + 1, 0],
                following[place + 1, 1],
            )
        for place in range(max(best - 1, 0), min(best + 1, count - 1)):
            following[place, 0], following[place, 1] = _find_merge(
                table, word[place], word[place + 1]
            )
    return count


def _encode_words(ids: Any, starts: Any, limits: Any, known: Any, merges: Any, results: Any) -> Any:
    """Write the tokens of all words; gives how many there are."""
    words, tokens, bounds = known
    room, following = np.empty(LONGEST_WORD, np.int32), np.empty((LONGEST_WORD, 2), np.int32)
    count = 0
    for number in range(len(starts)):
        start = starts[number]
        stop = starts[number + 1] if number + 1 < len(starts) else len(ids)
        if stop - start == 1:
            results[count] = ids[start] + (limits[1] if ids[start] >= limits[0] else 0)
            count += 1
            continue
        word = ids[start:stop]
        place = find(words, word)
        if place < 0:
            if not has_room(words, word):
                clear(words)
                place = find(words, word)
            room[: len(word)] = word
            length = _merge(room, len(word), merges, following)
            place = add(words, word, -1 - place)
            first = bounds[place]
            tokens[first : first + length] = room[:length]
            bounds[place + 1] = first + length
        for token in range(bounds[place], bounds[place + 1]):
            results[count] = tokens[token]
            count += 1
    return count


_encode = compile_cached(_encode_words, error_model="numpy")
_fill = compile_cached(_fill_table, error_model="numpy")
