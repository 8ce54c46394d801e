"""Encode texts into a file of ids, in one process or in several.

A character's id is known only when all characters of the corpus have been counted. So there are two
steps. First, the text is read in tasks. Each distinct character of a task gets an index, in order
of appearance, and the indices of the text are written to temporary files: parts. Then each part
becomes ids at its place in the file. Tasks and parts are the same for any number of processes, and
so are the ids and the errors.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig, WindowConfig
from textgen.storage import hashes
from textgen.text.documents.files import Placement, arrange_documents, npy_header
from textgen.text.documents.hashes import END_CODE
from textgen.text.documents.label_collector import LabelCollector
from textgen.text.documents.labels import label_names
from textgen.text.documents.modes import check_found
from textgen.text.documents.records import LabelValues
from textgen.text.encode_tasks import (
    EncodedPart,
    EncodePart,
    HashBlock,
    HashedBlock,
    Target,
    run,
    run_hash,
)
from textgen.text.indexing import (
    BytesRead,
    CharacterCounts,
    Part,
    TaskReport,
    TaskResult,
    index_task,
    make_tasks,
)
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import WORK_SIZES, WorkSizes
from textgen.text.sources import Source
from textgen.text.vocabulary import CODE_POINTS, Vocabulary, build_vocabulary
from textgen.text.workers import Worker, processor_count, run_tasks, worker_pool

OnProgress = Callable[[str, int, int | None], object]

_MOST_JOBS = 8  # by default: more were not tried


@dataclass(frozen=True)
class EncodedText:
    """What is known about a text after it has been encoded.

    Attributes:
        vocabulary: Its vocabulary.
        unknown: How many of its characters have the unknown id.
        digests: The SHA-256 of each block of the file of ids.
        report: What reading found and changed.
        documents: Documents of each part; None for continuous text.
    """

    vocabulary: Vocabulary
    unknown: int
    digests: list[str]
    report: ReadingReport
    documents: tuple[int, int, int] | None = None


@dataclass
class _Read:
    """What is known when all text has been read.

    Attributes:
        labels: The values of all labels.
        counts: How often each code point occurs.
        parts: The parts, in order.
        report: What reading found and changed.
    """

    labels: LabelCollector
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(CODE_POINTS, np.int64))
    parts: list[Part] = field(default_factory=list)
    report: ReadingReport = field(default_factory=ReadingReport)


def write_ids(
    path: Path,
    sources: Sequence[Source],
    corpus: CorpusConfig,
    windows: WindowConfig,
    on_progress: OnProgress = lambda *_: None,
    sizes: WorkSizes = WORK_SIZES,
) -> EncodedText:
    """Write the ids of texts, one after the other, as a .npy file.

    Documents are ordered by part, and the files that say where they are and what labels they have
    are written next to it.

    Args:
        path: The file. Its directory also holds the temporary files, which are removed.
        sources: The texts, each of which is read once.
        corpus: How they are read.
        windows: Says which shares of the documents are held out.
        on_progress: Called with a stage (`read`, `encode`), the bytes done in it and the bytes of
            all of it, None where they are not known.
        sizes: How the work is divided. Texts that only this process can read, such as standard
            input, are read by this process alone.

    Raises:
        CorpusError: no text, or text that cannot be read.
        WorkerError: another process could not be started, or was ended from outside.
    """
    jobs = sizes.jobs or min(processor_count(), _MOST_JOBS)
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
        read = _Read(LabelCollector(label_names(corpus)))
        _collect(read, results, total, on_progress)
        check_found(read.report, sources, corpus)
        characters = sum(part.characters for part in read.parts)
        if characters == 0:
            raise CorpusError("the corpus is empty; name a file with text in it")
        arrangement = None
        if read.counts[END_CODE]:
            read.counts[END_CODE] = 0
            arrangement = arrange_documents(path.parent, folder, read.parts, windows, read.labels)
            read.report.duplicate_documents = arrangement.duplicates
            read.report.rare_labels = read.labels.describe_rare()
            characters += 1  # the document end before the first one
        vocabulary, unknown = build_vocabulary(read.counts, corpus.min_count)
        vocabulary = replace(vocabulary, has_document_end=arrangement is not None)
        header = npy_header(vocabulary.dtype, (characters,))
        with path.open("wb") as file:
            file.write(header)
            if arrangement is not None:
                file.write(vocabulary.dtype.type(vocabulary.document_end_id).tobytes())
            file.truncate(len(header) + characters * vocabulary.dtype.itemsize)
        target = Target(path, len(header), vocabulary, folder)
        jobs = min(jobs, max(len(workers), characters // sizes.encode_per_process))
        placements = None if arrangement is None else arrangement.placements
        digests = _encode_parts(workers, jobs, read.parts, target, placements, on_progress)
    shutil.rmtree(folder)
    counts = None if arrangement is None else arrangement.counts
    return EncodedText(vocabulary, unknown, digests, read.report, counts)


def _collect(
    read: _Read, results: Iterable[TaskResult], total: int | None, on_progress: OnProgress
) -> None:
    """Take the results of all tasks."""
    done, reports = 0, dict[int, ReadingReport]()
    for result in results:
        match result:
            case BytesRead():
                done += result.count
                on_progress("read", done, total)
            case Part():
                read.parts.append(result)
            case CharacterCounts():
                read.counts[result.codes] += result.occurrences
            case LabelValues():
                read.labels.add(result)
            case TaskReport():
                reports[result.task] = result.report
    for task in sorted(reports):
        read.report.add(reports[task])
    parts = sorted(
        (part for part in read.parts if part.characters), key=lambda part: (part.task, part.number)
    )
    if parts and parts[-1].is_added:
        parts.pop()
    added = sum(part.is_added for part in parts)
    read.report.line_ends_added += added
    read.counts[ord("\n")] += added
    read.parts = parts


def _encode_parts(
    workers: list[Worker],
    jobs: int,
    parts: Sequence[Part],
    target: Target,
    placements: Sequence[Placement] | None,
    on_progress: OnProgress,
) -> list[str]:
    """Turn all parts into ids; gives the SHA-256 of each block of the file."""
    itemsize, end = target.vocabulary.dtype.itemsize, target.path.stat().st_size
    places = list(accumulate((part.characters * itemsize for part in parts), initial=target.start))
    blocks = [
        (first, min(first + hashes.BLOCK_BYTES, end)) for first in range(0, end, hashes.BLOCK_BYTES)
    ]
    finished, ready = set[int](), 0  # the first `ready` parts are finished
    digests = dict[int, str]()

    def tasks() -> Iterator[tuple[EncodePart | HashBlock]]:
        """The parts, and each block soon after it is written, while it is in memory."""
        waiting = deque(blocks)
        for number, part in enumerate(parts):
            if placements is not None:  # documents of any part may be anywhere in the file
                yield (EncodePart(number, part, target, placement=placements[number]),)
                continue
            while waiting and waiting[0][1] <= places[ready]:
                yield (HashBlock(target.path, *waiting.popleft()),)
            yield (EncodePart(number, part, target, places[number]),)

    for result in run_tasks(workers, jobs, run, tasks()):
        match result:
            case HashedBlock():
                digests[result.first] = result.digest
            case EncodedPart():
                finished.add(result.number)
                while ready in finished:
                    ready += 1
                on_progress("encode", places[ready] - target.start, places[-1] - target.start)
    # The parts of the last blocks may have been finished after the last task was taken.
    rest = [(HashBlock(target.path, *block),) for block in blocks if block[0] not in digests]
    for block in run_tasks(workers, jobs, run_hash, rest):
        digests[block.first] = block.digest
    return [digests[first] for first, _ in blocks]
