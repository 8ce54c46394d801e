"""Encode texts into a file of ids, in one process or in several.

A character's id is known only when all characters of the corpus have been counted. So there are two
steps. First, the text is read in tasks. Each distinct character of a task gets an index, in order
of appearance, and the indices of the text are written to temporary files: parts. Then each part
becomes ids at its place in the file. Tasks and parts are the same for any number of processes, and
so are the ids and the errors.
"""

import io
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.storage import hashes
from textgen.text.indexing import (
    BytesRead,
    CharacterCounts,
    Part,
    TaskResult,
    codes_path,
    index_task,
    make_tasks,
)
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import WORK_SIZES, WorkSizes
from textgen.text.sources import Source
from textgen.text.vocabulary import (
    CODE_POINTS,
    Vocabulary,
    build_vocabulary,
    from_code_points,
)
from textgen.text.workers import Worker, processor_count, run_tasks, worker_pool

OnProgress = Callable[[str, int, int | None], object]

_MOST_JOBS = 8  # by default: more were not tried
_BLOCK = 1 << 17  # ids in memory at a time


@dataclass(frozen=True)
class EncodedText:
    """What is known about a text after it has been encoded.

    Attributes:
        vocabulary: Its vocabulary.
        unknown: How many of its characters have the unknown id.
        digests: The SHA-256 of each block of the file of ids.
        report: What reading found and changed.
    """

    vocabulary: Vocabulary
    unknown: int
    digests: list[str]
    report: ReadingReport


@dataclass(frozen=True)
class _Target:
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
class _HashedBlock:
    """The SHA-256 of the block that starts at the byte `first`."""

    first: int
    digest: str


@dataclass(frozen=True)
class _HashBlock:
    """The task to hash the bytes of a file from `first` to before `last`."""

    path: Path
    first: int
    last: int

    def run(self) -> _HashedBlock:
        return _HashedBlock(self.first, hashes.sha256(self.path, self.first, self.last))


@dataclass(frozen=True)
class _EncodedPart:
    """The part with this number is in the file of ids."""

    number: int


@dataclass(frozen=True)
class _EncodePart:
    """The task to turn a part into ids at their place in the file, and to remove the part."""

    number: int
    part: Part
    target: _Target
    place: int

    def run(self) -> _EncodedPart:
        part, target, vocabulary = self.part, self.target, self.target.vocabulary
        codes = np.load(codes_path(target.folder, part.task))
        ids_of = vocabulary.encode(from_code_points(codes))
        if vocabulary.unknown_id is not None:
            ids_of[ids_of < 0] = vocabulary.unknown_id
        table = ids_of.astype(vocabulary.dtype)
        path = part.path(target.folder)
        with path.open("rb") as file, target.path.open("r+b") as ids:
            ids.seek(self.place)
            while len(indices := np.fromfile(file, part.dtype, _BLOCK)):
                ids.write(table[indices.astype(np.intp)].data)
        path.unlink()
        return _EncodedPart(self.number)


def _run_hash(task: _HashBlock) -> Iterator[_HashedBlock]:
    yield task.run()


def _run(task: _EncodePart | _HashBlock) -> Iterator[_EncodedPart | _HashedBlock]:
    yield task.run()


