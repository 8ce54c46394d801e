"""Learns subwords in compiled code, which loads Numba: for long texts only.

It gives the same merges as tokenizers, in the same order: of all pairs of neighbours in words, the
most frequent one becomes a token; of several, the one with the smallest ids.
"""

from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgen.compilation import compile_cached, compile_part
from textgen.text.tokens.fast_encode import find_pair
from textgen.text.tokens.subwords import LONGEST_SUBWORD
from textgen.text.tokens.word_table import MOST_WORDS, add, find, has_room, make_table
from textgen.text.tokens.words import LONGEST_WORD

_FIRST_SLOTS = 1 << 14


class WordCounts:
    """How often words of several characters occur, as far as there is room for distinct ones."""

    def __init__(self) -> None:
        self._table, self._counts = make_table(), np.zeros(MOST_WORDS, np.int64)

    def add(self, ids: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> bool:
        """Count the words of an excerpt.

        Args:
            ids: Ids of characters, shape (characters,).
            starts: Where words start, shape (words,).

        Returns:
            Whether there was room for all of them.
        """
        return bool(_count(ids.astype(np.int32), starts, self._table, self._counts))

    def learn(self, characters: int, size: int) -> npt.NDArray[np.int32]:
        """Learn merges of the words. No word can be counted after that.

        Args:
            characters: How many characters have ids.
            size: Tokens in all: characters and subwords.

        Returns:
            For each merge the ids of the two tokens and of the new one, shape (merges, 3).
        """
        used = int(self._table.used[0])
        bounds = self._table.bounds[: used + 1]
        symbols = self._table.ids[: bounds[-1]]
        texts = np.zeros((size, LONGEST_SUBWORD), np.int32)
        texts[:characters, 0] = np.arange(characters)
        lengths = np.ones(size, np.int32)
        merges = np.empty((4 * size, 3), np.int32)  # several may give the same subword
        count = _learn(
            (symbols, bounds, self._counts[:used]),
            _make_pairs(len(symbols)),
            (texts, lengths),
            characters,
            merges,
        )
        return merges[:count]


class Pairs(NamedTuple):
    """Pairs of tokens, numbered in order of appearance, and the words that they are in.

    Attributes:
        keys: The pair in each slot of the hash, first * 2**32 + second, or -1; int64.
        numbers: The number of the pair in each slot; int32.
        pairs: Each pair as in `keys`, shape (pairs,); int64.
        counts: How often it occurs; int64.
        lists: Its last entry in `entries` that is not in the queue yet, or -1; int32.
        entries: A word, and the entry before it in the list or -1, shape (entries, 2); int32.
        changed: The pairs with such entries; int32.
        used: How many pairs, entries and changed pairs there are, shape (3,); int64.
    """

    keys: Any
    numbers: Any
    pairs: Any
    counts: Any
    lists: Any
    entries: Any
    changed: Any
    used: Any


def _make_pairs(symbols: int) -> Pairs:
    # Each symbol begins one pair, and a merge makes two at most. Memory is taken when it is used.
    most = 3 * symbols + 1
    return Pairs(
        np.full(_FIRST_SLOTS, -1),
        np.empty(_FIRST_SLOTS, np.int32),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int32),
        np.empty((most, 2), np.int32),
        np.empty(most, np.int32),
        np.zeros(3, np.int64),
    )


def _count_words(ids: Any, starts: Any, table: Any, counts: Any) -> Any:
    """Count words of several characters; gives whether there was room for all of them."""
    for place in range(len(starts)):
        start = starts[place]
        stop = starts[place + 1] if place + 1 < len(starts) else len(ids)
        if stop - start > 1:
            word = ids[start:stop]
            number = find(table, word)
            if number < 0:
                if not has_room(table, word):
                    return False
                number = add(table, word, -1 - number)
            counts[number] += 1
    return True


@compile_part
def _grow(pairs: Any) -> Any:
    """The pairs with twice as many slots."""
    keys = np.full(2 * len(pairs.keys), -1)
    numbers = np.empty(len(keys), np.int32)
    for number in range(pairs.used[0]):
        pair = pairs.pairs[number]
        slot = find_pair(keys, pair >> 32, pair & 0xFFFFFFFF)
        keys[slot], numbers[slot] = pair, number
    others = pairs.pairs, pairs.counts, pairs.lists, pairs.entries, pairs.changed, pairs.used
    return Pairs(keys, numbers, *others)


