"""How much text is read, decoded and encoded at a time, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingSizes:
    """How much of a text is in memory while it is read.

    Attributes:
        block: Bytes decoded at a time. The arrays of a block fit in the processor's cache.
        sample: Bytes that an encoding is detected from, which are held in memory for it.
        longest_uncut: Characters that normalization may hold back while it looks for a place to
            cut.
    """

    block: int = 1 << 17
    sample: int = 1 << 20
    longest_uncut: int = 1 << 20


READING_SIZES = ReadingSizes()


@dataclass(frozen=True)
class WorkSizes:
    """How the encoding of a corpus is divided among processes.

    Attributes:
        task: Bytes of text read in one task. Reading takes a tenth of a second, far longer than
            sending the task to a process.
        file: Bytes that are read in the time that opening a file takes.
        part: Characters of a temporary file.
        documents: Documents of a temporary file.
        read_per_process: Bytes of text for which another process is worthwhile. A process takes
            0.17 s to start, in which another one reads 24 MB.
        encode_per_process: Characters for which another process is worthwhile. In 0.17 s a process
            encodes 90 million.
        reading: How much is read at a time.
        jobs: Processes that share the work, if there is enough of it; None for as many as there
            are processors, up to 8.
    """

    task: int = 1 << 24
    file: int = 1 << 14
    part: int = 1 << 24
    documents: int = 1 << 20
    read_per_process: int = 1 << 25
    encode_per_process: int = 1 << 27
    reading: ReadingSizes = READING_SIZES
    jobs: int | None = None


WORK_SIZES = WorkSizes()
