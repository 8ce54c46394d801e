"""The tasks of encoding: parts become ids at their places in the file, and blocks are hashed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from textgen.storage import hashes
from textgen.text.documents.files import Placement
from textgen.text.documents.hashes import END_CODE
from textgen.text.documents.records import LENGTHS, load_records
from textgen.text.documents.sides import SIDES
from textgen.text.indexing import Part, codes_path
from textgen.text.vocabulary import Vocabulary, from_code_points

_BLOCK = 1 << 17  # ids in memory at a time


@dataclass(frozen=True)
class Target:
    """Where ids are written.

    Attributes:
        path: The file.
        start: The byte after the file's header.
        vocabulary: The vocabulary of the ids.
        folder: The directory with the parts.
    """

    path: Path
    start: int
    vocabulary: Vocabulary
    folder: Path


@dataclass(frozen=True)
class HashedBlock:
    """The SHA-256 of the block that starts at the byte `first`."""

    first: int
    digest: str


@dataclass(frozen=True)
class HashBlock:
    """The task to hash the bytes of a file from `first` to before `last`."""

    path: Path
    first: int
    last: int

    def run(self) -> HashedBlock:
        return HashedBlock(self.first, hashes.sha256(self.path, self.first, self.last))


@dataclass(frozen=True)
class EncodedPart:
    """The part with this number is in the file of ids."""

    number: int


@dataclass(frozen=True)
class EncodePart:
    """The task to turn a part into ids at their place in the file, and to remove the part.

    Attributes:
        number: Which part in the order of the text.
        part: The part.
        target: Where its ids are written.
        place: The byte from which on; None where a placement says it.
        placement: Where the documents in it belong.
    """

    number: int
    part: Part
    target: Target
    place: int = 0
    placement: Placement | None = None

    def run(self) -> EncodedPart:
        table, path = self._make_table(), self.part.path(self.target.folder)
        with path.open("rb") as file, self.target.path.open("r+b") as ids:
            blocks = self._read_ids(file, table)
            if self.placement is None:
                ids.seek(self.place)
                for block in blocks:
                    ids.write(block.data)
            else:
                self._write_documents(ids, blocks, self.placement)
        path.unlink()
        return EncodedPart(self.number)

    def _make_table(self) -> npt.NDArray[Any]:
        """The id of each index of the part's task."""
        vocabulary = self.target.vocabulary
        codes = np.load(codes_path(self.target.folder, self.part.task))
        is_end = codes == END_CODE
        ids_of = vocabulary.encode(from_code_points(np.where(is_end, 0, codes)))
        if vocabulary.unknown_id is not None:
            ids_of[ids_of < 0] = vocabulary.unknown_id
        if vocabulary.document_end_id is not None:
            ids_of[is_end] = vocabulary.document_end_id
        return ids_of.astype(vocabulary.dtype)

    def _read_ids(self, file: BinaryIO, table: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
        while len(indices := np.fromfile(file, self.part.dtype, _BLOCK)):
            yield table[indices.astype(np.intp)]

    def _write_documents(
        self, file: BinaryIO, blocks: Iterator[npt.NDArray[Any]], placement: Placement
    ) -> None:
        """Write each document to its part of the corpus."""
        path = self.part.path(self.target.folder)
        lengths = load_records(path, LENGTHS) + 1
        lengths[:1] -= placement.characters_before
        rest = self.part.characters - int(lengths.sum())
        sides = np.repeat(
            np.append(load_records(path, SIDES), np.uint8(placement.unfinished)),
            np.append(lengths, rest),
        )
        itemsize, first = self.target.vocabulary.dtype.itemsize, 0
        places = [self.target.start + place * itemsize for place in placement.places]
        for block in blocks:
            side_of = sides[first : first + len(block)]
            first += len(block)
            for side, place in enumerate(places):
                if len(ids := block[side_of == side]):
                    file.seek(place)
                    places[side] += file.write(ids.data)


def run(task: EncodePart | HashBlock) -> Iterator[EncodedPart | HashedBlock]:
    """Do a task."""
    yield task.run()


def run_hash(task: HashBlock) -> Iterator[HashedBlock]:
    """Do a task of hashing."""
    yield task.run()
