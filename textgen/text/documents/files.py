"""After a corpus has been read: where each document and its labels are in the files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from textgen.settings import WindowConfig
from textgen.text.documents import label_collector
from textgen.text.documents.index import (
    DOCUMENTS,
    LABEL_IDS,
    LABELS,
    TEST,
    TRAINING,
    VALIDATION,
)
from textgen.text.documents.label_collector import GROUPS, LabelCollector, LabelGroups
from textgen.text.documents.records import LENGTHS, load_records
from textgen.text.documents.sides import SIDES, write_sides
from textgen.text.indexing import Part

_SIDES = (TRAINING, VALIDATION, TEST)


@dataclass(frozen=True)
class Placement:
    """Where the characters of a temporary file belong in the file of ids.

    Attributes:
        characters_before: How many characters of its first document are in the files before.
        unfinished: The part of the corpus to which its last document belongs, if that ends in a
            later file.
        places: For each part of the corpus, the id from which on its characters follow.
    """

    characters_before: int
    unfinished: int
    places: tuple[int, int, int]


@dataclass(frozen=True)
class Arrangement:
    """The documents of a corpus, ordered by part.

    Attributes:
        counts: Documents of each part of the corpus.
        duplicates: Documents that are equal to an earlier one.
        placements: For each temporary file, where its characters belong.
    """

    counts: tuple[int, int, int]
    duplicates: int
    placements: list[Placement]


def arrange_documents(
    directory: Path,
    folder: Path,
    parts: Sequence[Part],
    windows: WindowConfig,
    collector: LabelCollector,
) -> Arrangement:
    """Split the documents that have been read, and write the files with their places and labels.

    Args:
        directory: Where the files are written.
        folder: The directory with the temporary files.
        parts: The temporary files, in order.
        windows: Says which shares are held out.
        collector: Has the values of all labels.

    Raises:
        CorpusError: there are too few documents, or labels from which nothing can be learned.
    """
    paths = [part.path(folder) for part in parts]
    groups = None
    if collector.names:
        groups = collector.write_ids([part.task for part in parts], paths)
    documents = sum(part.documents for part in parts)
    duplicates = write_sides(paths, documents, windows, None if groups is None else len(groups))
    placements, counts, characters = _place(paths, [part.characters for part in parts])
    _write_starts(directory / DOCUMENTS, paths, counts, characters)
    if groups is not None:
        _write_labels(directory, paths, counts, groups)
    return Arrangement(counts, duplicates, placements)


def _write_starts(
    path: Path, paths: Sequence[Path], counts: tuple[int, int, int], characters: Sequence[int]
) -> None:
    starts = np.cumsum([1, *characters])
    with PartedFile(path, np.dtype("<i8"), (), counts, extra=1) as file:
        file.append(starts[3:])
        for part in paths:
            lengths, sides = load_records(part, LENGTHS), load_records(part, SIDES)
            for side in _SIDES:
                sizes = lengths[sides == side] + 1
                file.write(side, starts[side] + np.cumsum(sizes) - sizes)
                starts[side] += sizes.sum()


def _write_labels(
    directory: Path, paths: Sequence[Path], counts: tuple[int, int, int], groups: LabelGroups
) -> None:
    training = np.zeros(len(groups), np.int64)
    dtype = load_records(paths[0], label_collector.LABEL_IDS).dtype
    with PartedFile(directory / LABEL_IDS, dtype, (len(groups.fields),), counts) as file:
        for part in paths:
            label_ids = load_records(part, label_collector.LABEL_IDS)
            sides, numbers = load_records(part, SIDES), load_records(part, GROUPS)
            training += np.bincount(numbers[sides == TRAINING], minlength=len(training))
            for side in _SIDES:
                file.write(side, label_ids[sides == side])
    (directory / LABELS).write_bytes(groups.labels(training).to_bytes())


def _place(
    paths: Sequence[Path], characters: Sequence[int]
) -> tuple[list[Placement], tuple[int, int, int], list[int]]:
    """Where the characters of each temporary file belong.

    Returns:
        That; the documents and the characters of each part of the corpus.
    """
    counts, totals = np.zeros(3, np.int64), np.zeros((len(paths), 3), np.int64)
    before, rests, firsts = [0], list[int](), list[int | None]()
    for number, path in enumerate(paths):
        lengths, sides = load_records(path, LENGTHS) + 1, load_records(path, SIDES)
        lengths[:1] -= before[-1]
        counts += np.bincount(sides, minlength=3)
        totals[number] = [lengths[sides == side].sum() for side in _SIDES]
        rests.append(characters[number] - int(lengths.sum()))
        before.append(rests[-1] if len(lengths) else before[-1] + rests[-1])
        firsts.append(int(sides[0]) if len(sides) else None)
    unfinished, following = [TRAINING] * len(paths), TRAINING
    for number in reversed(range(len(paths))):
        unfinished[number] = following
        totals[number, following] += rests[number]
        if (first := firsts[number]) is not None:
            following = first
    sums = totals.sum(axis=0)
    places = 1 + np.append(0, np.cumsum(sums)[:-1]) + np.cumsum(totals, axis=0) - totals
    placements = [
        Placement(before[number], unfinished[number], tuple(places[number].tolist()))
        for number in range(len(paths))
    ]
    training, validation, test = counts.tolist()
    return placements, (training, validation, test), sums.tolist()


class PartedFile:
    """A .npy file whose rows are ordered by part, while they are written in order of reading.

    Args:
        path: The file.
        dtype: The type of its values.
        shape: The shape of a row.
        counts: Rows of each part.
        extra: Rows that follow.
    """

    def __init__(
        self,
        path: Path,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        counts: tuple[int, int, int],
        extra: int = 0,
    ):
        self._dtype = dtype
        header = npy_header(dtype, (sum(counts) + extra, *shape))
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        self._places = [len(header) + size * sum(counts[:part]) for part in range(4)]
        self._file = path.open("wb")
        self._file.write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, part: int, rows: npt.NDArray[Any]) -> None:
        """Write the next rows of a part; 3 for those after all parts."""
        self._file.seek(self._places[part])
        self._places[part] += self._file.write(np.ascontiguousarray(rows, self._dtype).data)

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Write the rows after all parts."""
        self.write(3, rows)


def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header of a .npy file."""
    header = io.BytesIO()
    content = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, content)
    return header.getvalue()
