"""What a few short texts have in common with a long one: which of their stretches stand in it, and
the longest of those.

Knows ids as NumPy arrays and arithmetic on their positions; knows nothing of characters, files or
models.

The short texts are held in memory, and every stretch of 1, 2, 4, 8, ... ids in them gets a number
(Karp, Miller and Rosenberg 1972: equal stretches have equal numbers, and numbers are in the order
of the stretches). The long text is read once, a chunk at a time: a stretch of 2 n ids of it stands
in the short texts if both of its halves do and their two numbers are those of a pair there. So the
numbers of long stretches follow from those of short ones by looking pairs up; nothing is hashed
that is not compared afterwards, and no answer is a matter of probability.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Ids, IdSequence

Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

CHUNK = 1 << 19  # ids of the long text at a time: the arrays of a chunk take some 30 MB
_TABLE = 1 << 22  # pairs of numbers, at most, that have an entry each in a table: 16 MB
_SIEVE = 20  # bits: a megabyte that stays in the processor's cache
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: odd, its bits well mixed
_NONE, _BREAK = 0, 1  # numbers: of what the short texts do not have, and of what parts them
_VARIOUS, _ABSENT = -1, -2  # no numbers


@dataclass(frozen=True)
class Copy:
    """A stretch of a text that stands in the long text as well.

    Attributes:
        text: Which of its group's texts it is in, from 0.
        start: Where it begins there, in ids.
        length: Its ids.
    """

    text: int
    start: int
    length: int


@dataclass(frozen=True)
class Found:
    """What a group of texts has in common with the long text.

    Attributes:
        stretches: How many stretches of each size the texts have, by size.
        found: How many of those stand in the long text, by size.
        copies: The longest first, of `shortest` ids or more: each one that is in no longer copy,
            and some that are.
    """

    stretches: dict[int, int]
    found: dict[int, int]
    copies: tuple[Copy, ...]


def find(
    corpus: IdSequence,
    groups: Sequence[Sequence[Ids]],
    *,
    shortest: int = 16,
    chunk: int = CHUNK,
    on_progress: Callable[[int], object] = lambda _: None,
) -> list[Found]:
    """What groups of short texts have in common with a long one.

    Args:
        corpus: Ids of the long text, shape (ids,), 0 or more; read in order, a slice at a time.
        groups: The ids of each group's texts, shape (ids,) each; what is below 0 equals nothing.
        shortest: Ids that a copy has at least.
        chunk: Ids of the corpus to compare at a time.
        on_progress: Told how many ids of the corpus are done.

    Returns:
        What each group has in common with it. Sizes are the powers of two up to the longest
        text's length.

    Example:
        >>> corpus, texts = np.array([5, 6, 7, 8, 9]), [np.array([1, 6, 7, 8]), np.array([8, 9])]
        >>> (found,) = find(corpus, [texts], shortest=2)
        >>> found.stretches, found.found
        ({1: 6, 2: 4, 4: 1}, {1: 5, 2: 3, 4: 0})
        >>> found.copies[0]
        Copy(text=0, start=1, length=3)
    """
    query = _Query(groups)
    searches = [_Search(query, number, shortest) for number in range(len(groups))]
    seen = [np.zeros(query.count(level) + 1, np.bool_) for level in range(len(query.levels))]
    for first in range(0, len(corpus), chunk):
        count = min(chunk, len(corpus) - first)
        # One id before the chunk, to tell what goes on from there, and a text's length after it.
        before = corpus[first - 1 : first] if first else np.empty(0, np.int64)
        ids = corpus[first : first + count + query.longest]
        levels = query.look_up(before, ids)
        for level, flags in zip(levels, seen, strict=True):
            flags[level.of_starts(count)] = True
        for search in searches:
            search.look(levels, count)
        on_progress(first + count)
    return [
        Found(*query.stretches(number, seen), search.copies())
        for number, search in enumerate(searches)
    ]


@dataclass(frozen=True)
class Place:
    """Where a stretch stands in the long text.

    Attributes:
        times: How often; its places may overlap.
        first: Where it begins for the first time, in ids.
        marks: How many marks there are before that.
    """

    times: int
    first: int
    marks: int


def locate(
    corpus: IdSequence, stretches: Sequence[Ids], mark: int, *, chunk: int = CHUNK
) -> list[Place]:
    """Where stretches stand in a long text.

    Args:
        corpus: Ids of the long text, shape (ids,); read in order, a slice at a time.
        stretches: Ids, shape (ids,) each, that stand in it.
        mark: An id to count; -1 for none.
        chunk: Ids of the corpus to look at at a time.

    Example:
        >>> locate(np.array([7, 1, 2, 7, 1, 2]), [np.array([1, 2]), np.array([2, 7])], mark=7)
        [Place(times=2, first=1, marks=1), Place(times=1, first=2, marks=1)]
    """
    times, places, marks, passed = [0] * len(stretches), [0] * len(stretches), {}, 0
    ahead = max((len(stretch) for stretch in stretches), default=1) - 1
    for first in range(0, len(corpus), chunk):
        count = min(chunk, len(corpus) - first)
        ids = np.ascontiguousarray(corpus[first : first + count + ahead])
        data, width = ids.tobytes(), ids.itemsize
        for n, stretch in enumerate(stretches):
            wanted = stretch.astype(ids.dtype).tobytes()
            end = (count - 1) * width + len(wanted)
            at = data.find(wanted, 0, end)
            while at >= 0:
                if at % width == 0:
                    if not times[n]:
                        place = at // width
                        places[n] = first + place
                        marks[n] = passed + int(np.count_nonzero(ids[:place] == mark))
                    times[n] += 1
                at = data.find(wanted, at + 1, end)
        passed += int(np.count_nonzero(ids[:count] == mark))
    return [
        Place(count, first, marks.get(n, 0))
        for n, (count, first) in enumerate(zip(times, places, strict=True))
    ]


class _Level:
    """The numbers that stretches of one size have in a chunk of the long text.

    Attributes:
        numbers: By the place they begin at, shape (places,); place 0 is the one before the chunk.
    """

    def __init__(self, numbers: Numbers, places: Places | None = None):
        self.numbers = numbers
        self._places = places

    @property
    def places(self) -> Places:
        """Where there are stretches of the short texts, in order."""
        if self._places is None:
            self._places = np.flatnonzero(self.numbers)
        return self._places

    def starts(self, count: int) -> Places:
        """Those among the first `count` places of the chunk itself."""
        first, last = np.searchsorted(self.places, (1, count + 1))
        return self.places[first:last]

    def of_starts(self, count: int) -> Numbers:
        """The numbers there are among the first `count` places of the chunk itself."""
        if self._places is None:
            return self.numbers[1 : count + 1]
        return self.numbers[self.starts(count)]


class _Pairs:
    """The numbers of pairs of numbers: of stretches of 2 n ids by those of their halves."""

    def __init__(self, first: Places, second: Places, numbers: Places, count: int):
        self._base = count + 1
        keys, places = np.unique(first * self._base + second, return_index=True)
        self._keys, self._numbers = keys, numbers[places].astype(np.int32)
        self._table: Numbers | None = None
        if self._base**2 <= _TABLE:
            self._table = np.zeros(self._base**2, np.int32)
            self._table[keys] = self._numbers
        else:
            self._sieve = np.zeros(1 << _SIEVE, np.bool_)
            self._sieve[self._spread(keys)] = True

    def level(self, halves: "_Level", size: int) -> "_Level":
        """The numbers of stretches of twice `size` ids, from those of their halves."""
        numbers = np.zeros(len(halves.numbers), np.int32)
        if len(numbers) <= size:
            return _Level(numbers, np.empty(0, np.int64))
        first, second = halves.numbers[:-size], halves.numbers[size:]
        if self._table is not None:
            keys = first * np.int64(self._base)
            keys += second
            self._table.take(keys, out=numbers[:-size], mode="clip")
            return _Level(numbers)
        places = halves.places
        places = places[: np.searchsorted(places, len(second))]
        places = places[second[places] != _NONE]
        keys = first[places] * np.int64(self._base)
        keys += second[places]
        # Most pairs are none of ours, and most of those are found out without searching.
        kept = np.flatnonzero(self._sieve.take(self._spread(keys)))
        places, keys = places[kept], keys[kept]
        ranks = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        same = self._keys[ranks] == keys
        places = places[same]
        numbers[places] = self._numbers[ranks[same]]
        return _Level(numbers, places)

    @staticmethod
    def _spread(keys: Places) -> Places:
        mixed: Places = ((keys.view(np.uint64) * _SPREAD) >> np.uint64(64 - _SIEVE)).view(np.int64)
        return mixed


class _Query:
    """The short texts one after the other, with breaks between, and the numbers of their stretches.

    Attributes:
        longest: Ids of the longest text.
        group: The group that each place belongs to, shape (places,).
        text: Which of the group's texts, shape (places,).
        start: Where in that text, shape (places,).
        levels: For each level j the number of the 2^j ids from each place on, shape (places,) each.
        order: The places in the order of what stands from there on, shape (places,).
    """

    def __init__(self, groups: Sequence[Sequence[Ids]]):
        texts = [(n, m, text) for n, group in enumerate(groups) for m, text in enumerate(group)]
        self.longest = max(len(text) for _, _, text in texts)
        self.group = np.concatenate([np.full(len(text) + 1, n) for n, _, text in texts])
        self.text = np.concatenate([np.full(len(text) + 1, m) for _, m, text in texts])
        self.start = np.concatenate([np.arange(len(text) + 1) for *_, text in texts])
        ids = np.concatenate([np.append(text.astype(np.int64), -1) for *_, text in texts])
        known = np.unique(ids[ids >= 0])
        self._table = np.full(known.max(initial=0) + 2, _NONE, np.int32)
        self._table[known] = np.arange(len(known)) + _BREAK + 1
        self.levels = [np.where(ids < 0, _BREAK, self._table[ids]).astype(np.int64)]
        whole = ids >= 0
        self._pairs: list[_Pairs] = []
        while 2 << (level := len(self._pairs)) <= self.longest:
            numbers, first, second = self._doubled(level)
            whole &= _ahead(whole, 1 << level)
            kept = (first[whole], second[whole], numbers[whole])
            self._pairs.append(_Pairs(*kept, self.count(level)))
            self.levels.append(numbers)
        # No text is longer than what the next numbers tell apart.
        self.order = np.argsort(self._doubled(len(self._pairs))[0], kind="stable")

    def count(self, level: int) -> int:
        """The largest number of a level."""
        return int(self.levels[level].max())

    def _doubled(self, level: int) -> tuple[Places, Places, Places]:
        """The numbers of stretches twice as long as those of a level, and of their halves."""
        first = self.levels[level]
        second = _ahead(first, 1 << level)
        _, ranks = np.unique(first * (self.count(level) + 1) + second, return_inverse=True)
        return ranks + 1, first, second

    def look_up(self, before: Ids, ids: Ids) -> list[_Level]:
        """The numbers that stretches of the long text have here.

        Args:
            before: The id before them, shape (1,) or, where there is none, (0,).
            ids: Ids of the long text, shape (ids,).

        Returns:
            For each level j the numbers of 2^j ids.
        """
        # One place more than there are ids: where a copy ends that ends with them.
        numbers = np.zeros(len(ids) + 2, np.int32)
        # The table ends with an entry for all ids that are larger than those of the texts.
        self._table.take(ids, out=numbers[1:-1], mode="clip")
        self._table.take(before, out=numbers[: len(before)], mode="clip")
        levels = [_Level(numbers)]
        for level, pairs in enumerate(self._pairs):
            levels.append(pairs.level(levels[level], 1 << level))
        return levels

    def stretches(
        self, group: int, seen: Sequence[npt.NDArray[np.bool_]]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """How many stretches a group's texts have of each size, and how many have been seen."""
        last = np.flatnonzero(np.diff(self.start, append=0) <= 0)
        lengths = self.start[last][self.group[last] == group]
        own = self.group == group
        every, found = {}, {}
        for level, numbers in enumerate(self.levels):
            every[1 << level] = int(np.maximum(lengths - (1 << level) + 1, 0).sum())
            found[1 << level] = int(np.count_nonzero(seen[level][numbers] & own))
        return every, found


