"""After a corpus has been read: which part of it each document belongs to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from textgen.settings import WindowConfig
from textgen.text.documents.hashes import Hashes
from textgen.text.documents.index import TEST, TRAINING, VALIDATION
from textgen.text.documents.label_collector import GROUPS
from textgen.text.documents.records import HASHES, load_records, save_records
from textgen.text.documents.split import choose_held_out, contains, count_distinct, find_among

_SPLIT_GROUPS = "split_groups"  # the file of each part with the groups in which documents are split
SIDES = "sides"  # the file of each part with the part of the corpus that documents belong to


def write_sides(
    paths: Sequence[Path], documents: int, windows: WindowConfig, groups: int | None
) -> int:
    """Split documents: write the part of the corpus to which each belongs.

    Memory is 8 bytes for each document, and 12 for each that has equal ones.

    Args:
        paths: The temporary files with their records.
        documents: How many there are.
        windows: Says which shares are held out.
        groups: How many groups there are, whose documents have the same labels, and of which the
            same shares are held out; None without labels.

    Returns:
        How many documents are equal to an earlier one.

    Raises:
        CorpusError: there are too few documents.
    """
    hashes: Hashes = np.empty(documents, np.uint64)
    first = 0
    for path in paths:
        some = load_records(path, HASHES)
        hashes[first : first + len(some)] = some
        first += len(some)
    hashes.sort()
    duplicates, slices = documents - count_distinct(hashes), [hashes]
    if groups is not None:
        grouping = _Grouping(hashes, paths, groups, windows)
        del slices, hashes
        slices = grouping.sort_hashes()
    held_out = choose_held_out(slices, windows)
    for path in paths:
        some = load_records(path, HASHES)
        sides = np.full(len(some), TRAINING, np.uint8)
        for side, chosen in zip((VALIDATION, TEST), held_out, strict=True):
            sides[contains(chosen, some)] = side
        save_records(path, SIDES, sides)
    return duplicates


class _Grouping:
    """The groups in which documents are split.

    Equal documents belong to one group, whatever their labels are. Groups of which a part would
    have less than one document are split together.

    Args:
        hashes: The hashes of all documents, sorted.
        paths: The temporary files with their records.
        groups: How many groups of labels there are.
        windows: Says which shares are held out.
    """

    def __init__(
        self, hashes: Hashes, paths: Sequence[Path], groups: int, windows: WindowConfig
    ) -> None:
        self._paths = paths
        equal = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
        group_of, counts = np.full(len(equal), groups, np.uint32), np.zeros(groups, np.int64)
        for path in paths:
            found, places = find_among(equal, load_records(path, HASHES))
            np.minimum.at(group_of, places, load_records(path, GROUPS)[found])
        for path in paths:
            numbers = load_records(path, GROUPS)
            found, places = find_among(equal, load_records(path, HASHES))
            numbers[found] = group_of[places]
            counts += np.bincount(numbers, minlength=groups)
            save_records(path, _SPLIT_GROUPS, numbers)
        least = min(filter(None, (windows.validation, windows.test)), default=0.0)
        is_large = counts * least >= 1
        self._numbers = np.where(is_large, np.cumsum(is_large), 0)  # 0: the small ones together
        self._counts = np.bincount(self._numbers, counts).astype(np.int64)

    def sort_hashes(self) -> list[Hashes]:
        """The hashes of the documents of each group, sorted."""
        ends = np.cumsum(self._counts)
        hashes: Hashes = np.empty(int(ends[-1]), np.uint64)
        places = ends - self._counts
        for path in self._paths:
            some = load_records(path, HASHES)
            groups = self._numbers[load_records(path, _SPLIT_GROUPS)]
            order = np.argsort(groups, kind="stable")
            groups = groups[order]
            rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
            hashes[places[groups] + rank] = some[order]
            places += np.bincount(groups, minlength=len(places))
        slices = np.split(hashes, ends[:-1])
        for part in slices:
            part.sort()
        return slices
