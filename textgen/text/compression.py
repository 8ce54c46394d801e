"""Compressed files, recognized by their first bytes."""

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from textgen.text.sources import Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEAD = 10  # first bytes that show how a file is compressed
# First bytes, as patterns. A text can begin with `BZh`, but not with what follows it in bzip2.
_DECOMPRESSORS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    rb"\x1f\x8b": lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw)),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": lambda raw: cast(BinaryIO, bz2.BZ2File(raw)),
    rb"\xfd7zXZ\x00": lambda raw: cast(BinaryIO, lzma.LZMAFile(raw)),  # noqa: SIM115
}


def is_compressed(source: Source) -> bool:
    """Whether a file is compressed; True as well where it cannot be read.

    A compressed file is read in one piece, and so an error is raised when it is read.
    """
    try:
        with source.open() as file:
            return find_decompressor(file.read(_HEAD)) is not None
    except OSError:
        return True


def find_decompressor(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """What decompresses a stream that begins with these bytes; None where it is not compressed."""
    for pattern, decompressor in _DECOMPRESSORS.items():
        if re.match(pattern, head, re.DOTALL):
            return decompressor
    return None


class CountedInput(io.RawIOBase):
    """A raw stream whose first bytes are known beforehand, and that counts what is read.

    It ends where the wrapped stream ends, or after `size` bytes.

    Attributes:
        head: Its first bytes.
        count: Bytes read so far.
    """

    def __init__(self, stream: BinaryIO, size: int | None = None):
        self._stream = stream
        self._size = size
        self._is_typed = isinstance(stream, io.IOBase) and stream.isatty()
        self.count = 0
        self.head = self._read(_HEAD)  # also waits for that many bytes, or the end, of a pipe
        self._unread_head = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        if self._unread_head:
            data = self._unread_head[: len(view)]
            self._unread_head = self._unread_head[len(view) :]
        else:
            data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, count: int) -> bytes:
        wanted = count if self._size is None else min(count, self._size - self.count)
        data = self._stream.read(wanted)
        self.count += len(data)
        if len(data) < wanted and self._is_typed:  # else Ctrl-D would have to be typed again
            self._size = self.count
        return data


def open_buffered(raw: CountedInput, block: int) -> BinaryIO:
    """A buffered stream of a raw one's bytes as they are."""
    return cast(BinaryIO, io.BufferedReader(raw, block))


def open_decompressed(raw: CountedInput, block: int) -> BinaryIO:
    """A buffered stream of a raw one's bytes, decompressed if they are compressed."""
    decompressor = find_decompressor(raw.head)
    buffered = open_buffered(raw, block)
    return buffered if decompressor is None else decompressor(buffered)