class _Search:
    """Searches the longest copies of one group's texts.

    A copy that is in no longer text that both have begins, wherever it stands in the long text, at
    a place with something else before it than in the short texts. There `look` follows the long
    text for as long as it goes on as some short text does.
    """

    def __init__(self, query: _Query, group: int, shortest: int):
        self._query = query
        self._lowest = max(0, shortest.bit_length() - 1)
        self._shortest = shortest
        self._order = query.order[query.group[query.order] == group]
        self._best = np.zeros(len(self._order), np.int64)
        self._ranked = [numbers[self._order] for numbers in query.levels]
        before = np.append(_BREAK, query.levels[0])[self._order]
        self._before = [
            _before(ranked, before, query.count(level)) for level, ranked in enumerate(self._ranked)
        ]

    def look(self, levels: Sequence[_Level], count: int) -> None:
        """Search a chunk of the long text.

        Args:
            levels: The numbers of its stretches.
            count: Places in it where a copy may begin.
        """
        longer = np.zeros(count + 1, np.bool_)
        for level in range(len(levels) - 1, self._lowest - 1, -1):
            places = levels[level].starts(count)
            before = self._before[level][levels[level].numbers[places]]
            places, before = places[before != _ABSENT], before[before != _ABSENT]
            # What is before every such stretch of the short texts may be before this one as well:
            # then there is a longer copy, which begins earlier.
            begin = ~longer[places] & (before != levels[0].numbers[places - 1])
            longer[places] = True
            if begin.any():
                self._follow(levels, level, places[begin])

    def _follow(self, levels: Sequence[_Level], level: int, places: Places) -> None:
        """Note how long the copies are that have 2^level ids and not twice as many."""
        ranked, query = self._ranked[level], self._query
        numbers, states = np.unique(levels[level].numbers[places], return_inverse=True)
        # A state is what has been read: the suffixes low to high, of all that are in order, begin
        # with it, and it has `length` ids. Places in the same state go on together.
        low = np.searchsorted(ranked, numbers, "left")
        high = np.searchsorted(ranked, numbers, "right")
        length = np.full(len(numbers), 1 << level)
        for lower in range(level - 1, -1, -1):
            after = levels[lower].numbers[places + length[states]].astype(np.int64)
            keys, steps = np.unique(states * (query.count(lower) + 1) + after, return_inverse=True)
            states, after = np.divmod(keys, query.count(lower) + 1)
            low, high, length = low[states], high[states], length[states]
            behind = query.levels[lower]
            left = _bisect(behind, self._order, low, high, length, after)
            right = _bisect(behind, self._order, low, high, length, after + 1)
            goes_on = left < right
            low, high = np.where(goes_on, left, low), np.where(goes_on, right, high)
            length = length + goes_on * (1 << lower)
            states = steps
        np.maximum.at(self._best, low, length)

    def copies(self) -> tuple[Copy, ...]:
        """What was found, the longest first, but for what another copy holds at the same place."""
        query = self._query
        ranks = np.flatnonzero(self._best >= self._shortest)
        ranks = ranks[np.argsort(self._order[ranks])]
        places, lengths = self._order[ranks], self._best[ranks]
        reached = np.maximum.accumulate(np.append(0, places + lengths))[:-1]
        outermost = places + lengths > reached
        places, lengths = places[outermost], lengths[outermost]
        by_length = np.lexsort((places, -lengths))
        return tuple(
            Copy(int(query.text[place]), int(query.start[place]), int(length))
            for place, length in zip(places[by_length], lengths[by_length], strict=True)
        )


