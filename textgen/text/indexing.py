"""The first step of encoding: characters become indices, before the vocabulary is known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.settings import CorpusConfig
from textgen.text.pieces import Piece, split_source
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import WorkSizes
from textgen.text.sources import Source
from textgen.text.vocabulary import CODE_POINTS, to_code_points

_REPORT_EVERY = 1 << 20  # bytes from one report of progress to the next


class CharacterIndex:
    """Gives each distinct character of a text an index, in order of appearance, and counts them.

    The text is read once, in blocks, when its vocabulary is not known yet.

    Attributes:
        codes: The code point of each index so far.
        counts: How often each occurred.
    """

    def __init__(self) -> None:
        # Everything is looked up and counted as intp, NumPy's own index type. NumPy would convert
        # any other type, into a new array each time.
        self._index_of = np.full(CODE_POINTS, CODE_POINTS, np.intp)
        self._buffers = np.empty((2, 0), np.intp)
        self.codes = np.empty(0, np.uint32)
        self.counts = np.zeros(0, np.int64)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every index so far."""
        return np.min_scalar_type(max(len(self.codes) - 1, 0))

    def add(self, text: str) -> npt.NDArray[np.intp]:
        """Count a block of text.

        Returns:
            The indices of its characters, shape (characters,); overwritten by the next call.
        """
        if len(text) > self._buffers.shape[1]:
            self._buffers = np.empty((2, len(text)), np.intp)
        codes: npt.NDArray[np.intp]
        indices: npt.NDArray[np.intp]
        codes, indices = self._buffers[:, : len(text)]
        codes[:] = to_code_points(text)
        self._index_of.take(codes, out=indices, mode="clip")
        if len(indices) and indices.max() == CODE_POINTS:
            new = np.unique(codes[indices == CODE_POINTS])
            size = len(self.codes)
            self._index_of[new] = np.arange(size, size + len(new))
            self.codes = np.concatenate([self.codes, new.astype(np.uint32)])
            self.counts = np.concatenate([self.counts, np.zeros(len(new), np.int64)])
            self._index_of.take(codes, out=indices, mode="clip")
        self.counts += np.bincount(indices, minlength=len(self.codes))
        return indices


@dataclass(frozen=True)
class Part:
    """Characters of a task as indices, in a temporary file.

    Attributes:
        task: The task's number.
        number: The part's number in the task.
        characters: How many characters it has.
        dtype: The type of their indices.
        is_added: Whether it is a line end that the task's last file lacks. It is needed only if
            text of another task follows.
    """

    task: int
    number: int
    characters: int
    dtype: str
    is_added: bool = False

    def path(self, folder: Path) -> Path:
        return folder / f"{self.task}-{self.number}"


@dataclass(frozen=True)
class BytesRead:
    """Bytes that a task has read since the last such number."""

    count: int


@dataclass(frozen=True)
class CharacterCounts:
    """The distinct characters of a task.

    Attributes:
        codes: Their code points.
        occurrences: How often each occurs, without a line end added at the end.
    """

    codes: npt.NDArray[np.uint32]
    occurrences: npt.NDArray[np.int64]


TaskResult = BytesRead | Part | CharacterCounts | ReadingReport


def make_tasks(
    sources: Iterable[Source], corpus: CorpusConfig, sizes: WorkSizes
) -> Iterator[list[Piece]]:
    """Pieces of text, in order: a large file in several tasks, many small ones in one."""
    pieces, size = list[Piece](), 0
    for source in sources:
        for piece in split_source(source, corpus, sizes.task, sizes.reading):
            pieces.append(piece)
            size += (piece.size or 0) + sizes.file
            if size >= sizes.task:
                yield pieces
                pieces, size = [], 0
    if pieces:
        yield pieces


def index_task(
    pieces: Iterable[Piece], corpus: CorpusConfig, folder: Path, task: int, sizes: WorkSizes
) -> Iterator[TaskResult]:
    """Write the characters of a task as indices.

    Yields:
        Bytes read and parts; at the end the counts, and what reading found and changed.
    """
    index, characters, unreported = CharacterIndex(), 0, 0
    report = ReadingReport()

    def blocks() -> Iterator[tuple[tuple[int, np.dtype[Any]], npt.NDArray[np.intp], int]]:
        last = "\n"
        for text, count in read_texts(pieces, corpus, report, sizes.reading):
            indices = index.add(text)
            last = text[-1:] or last
            # A part ends where it is long enough, or where indices need another type.
            yield (characters // sizes.part, index.dtype), indices, count
        if last != "\n":
            indices = index.add("\n")
            index.counts[indices] -= 1
            yield (-1, index.dtype), indices, 0

    for number, ((group_number, dtype), group) in enumerate(groupby(blocks(), key=itemgetter(0))):
        first = characters
        with Part(task, number, 0, dtype.str).path(folder).open("wb") as file:
            for _, indices, count in group:
                file.write(indices.astype(dtype).data)
                characters += len(indices)
                unreported += count
                if unreported >= _REPORT_EVERY:
                    yield BytesRead(unreported)
                    unreported = 0
        yield Part(task, number, characters - first, dtype.str, is_added=group_number < 0)
    np.save(codes_path(folder, task), index.codes)
    yield BytesRead(unreported)
    yield CharacterCounts(index.codes, index.counts)
    yield report


def codes_path(folder: Path, task: int) -> Path:
    """The file with the code point of each index of a task."""
    return folder / f"{task}.npy"
