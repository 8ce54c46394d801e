"""What a few short texts have in common with a long one: which of their substrings occur in it.

textgen/text/substrings.py says how.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from textgen.analysis.copies import Copy, CopySearch
from textgen.text.substrings import MAX_TABLE, SubstringIndex
from textgen.text.vocabulary import Ids, IdSequence

CHUNK = 1 << 19  # ids of the long text at a time: the arrays of a chunk take some 30 MB


@dataclass(frozen=True)
class Overlap:
    """What a group of texts has in common with the long text.

    Attributes:
        substrings: How many substrings of each size the texts have, by size.
        matches: How many of those occur in the long text, by size.
        copies: The longest first, of `shortest` ids or more: all that are not part of a longer
            one, and some that are.
    """

    substrings: dict[int, int]
    matches: dict[int, int]
    copies: tuple[Copy, ...]


def find_overlap(
    corpus: IdSequence,
    groups: Sequence[Sequence[Ids]],
    *,
    shortest: int = 16,
    chunk: int = CHUNK,
    max_table: int = MAX_TABLE,
    on_progress: Callable[[int], object] = lambda _: None,
) -> list[Overlap]:
    """What groups of short texts have in common with a long one.

    Args:
        corpus: Ids of the long text, shape (ids,), 0 or more; read in order, a slice at a time.
        groups: The ids of each group's texts, shape (ids,) each; ids below 0 equal nothing.
        shortest: Ids of a copy, at least.
        chunk: Ids of the corpus to compare at a time.
        max_table: As for `SubstringIndex`.
        on_progress: Called with the number of ids of the corpus that are done.

    Returns:
        The overlap of each group. Sizes are the powers of two up to the longest text's length.

    Example:
        >>> corpus, texts = np.array([5, 6, 7, 8, 9]), [np.array([1, 6, 7, 8]), np.array([8, 9])]
        >>> (overlap,) = find_overlap(corpus, [texts], shortest=2)
        >>> overlap.substrings, overlap.matches
        ({1: 6, 2: 4, 4: 1}, {1: 5, 2: 3, 4: 0})
        >>> overlap.copies[0]
        Copy(text=0, start=1, length=3)
    """
    index = SubstringIndex(groups, max_table)
    searches = [CopySearch(index, number, shortest) for number in range(len(groups))]
    seen = [np.zeros(index.count(level) + 1, np.bool_) for level in range(len(index.levels))]
    for first in range(0, len(corpus), chunk):
        count = min(chunk, len(corpus) - first)
        # One id before the chunk shows what continues a copy; a copy can end after the chunk.
        before = corpus[first - 1 : first] if first else np.empty(0, np.int64)
        ids = corpus[first : first + count + index.longest]
        levels = index.look_up(before, ids)
        for level, flags in zip(levels, seen, strict=True):
            flags[level.start_numbers(count)] = True
        for search in searches:
            search.search(levels, count)
        on_progress(first + count)
    return [
        Overlap(*index.count_substrings(number, seen), search.copies())
        for number, search in enumerate(searches)
    ]