def _ahead(values: npt.NDArray[Any], by: int) -> npt.NDArray[Any]:
    """For each place what is so far ahead of it; 0 beyond the end."""
    shifted = np.zeros_like(values)
    shifted[:-by] = values[by:]
    return shifted


def _before(ranked: Places, before: Places, count: int) -> Places:
    """For each number up to `count` the one that is before all of its stretches.

    Args:
        ranked: Numbers in order, shape (places,).
        before: What is before each, shape (places,).
        count: The largest number there is.

    Returns:
        Shape (count + 1,); _VARIOUS where it is not always the same, _ABSENT where there is none.
    """
    distinct, first = np.unique(ranked, return_index=True)
    least, most = np.minimum.reduceat(before, first), np.maximum.reduceat(before, first)
    every = np.full(count + 1, _ABSENT)
    every[distinct] = np.where(least == most, least, _VARIOUS)
    return every


def _bisect(
    numbers: Places, order: Places, low: Places, high: Places, length: Places, wanted: Places
) -> Places:
    """The first suffixes from low to high whose number `length` ids on is `wanted` or more.

    Those numbers are in order, since the suffixes are and begin alike. All arguments but the first
    two have the shape (searches,).
    """
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        # Where a search is over, any place will do.
        place = np.where(open_, order[np.minimum(middle, len(order) - 1)] + length, 0)
        less = open_ & (numbers[place] < wanted)
        low = np.where(less, middle + 1, low)
        high = np.where(open_ & ~less, middle, high)
    return low
