"""Equal substrings have equal numbers: an index of the substrings of a few short texts.

The short texts are in memory. Every substring of 1, 2, 4, 8, ... ids in them has a number (Karp,
Miller and Rosenberg 1972): equal substrings have equal numbers, and the numbers are in the order of
the substrings. The long text is read once, a chunk at a time. A substring of 2 n ids of it occurs
in the short texts if both of its halves do and their two numbers are those of a pair there. So the
numbers of long substrings follow from those of short ones by looking up pairs. No answer depends on
the probability that hashes differ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Ids

Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

ABSENT, SEPARATOR = 0, 1  # the numbers of what the short texts do not have, and of their ends
MAX_TABLE = 1 << 22  # the most entries in a table of all pairs of numbers: 16 MB
_FILTER_BITS = 20  # a megabyte that stays in the processor's cache
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: odd, its bits well mixed


class Level:
    """The numbers of the substrings of one size in a chunk of the long text.

    Attributes:
        numbers: By the place where they start, shape (places,); place 0 is before the chunk.
    """

    def __init__(self, numbers: Numbers, places: Places | None = None):
        self.numbers = numbers
        self._places = places

    @property
    def places(self) -> Places:
        """Where substrings of the short texts start, in order."""
        if self._places is None:
            self._places = np.flatnonzero(self.numbers)
        return self._places

    def starts(self, count: int) -> Places:
        """The places among the first `count` of the chunk."""
        first, last = np.searchsorted(self.places, (1, count + 1))
        return self.places[first:last]

    def start_numbers(self, count: int) -> Numbers:
        """The numbers at the first `count` places of the chunk."""
        if self._places is None:
            return self.numbers[1 : count + 1]
        return self.numbers[self.starts(count)]


class _Pairs:
    """The numbers of substrings of 2 n ids, by the two numbers of their halves."""

    def __init__(self, first: Places, second: Places, numbers: Places, count: int, max_table: int):
        self._base = count + 1
        keys, places = np.unique(first * self._base + second, return_index=True)
        self._keys, self._numbers = keys, numbers[places].astype(np.int32)
        self._table: Numbers | None = None
        if self._base**2 <= max_table:
            self._table = np.zeros(self._base**2, np.int32)
            self._table[keys] = self._numbers
        else:
            self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)
            self._filter[self._hash(keys)] = True

    def level(self, halves: Level, size: int) -> Level:
        """The numbers of substrings of twice `size` ids, from those of their halves."""
        numbers = np.zeros(len(halves.numbers), np.int32)
        if len(numbers) <= size:
            return Level(numbers, np.empty(0, np.int64))
        first, second = halves.numbers[:-size], halves.numbers[size:]
        if self._table is not None:
            keys = first * np.int64(self._base)
            keys += second
            self._table.take(keys, out=numbers[:-size], mode="clip")
            return Level(numbers)
        places = halves.places
        places = places[: np.searchsorted(places, len(second))]
        places = places[second[places] != ABSENT]
        keys = first[places] * np.int64(self._base)
        keys += second[places]
        # Most pairs do not occur in the short texts, and the filter excludes most of these.
        possible = np.flatnonzero(self._filter.take(self._hash(keys)))
        places, keys = places[possible], keys[possible]
        ranks = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        same = self._keys[ranks] == keys
        places = places[same]
        numbers[places] = self._numbers[ranks[same]]
        return Level(numbers, places)

    @staticmethod
    def _hash(keys: Places) -> Places:
        mixed: Places = ((keys.view(np.uint64) * _MIXER) >> np.uint64(64 - _FILTER_BITS)).view(
            np.int64
        )
        return mixed


class SubstringIndex:
    """The short texts one after another, with separators, and the numbers of their substrings.

    Args:
        groups: The ids of each group's texts; ids below 0 equal nothing.
        max_table: The most entries in a table of all pairs of numbers; more pairs are searched.
        max_size: Ids of the longest substrings that get numbers, at most; None for whole texts,
            which `order` needs.

    Attributes:
        longest: The number of ids in the longest text.
        group: The group that each place belongs to, shape (places,).
        text: Which of the group's texts, shape (places,).
        start: Where in that text, shape (places,).
        levels: For each level j the number of the 2^j ids from each place on, shape (places,) each.
        order: The places in the order of the suffixes that start there, shape (places,).
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Ids]],
        max_table: int = MAX_TABLE,
        max_size: int | None = None,
    ):
        texts = [(n, m, text) for n, group in enumerate(groups) for m, text in enumerate(group)]
        self.longest = max(len(text) for _, _, text in texts)
        self.group = np.concatenate([np.full(len(text) + 1, n) for n, _, text in texts])
        self.text = np.concatenate([np.full(len(text) + 1, m) for _, m, text in texts])
        self.start = np.concatenate([np.arange(len(text) + 1) for *_, text in texts])
        ids = np.concatenate([np.append(text.astype(np.int64), -1) for *_, text in texts])
        known = np.unique(ids[ids >= 0])
        self._table = np.full(known.max(initial=0) + 2, ABSENT, np.int32)
        self._table[known] = np.arange(len(known)) + SEPARATOR + 1
        self.levels = [np.where(ids < 0, SEPARATOR, self._table[ids]).astype(np.int64)]
        is_inside = ids >= 0  # whether the substring from each place ends in its text
        self._pairs: list[_Pairs] = []
        longest = self.longest if max_size is None else min(self.longest, max_size)
        while 2 << (level := len(self._pairs)) <= longest:
            numbers, first, second = self._double(level)
            is_inside &= _shift(is_inside, 1 << level)
            halves = (first[is_inside], second[is_inside], numbers[is_inside])
            self._pairs.append(_Pairs(*halves, self.count(level), max_table))
            self.levels.append(numbers)
        # The next numbers are those of whole suffixes, since no text is longer.
        self.order = np.argsort(self._double(len(self._pairs))[0], kind="stable")

    def count(self, level: int) -> int:
        """The largest number of a level."""
        return int(self.levels[level].max())

    def _double(self, level: int) -> tuple[Places, Places, Places]:
        """The numbers of substrings twice as long as those of a level, and of their halves."""
        first = self.levels[level]
        second = _shift(first, 1 << level)
        _, ranks = np.unique(first * (self.count(level) + 1) + second, return_inverse=True)
        return ranks + 1, first, second

    def look_up(self, before: Ids, ids: Ids) -> list[Level]:
        """The numbers of the substrings of a chunk of the long text.

        Args:
            before: The id before the chunk, shape (1,); (0,) at the beginning.
            ids: Ids of the long text, shape (ids,).

        Returns:
            For each level j the numbers of 2^j ids.
        """
        # One more place than ids: the end of a copy that ends with them.
        numbers = np.zeros(len(ids) + 2, np.int32)
        # The last entry of the table is for all ids that are larger than those of the texts.
        self._table.take(ids, out=numbers[1:-1], mode="clip")
        self._table.take(before, out=numbers[: len(before)], mode="clip")
        levels = [Level(numbers)]
        for level, pairs in enumerate(self._pairs):
            levels.append(pairs.level(levels[level], 1 << level))
        return levels

    def count_substrings(
        self, group: int, seen: Sequence[npt.NDArray[np.bool_]]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """How many substrings of each size a group's texts have, and how many have been seen."""
        last = np.flatnonzero(np.diff(self.start, append=0) <= 0)
        lengths = self.start[last][self.group[last] == group]
        in_group = self.group == group
        total, matches = {}, {}
        for level, numbers in enumerate(self.levels):
            total[1 << level] = int(np.maximum(lengths - (1 << level) + 1, 0).sum())
            matches[1 << level] = int(np.count_nonzero(seen[level][numbers] & in_group))
        return total, matches


def _shift(values: npt.NDArray[Any], by: int) -> npt.NDArray[Any]:
    """For each place the value that far ahead of it; 0 beyond the end."""
    shifted = np.zeros_like(values)
    shifted[:-by] = values[by:]
    return shifted
