"""From texts to a file of ids: read, count and number characters, in one process or in several.

Knows tasks, parts and the order they stand in; knows nothing of the directory that the file of
ids belongs to, or of windows.

Which ids characters have is known when all of them have been counted, so there are two steps.
Tasks of text are read; their characters are numbered as they turn up and written aside, in parts.
Then each part becomes ids at its place in the file. Tasks and parts are the same whatever the
number of processes, so errors are, too; and where a part's characters were numbered does not show
in its ids.
"""

import io
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.storage import hashes
from textgen.text import workers
from textgen.text.pieces import Piece, split_source
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.vocabulary import (
    CODE_POINTS,
    CharacterIndex,
    Vocabulary,
    build_vocabulary,
    from_code_points,
)

OnProgress = Callable[[str, int, int | None], object]
Counts = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]  # code points, and how often each

_TASK = 1 << 24  # bytes of text read at a time: a tenth of a second, far more than handing it out
_FILE = 1 << 14  # bytes that are read in the time that opening a file takes
_PART = 1 << 24  # characters of a part
_TELL = 1 << 20  # bytes from one word of progress to the next
_BLOCK = 1 << 17  # ids in memory at a time
# Bytes of text to be read, and characters to be numbered, for which it is worth starting a process:
# one takes 0.17 s to start, in which another reads 24 MB or numbers 90 million characters.
_READ_WORTHWHILE = 1 << 25
_NUMBER_WORTHWHILE = 1 << 27
_JOBS = 8  # unless told otherwise: more were not tried


@dataclass(frozen=True)
class Part:
    """Characters of a task that have been numbered, in a file of their own.

    Attributes:
        task: The task's number.
        index: Its own one in the task.
        characters: How many they are.
        dtype: The type of their numbers.
        is_added: Whether it is a line end that the task's last file lacks, needed only where
            another task has text that follows.
    """

    task: int
    index: int
    characters: int
    dtype: str
    is_added: bool = False

    def path(self, folder: Path) -> Path:
        return folder / f"{self.task}-{self.index}"


