"""Which short texts have a run of some length in common with a long one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.text.substrings import ABSENT, MAX_TABLE, SubstringIndex
from textgen.text.vocabulary import Ids, IdSequence

CHUNK = 1 << 19  # ids of the long text at a time: the arrays of a chunk take some 30 MB


def find_copied_runs(
    corpus: IdSequence,
    texts: Sequence[Ids],
    length: int,
    *,
    chunk: int = CHUNK,
    max_table: int = MAX_TABLE,
) -> npt.NDArray[np.bool_]:
    """Which short texts have a run of `length` ids that occurs in a long one.

    Args:
        corpus: Ids of the long text, shape (ids,); read in order, a slice at a time.
        texts: The ids of short texts, shape (ids,) each; ids below 0 equal nothing.
        length: Ids of a run, 1 or more.
        chunk: Ids of the corpus to compare at a time.
        max_table: As for `SubstringIndex`.

    Returns:
        Shape (texts,).

    Example:
        >>> corpus, texts = np.array([5, 6, 7, 8, 9]), [np.array([1, 6, 7, 8]), np.array([8, 9])]
        >>> find_copied_runs(corpus, texts, 3).tolist()
        [True, False]
    """
    copied = np.zeros(len(texts), np.bool_)
    numbers = [number for number, text in enumerate(texts) if len(text) >= length]
    if not numbers:
        return copied
    index = SubstringIndex([[texts[number] for number in numbers]], max_table, max_size=length)
    # A run is two substrings of 2^level ids that overlap, or touch.
    level = length.bit_length() - 1
    shift, base = length - (1 << level), index.count(level) + 1
    lengths = np.array([len(texts[number]) for number in numbers])
    places = np.flatnonzero(index.start + length <= lengths[index.text])
    own = index.levels[level]
    keys, key_of_place = np.unique(own[places] * base + own[places + shift], return_inverse=True)
    found = np.zeros(len(keys), np.bool_)
    for first in range(0, len(corpus), chunk):
        count = min(chunk, len(corpus) - first)
        ids = corpus[first : first + count + length - 1]
        looked_up = index.look_up(np.empty(0, np.int64), ids)[level].numbers[1:].astype(np.int64)
        ahead = looked_up[shift : shift + count]
        runs = np.flatnonzero((looked_up[: len(ahead)] != ABSENT) & (ahead != ABSENT))
        others = looked_up[runs] * base + ahead[runs]
        ranks = np.minimum(np.searchsorted(keys, others), len(keys) - 1)
        found[ranks[keys[ranks] == others]] = True
        if found.all():
            break
    copied[np.array(numbers)[index.text[places[found[key_of_place]]]]] = True
    return copied
