"""How much text is read, decoded and encoded at a time, and why just so much."""

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