@compile_part
def _change(pairs: Any, first: Any, second: Any, change: Any, word: Any) -> None:
    """Add to the count of a pair, which a word has more or fewer of."""
    slot = find_pair(pairs.keys, first, second)
    if pairs.keys[slot] < 0:
        number = pairs.used[0]
        pairs.used[0] += 1
        pairs.keys[slot] = (np.int64(first) << 32) | np.int64(second)
        pairs.numbers[slot] = number
        pairs.pairs[number] = pairs.keys[slot]
        pairs.counts[number], pairs.lists[number] = 0, -1
    number = pairs.numbers[slot]
    pairs.counts[number] += change
    if change > 0:
        last = pairs.lists[number]
        if last < 0:
            pairs.changed[pairs.used[2]] = number
            pairs.used[2] += 1
        if last < 0 or pairs.entries[last, 0] != word:
            pairs.entries[pairs.used[1], 0] = word
            pairs.entries[pairs.used[1], 1] = last
            pairs.lists[number] = pairs.used[1]
            pairs.used[1] += 1


@compile_part
def _enqueue(pairs: Any, queue: Any) -> None:
    """Move the lists of all changed pairs to the queue."""
    for place in range(pairs.used[2]):
        number = pairs.changed[place]
        if pairs.counts[number] > 0:
            heappush(
                queue, (-pairs.counts[number], pairs.pairs[number], np.int64(pairs.lists[number]))
            )
        pairs.lists[number] = -1
    pairs.used[2] = 0


@compile_part
def _find_token(tokens: Any, used: Any, first: Any, second: Any) -> Any:
    """The id of the token that two make; writes it behind the others, where it may be new."""
    texts, lengths = tokens
    length = lengths[first] + lengths[second]
    lengths[used] = length
    texts[used, : lengths[first]] = texts[first, : lengths[first]]
    texts[used, lengths[first] : length] = texts[second, : lengths[second]]
    for token in range(used):
        if lengths[token] == length and (texts[token, :length] == texts[used, :length]).all():
            return token
    return used


@compile_part
def _merge(symbols: Any, merge: Any, lengths: Any, pairs: Any, occurrence: Any) -> Any:
    """Merge a pair in a word, in place, and count the pairs that it has then.

    Args:
        symbols: Its tokens.
        merge: The two tokens and the new one.
        lengths: Characters of each token.
        pairs: The pairs.
        occurrence: The word's number, and how often it occurs.

    Returns:
        How many tokens the word has left.
    """
    first, second, new = merge
    word, count = occurrence
    place = size = 0
    while place < len(symbols):
        if place + 1 == len(symbols) or symbols[place] != first or symbols[place + 1] != second:
            symbols[size] = symbols[place]
            place += 1
            size += 1
            continue
        if size > 0:
            before = symbols[size - 1]
            _change(pairs, before, first, -count, word)
            if lengths[before] + lengths[new] < LONGEST_SUBWORD:
                _change(pairs, before, new, count, word)
        if place + 2 < len(symbols):
            after = symbols[place + 2]
            _change(pairs, second, after, -count, word)
            if lengths[new] + lengths[after] < LONGEST_SUBWORD:
                _change(pairs, new, after, count, word)
        symbols[size] = new
        place += 2
        size += 1
    return size


def _learn_merges(words: Any, pairs: Any, tokens: Any, used: Any, merges: Any) -> Any:
    """Write all merges; gives how many there are.

    Args:
        words: The ids of all words, where each begins, and how often it occurs.
        pairs: Room for pairs.
        tokens: The characters of each token, and how many they are.
        used: How many tokens there are at first.
        merges: Room for the merges.
    """
    symbols, bounds, counts = words
    sizes = np.empty(len(counts), np.int64)
    for word in range(len(counts)):
        sizes[word] = bounds[word + 1] - bounds[word]
        if 4 * (pairs.used[0] + LONGEST_WORD) > len(pairs.keys):
            pairs = _grow(pairs)
        for place in range(bounds[word], bounds[word + 1] - 1):
            _change(pairs, symbols[place], symbols[place + 1], counts[word], word)
    queue = [(np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]
    _enqueue(pairs, queue)
    count = 0
    while used < len(tokens[1]) and count < len(merges) and len(queue) > 0:
        negative, pair, entry = heappop(queue)
        first, second = np.int32(pair >> 32), np.int32(pair & 0xFFFFFFFF)
        occurrences = pairs.counts[pairs.numbers[find_pair(pairs.keys, first, second)]]
        if occurrences != -negative:  # it was more frequent when it was queued
            heappush(queue, (-occurrences, pair, entry))
            continue
        if occurrences < 2:
            break
        new = np.int32(_find_token(tokens, used, first, second))
        used += new == used
        merges[count, 0], merges[count, 1], merges[count, 2] = first, second, new
        count += 1
        while entry >= 0:
            word, entry = pairs.entries[entry, 0], np.int64(pairs.entries[entry, 1])
            if 4 * (pairs.used[0] + 4 * LONGEST_WORD) > len(pairs.keys):
                pairs = _grow(pairs)
            start = bounds[word]
            sizes[word] = _merge(
                symbols[start : start + sizes[word]],
                (first, second, new),
                tokens[1],
                pairs,
                (word, counts[word]),
            )
        _enqueue(pairs, queue)
    return count


_count = compile_cached(_count_words, error_model="numpy")
_learn = compile_cached(_learn_merges, error_model="numpy")
