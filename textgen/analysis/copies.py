"""The search for the longest substrings that short texts share with a long one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgen.text.substrings import SEPARATOR, Level, Places, SubstringIndex

_SEVERAL, _NO_SUBSTRING = -1, -2  # instead of the number of the id before a substring


@dataclass(frozen=True)
class Copy:
    """A substring of a text that also occurs in the long text.

    Attributes:
        text: The number of its text in the group, from 0.
        start: Where it starts there, in ids.
        length: Its ids.
    """

    text: int
    start: int
    length: int


class CopySearch:
    """Searches for the longest copies of one group's texts.

    Where a copy that is not part of a longer one occurs in the long text, the id before it differs
    from the id before it in the short texts. From there `search` follows the long text for as long
    as it continues like some short text.
    """

    def __init__(self, index: SubstringIndex, group: int, shortest: int):
        self._index = index
        self._lowest = max(0, shortest.bit_length() - 1)
        self._shortest = shortest
        self._order = index.order[index.group[index.order] == group]
        self._best = np.zeros(len(self._order), np.int64)
        self._ranked = [numbers[self._order] for numbers in index.levels]
        before = np.append(SEPARATOR, index.levels[0])[self._order]
        self._before = [
            _previous(ranked, before, index.count(level))
            for level, ranked in enumerate(self._ranked)
        ]

    def search(self, levels: Sequence[Level], count: int) -> None:
        """Search a chunk of the long text.

        Args:
            levels: The numbers of its substrings.
            count: Places in it where a copy may start.
        """
        longer = np.zeros(count + 1, np.bool_)
        for level in range(len(levels) - 1, self._lowest - 1, -1):
            places = levels[level].starts(count)
            before = self._before[level][levels[level].numbers[places]]
            places, before = places[before != _NO_SUBSTRING], before[before != _NO_SUBSTRING]
            # If the id before all such substrings of the short texts is also before this one, there
            # is a longer copy, which starts earlier.
            starts = ~longer[places] & (before != levels[0].numbers[places - 1])
            longer[places] = True
            if starts.any():
                self._follow(levels, level, places[starts])

    def _follow(self, levels: Sequence[Level], level: int, places: Places) -> None:
        """Record the lengths of the copies of at least 2^level ids and less than twice as many."""
        ranked, index = self._ranked[level], self._index
        numbers, states = np.unique(levels[level].numbers[places], return_inverse=True)
        # A state is what has been read: it has `length` ids, and the suffixes from low to high in
        # their order start with it. Places in the same state continue together.
        low = np.searchsorted(ranked, numbers, "left")
        high = np.searchsorted(ranked, numbers, "right")
        length = np.full(len(numbers), 1 << level)
        for lower in range(level - 1, -1, -1):
            after = levels[lower].numbers[places + length[states]].astype(np.int64)
            keys, steps = np.unique(states * (index.count(lower) + 1) + after, return_inverse=True)
            states, after = np.divmod(keys, index.count(lower) + 1)
            low, high, length = low[states], high[states], length[states]
            suffixes = _Suffixes(index.levels[lower], self._order, low, high, length)
            left, right = suffixes.bisect(after), suffixes.bisect(after + 1)
            continues = left < right
            low, high = np.where(continues, left, low), np.where(continues, right, high)
            length = length + continues * (1 << lower)
            states = steps
        np.maximum.at(self._best, low, length)

    def copies(self) -> tuple[Copy, ...]:
        """The copies, the longest first, without those inside another one at the same place."""
        index = self._index
        ranks = np.flatnonzero(self._best >= self._shortest)
        ranks = ranks[np.argsort(self._order[ranks])]
        places, lengths = self._order[ranks], self._best[ranks]
        ends = np.maximum.accumulate(np.append(0, places + lengths))[:-1]
        outermost = places + lengths > ends
        places, lengths = places[outermost], lengths[outermost]
        by_length = np.lexsort((places, -lengths))
        return tuple(
            Copy(int(index.text[place]), int(index.start[place]), int(length))
            for place, length in zip(places[by_length], lengths[by_length], strict=True)
        )


def _previous(ranked: Places, before: Places, count: int) -> Places:
    """For each number up to `count` the number of the id before all of its substrings.

    Args:
        ranked: Numbers in order, shape (places,).
        before: The number of the id before each, shape (places,).
        count: The largest number.

    Returns:
        Shape (count + 1,); _SEVERAL for different ones, _NO_SUBSTRING if there is no substring.
    """
    distinct, first = np.unique(ranked, return_index=True)
    least, most = np.minimum.reduceat(before, first), np.maximum.reduceat(before, first)
    previous = np.full(count + 1, _NO_SUBSTRING)
    previous[distinct] = np.where(least == most, least, _SEVERAL)
    return previous


@dataclass(frozen=True)
class _Suffixes:
    """Ranges of suffixes in order, each with the same first `length` ids.

    Attributes:
        numbers: The numbers of substrings, by place.
        order: The places of all suffixes, in order.
        low, high: Each range, shape (searches,).
        length: Ids that the suffixes of a range have in common, shape (searches,).
    """

    numbers: Places
    order: Places
    low: Places
    high: Places
    length: Places

    def bisect(self, targets: Places) -> Places:
        """In each range the first suffix with a number of `target` or more after `length` ids.

        These numbers are in order, since the suffixes are and start alike.
        """
        low, high = self.low.copy(), self.high.copy()
        while (active := low < high).any():
            middle = (low + high) // 2
            # A search that has ended may look at any place.
            index = np.minimum(middle, len(self.order) - 1)
            place = np.where(active, self.order[index] + self.length, 0)
            less = active & (self.numbers[place] < targets)
            low = np.where(less, middle + 1, low)
            high = np.where(active & ~less, middle, high)
        return low