def write_ids(
    path: Path,
    sources: Sequence[Source],
    corpus: CorpusConfig,
    jobs: int | None = None,
    progress: OnProgress = lambda *_: None,
) -> tuple[Vocabulary, int, list[str], ReadingReport]:
    """Write the ids of texts, one after the other, as a .npy file.

    Args:
        path: The file; beside it there must be room for parts, which are gone at the end.
        sources: The texts, each of which is read once.
        corpus: How they are read.
        jobs: Processes that share the work, where there is enough of it; None for as many as
            there are processors, up to 8. Texts that only this process can read, standard input
            say, are read by it alone.
        progress: Called with a stage (`read`, `encode`), the bytes done in it and the bytes it
            has, None where that is not known.

    Returns:
        The vocabulary, the number of characters that have its unknown id, the SHA-256 of each
        block of the file, as hashes.describe_blocks takes them, and what reading changed.

    Raises:
        CorpusError: no text, or text that cannot be read.
        WorkerError: another process could not be started, or was ended from outside.
    """
    jobs = jobs or min(workers.processors(), _JOBS)
    folder = path.with_name("parts")
    folder.mkdir()
    with workers.team() as team:
        counts, parts, report = _read_all(team, jobs, sources, corpus, folder, progress)
        characters = sum(part.characters for part in parts)
        if characters == 0:
            raise CorpusError("the corpus is empty; name a file with text in it")
        vocabulary, unknown = build_vocabulary(counts, corpus.min_count)
        header = _npy_header(vocabulary.dtype, characters)
        with path.open("wb") as file:
            file.write(header)
            file.truncate(len(header) + characters * vocabulary.dtype.itemsize)
        jobs = min(jobs, max(len(team), characters // _NUMBER_WORTHWHILE))
        digests = _number_all(team, jobs, parts, vocabulary, folder, path, len(header), progress)
    shutil.rmtree(folder)
    return vocabulary, unknown, digests, report


def _read_all(
    team: list[workers.Worker],
    jobs: int,
    sources: Sequence[Source],
    corpus: CorpusConfig,
    folder: Path,
    progress: OnProgress,
) -> tuple[npt.NDArray[np.int64], list[Part], ReadingReport]:
    """How often each code point occurs, the parts in their order, and what reading changed."""
    total = sum(source.size or 0 for source in sources)
    known = all(source.size is not None for source in sources)
    anywhere = all(source.on_disk for source in sources)
    tasks = ((pieces, corpus, folder, n, _PART) for n, pieces in enumerate(_tasks(sources, corpus)))
    counts, parts, done = np.zeros(CODE_POINTS, np.int64), list[Part](), 0
    report = ReadingReport()
    enough = (total + len(sources) * _FILE) // _READ_WORTHWHILE
    for told in workers.run(team, min(jobs, enough) if anywhere else 1, _read, tasks):
        if isinstance(told, Part):
            parts.append(told)
        elif isinstance(told, int):
            done += told
            progress("read", done, total if known else None)
        elif isinstance(told, ReadingReport):
            report.add(told)
        else:
            codes, occurrences = told
            counts[codes] += occurrences
    parts = sorted(
        (part for part in parts if part.characters), key=lambda part: (part.task, part.index)
    )
    if parts and parts[-1].is_added:
        parts.pop()
    added = sum(part.is_added for part in parts)
    report.line_ends_added += added
    counts[ord("\n")] += added
    return counts, parts, report


def _tasks(sources: Iterable[Source], corpus: CorpusConfig) -> Iterator[list[Piece]]:
    """Pieces of text, in order: a large file in several tasks, many small ones in one."""
    pieces, size = list[Piece](), 0
    for source in sources:
        for piece in split_source(source, corpus, _TASK):
            pieces.append(piece)
            size += (piece.size or 0) + _FILE
            if size >= _TASK:
                yield pieces
                pieces, size = [], 0
    if pieces:
        yield pieces


def _read(
    pieces: Iterable[Piece], corpus: CorpusConfig, folder: Path, task: int, size: int
) -> Iterator[int | Part | Counts | ReadingReport]:
    """Number the characters of a task.

    Yields:
        Bytes read since it last said so; parts of so many characters; at the end the counts, but
        for a line end added at the end, and what reading changed.
    """
    numbering, characters, told = CharacterIndex(), 0, 0
    report = ReadingReport()

    def blocks() -> Iterator[tuple[tuple[int, np.dtype[Any]], npt.NDArray[np.intp], int]]:
        last = "\n"
        for text, count in read_texts(pieces, corpus, report):
            numbers = numbering.add(text)
            last = text[-1:] or last
            # A part ends where it is long enough, or where numbers need another type.
            yield (characters // size, numbering.dtype), numbers, count
        if last != "\n":
            numbers = numbering.add("\n")
            numbering.counts[numbers] -= 1
            yield (-1, numbering.dtype), numbers, 0

    for index, ((number, dtype), group) in enumerate(groupby(blocks(), key=itemgetter(0))):
        first = characters
        with Part(task, index, 0, dtype.str).path(folder).open("wb") as file:
            for _, numbers, count in group:
                file.write(numbers.astype(dtype).data)
                characters += len(numbers)
                told += count
                if told >= _TELL:
                    yield told
                    told = 0
        yield Part(task, index, characters - first, dtype.str, is_added=number < 0)
    np.save(_codes(folder, task), numbering.codes)
    yield told
    yield numbering.codes, numbering.counts
    yield report


def _codes(folder: Path, task: int) -> Path:
    """Where the code points stand that a task's numbers mean."""
    return folder / f"{task}.npy"


def _number_all(
    team: list[workers.Worker],
    jobs: int,
    parts: Sequence[Part],
    vocabulary: Vocabulary,
    folder: Path,
    path: Path,
    start: int,
    progress: OnProgress,
) -> list[str]:
    """Turn all parts into ids, from a place of the file on; the SHA-256 of the file's blocks."""
    sizes = (part.characters * vocabulary.dtype.itemsize for part in parts)
    places = list(accumulate(sizes, initial=start))
    blocks = [
        (first, min(first + hashes.BLOCK_BYTES, places[-1]))
        for first in range(0, places[-1], hashes.BLOCK_BYTES)
    ]
    done, ready, digests = set[int](), 0, dict[int, str]()  # `ready` parts, from the first on

    def tasks() -> Iterator[tuple[Any, ...]]:
        """The parts, and each block soon after it is written, while it is in memory."""
        left = deque(blocks)
        for number, (part, place) in enumerate(zip(parts, places, strict=False)):
            while left and left[0][1] <= places[ready]:
                yield _hash, path, *left.popleft()
            yield _number, number, part, vocabulary, folder, path, place

    for told in workers.run(team, jobs, _do, tasks()):
        if isinstance(told, tuple):
            first, digest = told
            digests[first] = digest
            continue
        done.add(told)
        while ready in done:
            ready += 1
        progress("encode", places[ready] - start, places[-1] - start)
    # The last blocks' parts may have been with others yet.
    rest = [(path, *block) for block in blocks if block[0] not in digests]
    for first, digest in workers.run(team, jobs, _hash, rest):
        digests[first] = digest
    return [digests[first] for first, _ in blocks]


def _do(function: Callable[..., Iterable[Any]], *arguments: Any) -> Iterable[Any]:
    return function(*arguments)


def _hash(path: Path, first: int, last: int) -> Iterator[tuple[int, str]]:
    """The SHA-256 of a part of a file, after its first place."""
    yield first, hashes.sha256(path, first, last)


def _number(
    number: int, part: Part, vocabulary: Vocabulary, folder: Path, path: Path, place: int
) -> Iterator[int]:
    """Turn a part into ids at their place in a file, and take the part away."""
    table = vocabulary.encode(from_code_points(np.load(_codes(folder, part.task))))
    if vocabulary.unknown_id is not None:
        table[table < 0] = vocabulary.unknown_id
    table = table.astype(vocabulary.dtype)
    with part.path(folder).open("rb") as file, path.open("r+b") as ids:
        ids.seek(place)
        while len(numbers := np.fromfile(file, part.dtype, _BLOCK)):
            ids.write(table[numbers.astype(np.intp)].data)
    part.path(folder).unlink()
    yield number


def _npy_header(dtype: np.dtype[Any], count: int) -> bytes:
    """The header of a .npy file of a 1-d array."""
    header = io.BytesIO()
    shape = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(header, shape)
    return header.getvalue()
