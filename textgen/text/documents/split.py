"""Which documents are held out: those with the smallest hashes, and for a test the largest.

So the same documents always give the same split, and equal documents are on the same side of it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError
from textgen.settings import WindowConfig
from textgen.text.documents.hashes import Hashes

_CHUNK = 1 << 20  # hashes at a time
_MILLION = 1_000_000


def choose_held_out(groups: Sequence[Hashes], windows: WindowConfig) -> tuple[Hashes, Hashes]:
    """Choose the documents for validation and for the test.

    Args:
        groups: The hashes of all documents, sorted in each of the groups that are split alike. No
            hash is in two groups.
        windows: Says which shares are held out.

    Returns:
        The hashes of the documents for validation, and of those for the test: sorted and distinct.
        As many documents have them as the shares ask for, as far as equal documents allow.

    Raises:
        CorpusError: there are too few different documents.

    Example:
        >>> hashes = np.arange(20, dtype=np.uint64)
        >>> choose_held_out([hashes], WindowConfig(validation=0.1))[0].tolist()
        [0, 1]
    """
    sizes = [len(group) for group in groups]
    validation, test = list[Hashes](), list[Hashes]()
    counts = _divide(sizes, windows.validation), _divide(sizes, windows.test)
    for group, validating, testing in zip(groups, *counts, strict=True):
        validation.append(_take(group, validating))
        last = validation[-1][-1:]
        rest = group[np.searchsorted(group, last[0], side="right") :] if len(last) else group
        # The largest ones, so that another share for validation leaves the test as it is.
        test.append(~_take(~rest[::-1], testing) if testing else rest[:0])
    chosen = np.sort(np.concatenate(validation)), np.sort(np.concatenate(test))
    wanted = windows.validation > 0, windows.test > 0
    has_all = all(len(part) for part, is_wanted in zip(chosen, wanted, strict=True) if is_wanted)
    if has_all and sum(sizes) > max(1, sum(map(sum, counts))):
        return chosen
    return _complete(groups, chosen, windows)


def contains(hashes: Hashes, sought: Hashes) -> npt.NDArray[np.bool_]:
    """Which of some hashes are among others, which are sorted.

    Example:
        >>> contains(np.array([1, 5], np.uint64), np.array([5, 2], np.uint64)).tolist()
        [True, False]
    """
    found = np.zeros(len(sought), np.bool_)
    found[find_among(hashes, sought)[0]] = True
    return found


def find_among(
    hashes: Hashes, sought: Hashes
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places of those of some hashes that are among others, and their places there.

    Args:
        hashes: The others, sorted and distinct.
        sought: Hashes in any order.
    """
    if not len(hashes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    candidates = np.flatnonzero(sought <= hashes[-1])
    values = sought[candidates]
    places = np.searchsorted(hashes, values)
    is_found = hashes[places] == values
    return candidates[is_found], places[is_found]


def count_distinct(hashes: Hashes) -> int:
    """How many of some sorted hashes are distinct."""
    return sum(len(values) for values, _ in _runs(hashes))


def _divide(sizes: Sequence[int], share: float) -> list[int]:
    """A share of each group in whole documents, which together are the share of all."""
    # Parts per million in whole numbers, as in `split_position`.
    bounds = np.cumsum([0, *sizes], dtype=np.int64) * round(share * _MILLION)
    counts: list[int] = np.diff((bounds + _MILLION // 2) // _MILLION).tolist()
    return counts


def _take(hashes: Hashes, count: int) -> Hashes:
    """The smallest hashes that `count` documents have, without those of too many equal ones."""
    taken = [hashes[:0]]
    for values, sizes in _runs(hashes if count else hashes[:0]):
        while count and (fits := sizes <= count).any():
            values, sizes = values[fits], sizes[fits]
            number = int(np.searchsorted(np.cumsum(sizes), count, side="right"))
            taken.append(values[:number])
            count -= int(sizes[:number].sum())
            values, sizes = values[number:], sizes[number:]
        if not count:
            break
    return np.concatenate(taken)


def _runs(hashes: Hashes) -> Iterator[tuple[Hashes, npt.NDArray[np.int64]]]:
    """The distinct ones of sorted hashes and how often each occurs, in chunks."""
    first = 0
    while first < len(hashes):
        last = min(first + _CHUNK, len(hashes))
        last = int(np.searchsorted(hashes, hashes[last - 1], side="right"))
        yield np.unique(hashes[first:last], return_counts=True)
        first = last


def _complete(
    groups: Sequence[Hashes], chosen: tuple[Hashes, Hashes], windows: WindowConfig
) -> tuple[Hashes, Hashes]:
    """See to it that no part is empty that is not to be.

    Raises:
        CorpusError: there are too few different documents.
    """
    wanted = windows.validation > 0, windows.test > 0
    documents = sum(map(len, groups))
    if documents == 1:
        raise CorpusError(
            "the corpus has one document; give several, name another way to find them by "
            "--documents, or read it as one text by --documents none"
        )
    different = sum(map(count_distinct, groups))
    if different < 1 + sum(wanted):
        remedy = "add --validation 0" if windows.validation else "leave out --test"
        raise CorpusError(
            f"the corpus has too few documents to hold some out: {documents:,}, of which "
            f"{different:,} are different; give more documents, or {remedy}"
        )
    values, sizes = np.unique(np.concatenate(groups), return_counts=True)
    part_of = contains(chosen[0], values) + 2 * contains(chosen[1], values)
    for part in [1] * wanted[0] + [2] * wanted[1] + [0]:
        if (part_of == part).any():
            continue
        # The largest part gives the document that has the fewest equal ones.
        candidates = np.flatnonzero(part_of == np.bincount(part_of).argmax())
        part_of[candidates[sizes[candidates].argmin()]] = part
    return values[part_of == 1], values[part_of == 2]
