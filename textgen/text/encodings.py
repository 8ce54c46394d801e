"""Which encoding a file is in, and what is special about some encodings."""

import codecs
import re
import unicodedata
from functools import cache
from typing import BinaryIO

from textgen.errors import CorpusError
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source

_LEAST_CONFIDENCE = 0.09  # of chardet; below it, a few letters with accents decided
_DETECTED = 1 << 16  # bytes that chardet reads: more take longer and do not change the result
# The marks of UTF-32 first: one of them begins like one of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
_LETTER = re.compile(r"[^\W\d_\0-\x7f]")
_LETTER_NEXT_TO_ASCII = re.compile(r"(?<=[A-Za-z])[^\W\d_\0-\x7f]|[^\W\d_\0-\x7f](?=[A-Za-z])")
# Multi-byte encodings in which the byte 0x0A is part of no other character (a test tries them).
MULTI_BYTE = {
    *("utf-8", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950", "shift_jis", "cp932"),
    *("euc_jp", "euc_kr", "cp949"),
}


@cache
def line_feed_is_one_byte(encoding: str) -> bool:
    """Whether each byte 0x0A is a line feed, after which a decoder holds nothing back.

    This is also so where every byte by itself is a character, or an error.
    """
    if codecs.lookup(encoding).name in MULTI_BYTE:
        return True
    decoder = codecs.getincrementaldecoder(encoding)
    try:
        lengths = [len(decoder("replace").decode(bytes([byte]))) for byte in range(256)]
        return set(lengths) == {1} and decoder().decode(b"\n") == "\n"
    except UnicodeError:
        return False


@cache
def is_plain(encoding: str) -> bool:
    """Whether an encoding has no half of a surrogate pair, and a byte 0x00 in each NUL."""
    name = codecs.lookup(encoding).name
    return name.startswith(("utf-8", "utf-16", "utf-32")) or line_feed_is_one_byte(encoding)


def width_of_nul(encoding: str) -> int:
    """How many bytes the character NUL has in an encoding."""
    return len("\0\0".encode(encoding)) - len("\0".encode(encoding))


def detect_in_file(source: Source, sizes: ReadingSizes = READING_SIZES) -> str | None:
    """The encoding of a file that is not compressed; None where reading it will fail."""
    try:
        with source.open() as file:
            offset = 0
            while data := file.read(sizes.block):
                encoding, data = detect_in_block(source.name, data, file, offset, sizes.sample)
                if encoding is not None:
                    return encoding
                offset += len(data)
    except (OSError, CorpusError):
        return None
    return "utf-8"


def detect_in_block(
    name: str, data: bytes, stream: BinaryIO, offset: int, sample: int
) -> tuple[str | None, bytes]:
    """Detect an encoding at the first block that is not plain ASCII.

    Args:
        name: The source's name.
        data: A block of bytes; all before it are ASCII.
        stream: The bytes after the block, of which some are read if they are needed.
        offset: The block's place in the source.
        sample: Bytes to read from the stream then.

    Returns:
        The encoding, None where the block is plain ASCII; the block and what was read after it.

    Raises:
        CorpusError: no encoding fits.
    """
    if data.isascii() and b"\0" not in data:
        return None, data
    data += stream.read(sample)
    encoding = guess_encoding(data, start=offset == 0)
    if encoding is None:
        raise CorpusError(
            f"{name}: no encoding fits: this looks like a binary file; leave it out, or name its "
            "encoding with --encoding"
        )
    return encoding, data


def guess_encoding(data: bytes, *, start: bool) -> str | None:
    """The encoding that fits bytes best; None where they are no text.

    Args:
        data: A sample of a source.
        start: Whether it begins where the source does.
    """
    if start:
        for mark, encoding in _BYTE_ORDER_MARKS.items():
            if data.startswith(mark):
                return encoding
    if b"\0" not in data:
        part = data if start else data.lstrip(bytes(range(0x80, 0xC0)))  # the rest of a character
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(part)
        bad = text.count("\ufffd")
        good = sum(not character.isascii() for character in text) - bad
        # A text in another encoding has hardly any sequence of bytes that is UTF-8 by chance.
        if good > bad or not (bad or decoder.getstate()[0]):
            return "utf-8"
        # Lines of ASCII alone are the same in all encodings.
        data = b"".join(line for line in data.splitlines(keepends=True) if not line.isascii())
    return _detect_with_chardet(data[:_DETECTED])


def _detect_with_chardet(sample: bytes) -> str | None:
    """The encoding that chardet detects, among those that text files still have."""
    import chardet  # takes 0.06 s to import

    eras = chardet.EncodingEra
    result = chardet.detect(
        sample,
        encoding_era=eras.MODERN_WEB | eras.LEGACY_ISO | eras.LEGACY_REGIONAL | eras.DOS,
        # Windows's have all their characters, and more where they have control characters.
        exclude_encodings=["iso8859-1", "iso8859-15"],
        no_match_encoding="ascii",
        compat_names=False,
    )
    encoding = result["encoding"]
    if encoding is None:
        return None
    is_likely = encoding != "ascii" and result["confidence"] >= _LEAST_CONFIDENCE
    candidates = (encoding, "cp1252") if is_likely else ("cp1252", encoding)
    return next((name for name in candidates if _is_plausible(sample, name)), None)


def _is_plausible(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding, with words that are each of one script."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeError:
        return False
    letters = [letter for letter in _LETTER.findall(text) if not _is_latin(letter)]
    mixed = [letter for letter in _LETTER_NEXT_TO_ASCII.findall(text) if not _is_latin(letter)]
    return "\0" not in text and 2 * len(mixed) <= len(letters)


@cache
def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")
