"""After a corpus has been read: which part each document belongs to, and its place in the files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from textgen.settings import WindowConfig
from textgen.text.document_hash import Hashes
from textgen.text.document_index import DOCUMENTS, TEST, TRAINING, VALIDATION
from textgen.text.document_records import HASHES, LENGTHS, record_path
from textgen.text.document_split import choose_held_out, contains, count_distinct
from textgen.text.indexing import Part

SIDES = "sides"  # the file with the part of the corpus that each document belongs to
_SIDES = (TRAINING, VALIDATION, TEST)


@dataclass(frozen=True)
class Placement:
    """Where the characters of a temporary file belong in the file of ids.

    Attributes:
        begun: How many characters of its first document are in the files before.
        unfinished: The part of the corpus to which its last document belongs, if that ends in a
            later file.
        places: For each part of the corpus, the id from which on its characters follow.
    """

    begun: int
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
    directory: Path, folder: Path, parts: Sequence[Part], windows: WindowConfig
) -> Arrangement:
    """Split the documents that have been read, and write the file with their places.

    Args:
        directory: Where the file is written.
        folder: The directory with the temporary files.
        parts: The temporary files, in order.
        windows: Says which shares are held out.

    Raises:
        CorpusError: there are too few documents.
    """
    paths = [part.path(folder) for part in parts]
    duplicates = _split(paths, sum(part.documents for part in parts), windows)
    placements, counts, characters = _place(paths, [part.characters for part in parts])
    first, last = np.cumsum([1, *characters])[[0, -1]]
    with PartedFile(directory / DOCUMENTS, np.dtype("<i8"), (), counts, extra=1) as file:
        starts = np.cumsum([first, *characters])[:3]
        for path in paths:
            lengths, sides = load(path, LENGTHS), load(path, SIDES)
            for side in _SIDES:
                sizes = lengths[sides == side] + 1
                file.write(side, starts[side] + np.cumsum(sizes) - sizes)
                starts[side] += sizes.sum()
        file.append(np.array([last]))
    return Arrangement(counts, duplicates, placements)


def load(path: Path, name: str) -> npt.NDArray[Any]:
    """Load one kind of records of the documents that end in a temporary file."""
    records: npt.NDArray[Any] = np.load(record_path(path, name))
    return records


def _split(paths: Sequence[Path], documents: int, windows: WindowConfig) -> int:
    """Write which part of the corpus each document belongs to; gives the number of duplicates."""
    hashes: Hashes = np.empty(documents, np.uint64)
    first = 0
    for path in paths:
        some = load(path, HASHES)
        hashes[first : first + len(some)] = some
        first += len(some)
    hashes.sort()
    held_out = choose_held_out([hashes], windows)
    duplicates = documents - count_distinct(hashes)
    del hashes
    for path in paths:
        some = load(path, HASHES)
        sides = np.full(len(some), TRAINING, np.uint8)
        for side, chosen in zip((VALIDATION, TEST), held_out, strict=True):
            sides[contains(chosen, some)] = side
        np.save(record_path(path, SIDES), sides)
    return duplicates


def _place(
    paths: Sequence[Path], characters: Sequence[int]
) -> tuple[list[Placement], tuple[int, int, int], list[int]]:
    """Where the characters of each temporary file belong.

    Returns:
        That; the documents and the characters of each part of the corpus.
    """
    counts, totals = np.zeros(3, np.int64), np.zeros((len(paths), 3), np.int64)
    begun, rests, firsts = [0], list[int](), list[int | None]()
    for number, path in enumerate(paths):
        lengths, sides = load(path, LENGTHS) + 1, load(path, SIDES)
        lengths[:1] -= begun[-1]
        counts += np.bincount(sides, minlength=3)
        totals[number] = [lengths[sides == side].sum() for side in _SIDES]
        rests.append(characters[number] - int(lengths.sum()))
        begun.append(rests[-1] if len(lengths) else begun[-1] + rests[-1])
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
        Placement(begun[number], unfinished[number], tuple(places[number].tolist()))
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
