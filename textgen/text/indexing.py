"""The first step of encoding: characters become indices, before the vocabulary is known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.settings import CorpusConfig
from textgen.text.documents.hashes import END_CODE
from textgen.text.documents.labels import label_names
from textgen.text.documents.reading import TextBlock, read_documents
from textgen.text.documents.records import DocumentRecorder, LabelValues, Records, write_records
from textgen.text.documents.suggestions import watch_texts
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
        return self.add_codes(to_code_points(text))

    def add_codes(self, code_points: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
        """Count a block of text given as code points; document ends count as characters."""
        count = len(code_points)
        if count > self._buffers.shape[1]:
            self._buffers = np.empty((2, count), np.intp)
        codes: npt.NDArray[np.intp]
        indices: npt.NDArray[np.intp]
        codes, indices = self._buffers[:, :count]
        codes[:] = code_points
        self._index_of.take(codes, out=indices, mode="clip")
        if len(indices) and indices.max() == CODE_POINTS:
            new = np.unique(codes[indices == CODE_POINTS])
            to_code_points("".join(map(chr, new[new != END_CODE])))  # refuses half a surrogate pair
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
        documents: How many documents end in it.
    """

    task: int
    number: int
    characters: int
    dtype: str
    is_added: bool = False
    documents: int = 0

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


@dataclass(frozen=True)
class TaskReport:
    """What a task's reading found and changed."""

    task: int
    report: ReadingReport


TaskResult = BytesRead | Part | CharacterCounts | LabelValues | TaskReport


@dataclass(frozen=True)
class _Block:
    """A block of a task's text.

    Attributes:
        group: Blocks of the same group are in the same part.
        indices: The indices of its characters.
        read: Bytes read for it.
        records: The documents that end in it; None in continuous text.
    """

    group: tuple[int, int, np.dtype[Any]]
    indices: npt.NDArray[np.intp]
    read: int
    records: Records | None = None


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
    pieces: Sequence[Piece], corpus: CorpusConfig, folder: Path, task: int, sizes: WorkSizes
) -> Iterator[TaskResult]:
    """Write the characters of a task as indices.

    Yields:
        Bytes read and parts; at the end the counts, and what reading found and changed.
    """
    index, report, unreported = CharacterIndex(), ReadingReport(), 0
    recorder = None
    if corpus.documents in ("auto", "none"):
        texts = read_texts(pieces, corpus, report, sizes.reading)
        blocks = _index_text(index, watch_texts(texts, pieces, report), sizes)
    else:
        recorder = DocumentRecorder(len(label_names(corpus)), report)
        documents = read_documents(pieces, corpus, report, sizes.reading)
        blocks = _index_documents(index, recorder, documents, sizes)
    for number, (group, members) in enumerate(groupby(blocks, key=attrgetter("group"))):
        part, records = Part(task, number, 0, group[-1].str, is_added=group[0] < 0), list[Records]()
        characters = 0
        with part.path(folder).open("wb") as file:
            for block in members:
                file.write(block.indices.astype(part.dtype).data)
                characters += len(block.indices)
                if block.records is not None:
                    records.append(block.records)
                unreported += block.read
                if unreported >= _REPORT_EVERY:
                    yield BytesRead(unreported)
                    unreported = 0
        ended = write_records(part.path(folder), records) if records else 0
        yield replace(part, characters=characters, documents=ended)
    np.save(codes_path(folder, task), index.codes)
    yield BytesRead(unreported)
    yield CharacterCounts(index.codes, index.counts)
    if recorder is not None:
        yield recorder.label_values(task)
    yield TaskReport(task, report)


def _index_text(
    index: CharacterIndex, texts: Iterable[tuple[str, int]], sizes: WorkSizes
) -> Iterator[_Block]:
    characters, last = 0, "\n"
    for text, count in texts:
        indices = index.add(text)
        last = text[-1:] or last
        # A part ends where it is long enough, or where indices need another type.
        yield _Block((characters // sizes.part, 0, index.dtype), indices, count)
        characters += len(indices)
    if last != "\n":
        indices = index.add("\n")
        index.counts[indices] -= 1
        yield _Block((-1, 0, index.dtype), indices, 0)


def _index_documents(
    index: CharacterIndex,
    recorder: DocumentRecorder,
    texts: Iterable[TextBlock],
    sizes: WorkSizes,
) -> Iterator[_Block]:
    characters = documents = 0
    for text in chain(texts, iter(recorder.finish, None)):
        codes, records = recorder.add(text)
        indices = index.add_codes(codes)
        group = (characters // sizes.part, documents // sizes.documents, index.dtype)
        yield _Block(group, indices, text.read, records)
        characters += len(indices)
        documents += len(records.lengths)


def codes_path(folder: Path, task: int) -> Path:
    """The file with the code point of each index of a task."""
    return folder / f"{task}.npy"
