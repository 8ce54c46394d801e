"""Where short texts occur in a long one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgen.analysis.overlap import CHUNK
from textgen.text.vocabulary import Ids, IdSequence


@dataclass(frozen=True)
class Occurrences:
    """Where a short text occurs in the long one.

    Attributes:
        count: How often; occurrences may overlap.
        first: Where the first one starts, in ids.
        marks_before: How many marks there are before that.
    """

    count: int
    first: int
    marks_before: int


def find_occurrences(
    corpus: IdSequence, texts: Sequence[Ids], mark: int, *, chunk: int = CHUNK
) -> list[Occurrences]:
    """Where short texts occur in a long one.

    Args:
        corpus: Ids of the long text, shape (ids,); read in order, a slice at a time.
        texts: Ids of short texts that occur in it, shape (ids,) each.
        mark: An id to count; -1 for none.
        chunk: Ids of the corpus to search at a time.

    Example:
        >>> find_occurrences(np.array([7, 1, 2, 7, 1, 2]), [np.array([1, 2])], mark=7)
        [Occurrences(count=2, first=1, marks_before=1)]
    """
    counts, places, marks, passed = [0] * len(texts), [0] * len(texts), {}, 0
    ahead = max((len(text) for text in texts), default=1) - 1
    for first in range(0, len(corpus), chunk):
        count = min(chunk, len(corpus) - first)
        ids = np.ascontiguousarray(corpus[first : first + count + ahead])
        data, width = ids.tobytes(), ids.itemsize
        for n, text in enumerate(texts):
            pattern = text.astype(ids.dtype).tobytes()
            end = (count - 1) * width + len(pattern)
            at = data.find(pattern, 0, end)
            while at >= 0:
                if at % width == 0:
                    if not counts[n]:
                        place = at // width
                        places[n] = first + place
                        marks[n] = passed + int(np.count_nonzero(ids[:place] == mark))
                    counts[n] += 1
                at = data.find(pattern, at + 1, end)
        passed += int(np.count_nonzero(ids[:count] == mark))
    return [
        Occurrences(count, first, marks.get(n, 0))
        for n, (count, first) in enumerate(zip(counts, places, strict=True))
    ]
