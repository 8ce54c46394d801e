"""A large file in pieces of whole lines, each of which any process can read by itself.

Decoding, normalization and lower-casing never depend on the text before a line feed: it composes
with no character after it, decides no letter's case, and ends `\\r\\n`. In the encodings that
`line_feed_is_one_byte` accepts, no other character contains its byte.
"""

from dataclasses import dataclass
from typing import BinaryIO

from textgen.settings import AUTO_ENCODING, CorpusConfig
from textgen.text.compression import is_compressed
from textgen.text.encodings import detect_in_file, line_feed_is_one_byte
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source

# With these, any lines of a file can be read by themselves.
_ANY_LINES = ("auto", "none", "lines")


@dataclass(frozen=True)
class Piece:
    """The lines of a source that begin in a range of its bytes.

    Attributes:
        source: Where from.
        first: The byte that the range begins with.
        last: The byte before which it ends; None for the source's end.
        encoding: The encoding detected in the source; None where the settings name one, or where
            it is detected when the piece is read.
    """

    source: Source
    first: int = 0
    last: int | None = None
    encoding: str | None = None

    @property
    def size(self) -> int | None:
        """How many bytes the range has, where the source's size is known."""
        end = self.source.size if self.last is None else self.last
        return None if end is None else end - self.first

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its source."""
        return self.first == 0 and self.last is None


def split_source(
    source: Source, config: CorpusConfig, size: int, sizes: ReadingSizes = READING_SIZES
) -> list[Piece]:
    """Split a source into pieces whose texts together are its text.

    Args:
        source: Split where it is a file that is larger, not compressed, and in an encoding in
            which no other character contains the byte of a line feed, and where no document has
            several lines; in one piece otherwise.
        config: How it will be read.
        size: Bytes of a piece; lines longer than that make some longer and others empty.
        sizes: How much is read at a time.

    Example:
        >>> from textgen.text.sources import demo_source
        >>> len(split_source(demo_source(), CorpusConfig(), 1000))
        1
    """
    firsts = range(0, source.size or 0, size)
    if (
        config.documents not in _ANY_LINES
        or not source.on_disk
        or len(firsts) < 2
        or is_compressed(source)
    ):
        return [Piece(source)]
    detected = detect_in_file(source, sizes) if config.encoding == AUTO_ENCODING else None
    encoding = detected or config.encoding
    if encoding == AUTO_ENCODING or not line_feed_is_one_byte(encoding):
        return [Piece(source, encoding=detected)]
    lasts = (*firsts[1:], None)
    return [Piece(source, *ends, detected) for ends in zip(firsts, lasts, strict=True)]


def seek_lines(file: BinaryIO, piece: Piece, block: int) -> tuple[int, int | None]:
    """Find where a piece's lines begin and end, and move the file's position to the first.

    Args:
        file: The piece's source.
        piece: The piece.
        block: Bytes to read at a time.
    """
    if piece.is_whole:
        return 0, None  # perhaps a pipe, which has no positions
    begin = _find_line_start(file, piece.first, block, piece.last)
    end = piece.last
    if end is not None:
        end = _find_line_start(file, end, block) if begin < end else begin
    file.seek(begin)
    return begin, end


def _find_line_start(file: BinaryIO, place: int, block: int, limit: int | None = None) -> int:
    """The first byte at or after a place that begins a line, or the file's end.

    The search stops at or after `limit`, where the next piece begins. So a file without line feeds
    is searched once, not once for each piece.
    """
    if place == 0:
        return 0
    place -= 1
    file.seek(place)
    while data := file.read(block):
        length = data.find(b"\n") + 1
        place += length or len(data)
        if length or (limit is not None and place >= limit):
            return place
    return place