def write_ids(
    path: Path,
    sources: Sequence[Source],
    corpus: CorpusConfig,
    jobs: int | None = None,
    on_progress: OnProgress = lambda *_: None,
    sizes: WorkSizes = WORK_SIZES,
) -> EncodedText:
    """Write the ids of texts, one after the other, as a .npy file.

    Args:
        path: The file. Its directory also holds the temporary files, which are removed.
        sources: The texts, each of which is read once.
        corpus: How they are read.
        jobs: Processes that share the work, if there is enough of it; None for as many as there
            are processors, up to 8. Texts that only this process can read, such as standard input,
            are read by this process alone.
        on_progress: Called with a stage (`read`, `encode`), the bytes done in it and the bytes of
            all of it, None where they are not known.
        sizes: How the work is divided.

    Raises:
        CorpusError: no text, or text that cannot be read.
        WorkerError: another process could not be started, or was ended from outside.
    """
    jobs = jobs or min(processor_count(), _MOST_JOBS)
    folder = path.with_name("parts")
    folder.mkdir()
    known = sum(source.size or 0 for source in sources)
    total = known if all(source.size is not None for source in sources) else None
    enough = (known + len(sources) * sizes.file) // sizes.read_per_process
    readers = min(jobs, enough) if all(source.on_disk for source in sources) else 1
    tasks = (
        (pieces, corpus, folder, number, sizes)
        for number, pieces in enumerate(make_tasks(sources, corpus, sizes))
    )
    with worker_pool() as workers:
        results = run_tasks(workers, readers, index_task, tasks)
        counts, parts, report = _collect(results, total, on_progress)
        characters = sum(part.characters for part in parts)
        if characters == 0:
            raise CorpusError("the corpus is empty; name a file with text in it")
        vocabulary, unknown = build_vocabulary(counts, corpus.min_count)
        header = _npy_header(vocabulary.dtype, characters)
        with path.open("wb") as file:
            file.write(header)
            file.truncate(len(header) + characters * vocabulary.dtype.itemsize)
        target = _Target(path, len(header), vocabulary, folder)
        jobs = min(jobs, max(len(workers), characters // sizes.encode_per_process))
        digests = _encode_parts(workers, jobs, parts, target, on_progress)
    shutil.rmtree(folder)
    return EncodedText(vocabulary, unknown, digests, report)


def _collect(
    results: Iterable[TaskResult],
    total: int | None,
    on_progress: OnProgress,
) -> tuple[npt.NDArray[np.int64], list[Part], ReadingReport]:
    """How often each code point occurs, the parts in order, and what reading found and changed."""
    counts, parts, done = np.zeros(CODE_POINTS, np.int64), list[Part](), 0
    report = ReadingReport()
    for result in results:
        match result:
            case BytesRead():
                done += result.count
                on_progress("read", done, total)
            case Part():
                parts.append(result)
            case CharacterCounts():
                counts[result.codes] += result.occurrences
            case ReadingReport():
                report.add(result)
    parts = sorted(
        (part for part in parts if part.characters), key=lambda part: (part.task, part.number)
    )
    if parts and parts[-1].is_added:
        parts.pop()
    added = sum(part.is_added for part in parts)
    report.line_ends_added += added
    counts[ord("\n")] += added
    return counts, parts, report


def _encode_parts(
    workers: list[Worker],
    jobs: int,
    parts: Sequence[Part],
    target: _Target,
    on_progress: OnProgress,
) -> list[str]:
    """Turn all parts into ids; gives the SHA-256 of each block of the file."""
    itemsize = target.vocabulary.dtype.itemsize
    places = list(accumulate((part.characters * itemsize for part in parts), initial=target.start))
    blocks = [
        (first, min(first + hashes.BLOCK_BYTES, places[-1]))
        for first in range(0, places[-1], hashes.BLOCK_BYTES)
    ]
    finished, ready = set[int](), 0  # the first `ready` parts are finished
    digests = dict[int, str]()

    def tasks() -> Iterator[tuple[_EncodePart | _HashBlock]]:
        """The parts, and each block soon after it is written, while it is in memory."""
        waiting = deque(blocks)
        for number, (part, place) in enumerate(zip(parts, places, strict=False)):
            while waiting and waiting[0][1] <= places[ready]:
                yield (_HashBlock(target.path, *waiting.popleft()),)
            yield (_EncodePart(number, part, target, place),)

    for result in run_tasks(workers, jobs, _run, tasks()):
        match result:
            case _HashedBlock():
                digests[result.first] = result.digest
            case _EncodedPart():
                finished.add(result.number)
                while ready in finished:
                    ready += 1
                on_progress("encode", places[ready] - target.start, places[-1] - target.start)
    # The parts of the last blocks may have been finished after the last task was taken.
    rest = [(_HashBlock(target.path, *block),) for block in blocks if block[0] not in digests]
    for block in run_tasks(workers, jobs, _run_hash, rest):
        digests[block.first] = block.digest
    return [digests[first] for first, _ in blocks]


def _npy_header(dtype: np.dtype[Any], count: int) -> bytes:
    """The header of a .npy file of a 1-d array."""
    header = io.BytesIO()
    shape = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(header, shape)
    return header.getvalue()
