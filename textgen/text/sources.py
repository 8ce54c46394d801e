"""Corpus in: files, directories, standard input and compressed files become text.

Knows bytes, compression, encodings and Unicode; knows nothing of ids or windows. Everything is
streamed: a text comes in blocks of about a hundred thousand characters, whatever the corpus's size.

A large file is read in pieces of whole lines, which any process can read by itself. A line feed
is where nothing reaches across: it composes with no character after it, decides no letter's case,
and ends `\\r\\n`; and in the encodings that `_line_feed_is_one_byte` knows, no character is held.

The user's text is not changed without a count in a `ReadingReport`.
"""

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import stat
import sys
import threading
import unicodedata
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from textgen.errors import CorpusError, UsageError
from textgen.settings import AUTO_ENCODING, CorpusConfig, check_integer
from textgen.storage import CHECKPOINT, read_kind

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEAD = 10  # first bytes that tell how a file is compressed
_BLOCK = 1 << 17  # bytes decoded at a time: the arrays of a block fit in the processor's cache
_SAMPLE = 1 << 20  # bytes that an encoding is detected from, and that are held in memory for it
_LIKELY = 0.09  # chardet's confidence below which a few letters with accents decided
_DETECT = 1 << 16  # bytes of it that the detector reads: more take longer and tell no more
_LONGEST_UNCUT = 1 << 20  # characters that may be held back looking for a place to cut
# First bytes, as patterns. A text can begin with `BZh`, but not with what follows it in bzip2.
_MAGIC: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    rb"\x1f\x8b": lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw)),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": lambda raw: cast(BinaryIO, bz2.BZ2File(raw)),
    rb"\xfd7zXZ\x00": lambda raw: cast(BinaryIO, lzma.LZMAFile(raw)),  # noqa: SIM115
}
_MARK = "\ufeff"  # the byte order mark, as a character
# The marks of UTF-32 first: one of them begins like one of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
_NUL = re.compile("\0")
_LETTER = re.compile(r"[^\W\d_\0-\x7f]")
_BY_ASCII_LETTER = re.compile(r"(?<=[A-Za-z])[^\W\d_\0-\x7f]|[^\W\d_\0-\x7f](?=[A-Za-z])")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Encodings of several bytes a character in which 0x0A is in none of them (a test tries them).
_MANY_BYTES = {
    *("utf-8", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950", "shift_jis", "cp932"),
    *("euc_jp", "euc_kr", "cp949"),
}


@dataclass(frozen=True)
class Source:
    """One file, stream or embedded text of a corpus.

    Attributes:
        name: As messages name it.
        open: Opens it for reading bytes.
        size: Bytes, where that can be told before reading.
        modified: Time of the last change in nanoseconds, where that can be told; together with
            name and size it says whether the source is still the same.
        on_disk: Whether it is a file that any process can open, and read from any place on;
            `open` can be pickled then.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    modified: int | None = None
    on_disk: bool = False


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
        """How many bytes the range has, where that can be told."""
        end = self.source.size if self.last is None else self.last
        return None if end is None else end - self.first


@dataclass
class ReadingReport:
    """What reading found, and what it changed in the text.

    Attributes:
        encodings: How many files were in which encoding; empty files are not counted.
        line_ends_added: Line ends inserted between files, where the first one lacks its last.
        byte_order_marks_removed: Characters U+FEFF removed elsewhere than at the start of a file.
        undecodable_replaced: Byte sequences that are not text in the encoding, replaced by U+FFFD.
        undecodable_skipped: Byte sequences that are not text in the encoding, left out.

    Example:
        >>> report = ReadingReport()
        >>> source = Source("words", lambda: io.BytesIO(b"one word"))
        >>> "".join(text for text, _ in read_texts([source, source], CorpusConfig(), report))
        'one word\\none word'
        >>> report.line_ends_added
        1
    """

    encodings: dict[str, int] = field(default_factory=dict)
    line_ends_added: int = 0
    byte_order_marks_removed: int = 0
    undecodable_replaced: int = 0
    undecodable_skipped: int = 0

    def count_file(self, encoding: str, files: int = 1) -> None:
        """Add files to those that were in an encoding."""
        name = codecs.lookup(encoding).name
        self.encodings[name] = self.encodings.get(name, 0) + files

    def add(self, other: "ReadingReport") -> None:
        """Add the counts of another report to this one."""
        for encoding, files in other.encodings.items():
            self.count_file(encoding, files)
        for one in fields(self)[1:]:
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def to_json(self) -> dict[str, Any]:
        """The counts as a JSON object, the most frequent encoding first."""
        encodings = sorted(self.encodings.items(), key=lambda item: (-item[1], item[0]))
        return {**asdict(self), "encodings": dict(encodings)}

    @classmethod
    def from_json(cls, data: Any) -> "ReadingReport":
        """The report that `to_json` gave; counts that are missing are zero.

        Raises:
            SettingsError: a count is not a whole number.
            TypeError: the data are something else.
        """
        report = cls(dict(data.get("encodings", {})))
        for one in fields(cls)[1:]:
            setattr(report, one.name, data.get(one.name, 0))
            check_integer(one.name, getattr(report, one.name), at_least=0)
        for encoding, files in report.encodings.items():
            check_integer(encoding, files, at_least=0)
        return report


def find_sources(
    corpora: Sequence[str | Path | Source], glob: Sequence[str] = ("*",)
) -> list[Source]:
    """The sources that a user's words name.

    Args:
        corpora: Paths of files and directories; `-` is standard input. Directories are searched
            recursively, in the order of names; hidden files and directories, links to
            directories, and what textgen itself wrote, are passed over. Sources are taken as they
            are.
        glob: Patterns, one of which the name of a file in a directory must match.

    Raises:
        CorpusError: a path that is empty, does not exist or cannot be read, or a directory in
            which no file matches, or that textgen itself wrote.
        UsageError: one name instead of a list of names, or standard input or another pipe twice.

    Example:
        >>> [source.name for source in find_sources(["README.md"])]
        ['README.md']
    """
    if isinstance(corpora, str | Path):
        raise UsageError(f"texts are named in a list: [{str(corpora)!r}]")
    sources: list[Source] = []
    pipes = set[object]()
    for corpus in corpora:
        if not isinstance(corpus, Source) and (pipe := _pipe(corpus)) is not None:
            if pipe in pipes:
                raise UsageError(f"{corpus} is named twice and can be read once; name it once")
            pipes.add(pipe)
        if isinstance(corpus, Source):
            sources.append(corpus)
        elif corpus == "-":
            sources.append(Source("-", _standard_input))
        elif not corpus:  # Path("") is the working directory
            raise CorpusError("the name of a text is empty; name a file or a directory")
        elif (kind := read_kind(Path(corpus))) is not None:
            raise CorpusError(
                f"{corpus}: is a {kind}, not a text; name a file or a directory of texts"
            )
        elif Path(corpus).is_dir():
            found = [_file(path) for path in _walk(Path(corpus), glob)]
            if not found:
                patterns = ", ".join(glob)
                raise CorpusError(
                    f"{corpus}: no file in this directory matches {patterns}; give another --glob"
                )
            sources.extend(found)
        else:
            sources.append(_file(Path(corpus)))
    return sources


def demo_source() -> Source:
    """The documentation of the Python language that CPython carries: about 465,000 characters.

    Raises:
        CorpusError: this Python was installed without it.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise CorpusError(
            "the demo corpus (pydoc_data.topics) is not in this Python; name a text file instead"
        ) from None
    data = "\n".join(topics[name] for name in sorted(topics)).encode()
    name = f"pydoc_data.topics of Python {sys.version_info.major}.{sys.version_info.minor}"
    return Source(name, lambda: io.BytesIO(data), len(data), modified=zlib.crc32(data))


def cut(source: Source, config: CorpusConfig, size: int) -> list[Piece]:
    """A source in pieces that can be read one by one; their texts together are its text.

    Args:
        source: Cut where it is a file that is larger, not compressed, and in an encoding of which
            no character has the byte of a line feed; in one piece otherwise.
        config: As it is to be read.
        size: Bytes of a piece; lines longer than that make some longer and others empty.

    Example:
        >>> len(cut(demo_source(), CorpusConfig(), 1000))
        1
    """
    firsts = range(0, source.size or 0, size)
    if not source.on_disk or len(firsts) < 2 or _is_compressed(source):
        return [Piece(source)]
    detected = _detected(source) if config.encoding == AUTO_ENCODING else None
    encoding = detected or config.encoding
    if encoding == AUTO_ENCODING or not _line_feed_is_one_byte(encoding):
        return [Piece(source, encoding=detected)]
    ends = (*firsts[1:], None)
    return [Piece(source, *ends, detected) for ends in zip(firsts, ends, strict=True)]


def read_texts(
    sources: Iterable[Source | Piece], config: CorpusConfig, report: ReadingReport | None = None
) -> Iterator[tuple[str, int]]:
    """The texts of several sources, or pieces of sources, as one text, in blocks.

    A file that does not end with a line end is not joined to the next one: a line end is inserted
    between them, and counted.

    Args:
        sources: Sources, or pieces of them in order.
        config: As in `read_text`.
        report: Counts what is found and changed.

    Yields:
        A block of text, possibly empty, and how many bytes were read for it.

    Raises:
        CorpusError: as `read_text` does.
    """
    report = ReadingReport() if report is None else report
    in_line = False  # only at the end of a source: other pieces end with a line
    for source in sources:
        before, unfinished = 0, in_line
        for text, count in read_text(source, config, report):
            if text:
                in_line = text[-1] != "\n"
                if unfinished:
                    text, unfinished = f"\n{text}", False
                    report.line_ends_added += 1
            yield text, count - before
            before = count


def read_text(
    source: Source | Piece, config: CorpusConfig, report: ReadingReport | None = None
) -> Iterator[tuple[str, int]]:
    """The text of a source, or of a piece of one, in blocks.

    Byte order marks are removed, line ends become `\\n`, and what the config asks for is done
    to the text; the result does not depend on where blocks and pieces are cut.

    Args:
        source: Where from; compressed sources are known by their first bytes.
        config: Encoding, what to do with bytes that are not text in it, lower case, normalization.
        report: Counts what is found and changed.

    Yields:
        A block of text, possibly empty, and the bytes read from the source or piece so far.

    Raises:
        CorpusError: the source cannot be read, is damaged, or is not text in that encoding.
    """
    report = ReadingReport() if report is None else report
    piece = source if isinstance(source, Piece) else Piece(source)
    source = piece.source
    try:
        with source.open() as opened:
            begin, end = _lines(opened, piece)
            raw = _Input(opened, None if end is None else end - begin)
            whole = (begin, end) == (0, None)
            stream = _decompress(raw) if whole else _buffered(raw)
            encoding = piece.encoding or config.encoding
            reader = _Decoder(source.name, encoding, config, report, begin)
            blocks = reader.decode(stream)
            for text in _transform(source.name, blocks, config):
                yield text, raw.count
    except OSError as error:
        raise CorpusError(f"{source.name}: {_reason(error)}") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(
            f"{source.name}: damaged compressed file: {error}; give another copy of it"
        ) from error


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("standard input is closed; send it a file or a pipe")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _pipe(name: str | Path) -> object:
    """What identifies standard input or a pipe, which can be read once; None for other names."""
    try:
        status = Path(name).stat() if name != "-" else os.fstat(sys.stdin.fileno())
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
            return status.st_dev, status.st_ino  # whichever of its names is used
    except (OSError, ValueError, AttributeError):  # no such file, or no standard input
        pass
    return "-" if name == "-" else None


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _file(path: Path) -> Source:
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise CorpusError(f"{path}: permission denied; name a file that can be read")
    except OSError as error:
        raise CorpusError(f"{path}: {_reason(error)}") from None
    if not path.is_file():  # a pipe, such as the shell's <(command)
        return Source(str(path), partial(_open, path))
    real, found = path, True
    # /dev/stdin is another file in another process; a file that was deleted has no name left.
    if path.is_symlink() or str(path).startswith(("/dev/", "/proc/")):
        real = path.resolve()
        found = (
            real.is_file()
            and os.path.samestat(status, real.stat())
            and not real.is_relative_to("/dev/fd")
        )
    opener = partial(_open, real if found else path)
    return Source(str(path), opener, status.st_size, status.st_mtime_ns, on_disk=found)


def _walk(root: Path, glob: Sequence[str]) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: {_reason(error)}")

    for name, directories, files in os.walk(root, onerror=fail):
        directory = Path(name)
        if read_kind(directory) is not None:
            directories.clear()
            continue
        directories[:] = sorted(child for child in directories if not child.startswith("."))
        for file in sorted(files):
            path = directory / file
            if (
                not file.startswith(".")
                and file != CHECKPOINT
                and any(fnmatch(file, pattern) for pattern in glob)
                and path.is_file()
            ):
                yield path


@cache
def _line_feed_is_one_byte(encoding: str) -> bool:
    """Whether a byte 0x0A is a line feed wherever it stands, and a decoder holds nothing after it.

    So it is where every byte is a character, or an error, by itself.
    """
    if codecs.lookup(encoding).name in _MANY_BYTES:
        return True
    decoder = codecs.getincrementaldecoder(encoding)
    try:
        alone = [len(decoder("replace").decode(bytes([byte]))) == 1 for byte in range(256)]
        return all(alone) and decoder().decode(b"\n") == "\n"
    except UnicodeError:
        return False


def _is_compressed(source: Source) -> bool:
    try:
        with source.open() as opened:
            return _opener(opened.read(_HEAD)) is not None
    except OSError:
        return True  # in one piece: the error comes up when it is its turn to be read


def _lines(file: BinaryIO, piece: Piece) -> tuple[int, int | None]:
    """From which byte to which a piece has its lines; the file is left at the first."""
    if piece.first == 0 and piece.last is None:
        return 0, None  # a pipe perhaps, which cannot be sought
    begin = _line_start(file, piece.first, piece.last)
    end = piece.last
    if end is not None:
        end = _line_start(file, end) if begin < end else begin
    file.seek(begin)
    return begin, end


def _line_start(file: BinaryIO, place: int, enough: int | None = None) -> int:
    """The first byte from a place on that begins a line, or the file's end; or one that is enough.

    Whoever looks for the start of its own lines gives up where the next piece begins: so a file
    without line feeds is looked through once, not once for each piece.
    """
    if place == 0:
        return 0
    place -= 1
    file.seek(place)
    while block := file.read(_BLOCK):
        found = block.find(b"\n") + 1
        place += found or len(block)
        if found or (enough is not None and place >= enough):
            return place
    return place


class _Input(io.RawIOBase):
    """A raw stream whose first bytes can be looked at, and that counts what is read.

    It ends with its stream, or after `size` bytes.
    """

    def __init__(self, stream: BinaryIO, size: int | None = None):
        self._stream = stream
        self._size = size
        self._typed = isinstance(stream, io.IOBase) and stream.isatty()
        self.count = 0
        self.head = self._read(_HEAD)  # blocks until there are as many, or the end, also on a pipe
        self._ahead = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        if self._ahead:
            data, self._ahead = self._ahead[: len(view)], self._ahead[len(view) :]
        else:
            data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, count: int) -> bytes:
        wanted = count if self._size is None else min(count, self._size - self.count)
        data = self._stream.read(wanted)
        self.count += len(data)
        if len(data) < wanted and self._typed:  # the end, which would have to be typed again
            self._size = self.count
        return data


def _buffered(raw: _Input) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(raw, _BLOCK))


def _decompress(raw: _Input) -> BinaryIO:
    opener = _opener(raw.head)
    return opener(_buffered(raw)) if opener is not None else _buffered(raw)


def _opener(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """What reads a compressed stream that begins with these bytes; None for one that is none."""
    for magic, opener in _MAGIC.items():
        if re.match(magic, head, re.DOTALL):
            return opener
    return None


class _Undecodable(threading.local):
    """How many byte sequences a decoder could not decode, in the decoding of this thread."""

    count = 0


_undecodable = _Undecodable()


def _replaced_by(text: str) -> Callable[[UnicodeError], tuple[str, int]]:
    """A handler for Python's decoders that counts what it replaces."""

    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        _undecodable.count += 1
        return text, error.end

    return handle


# Names of handlers by the setting decoding_errors. Python keeps handlers for the whole process.
_HANDLERS = {"strict": "strict", "replace": "textgen.replace", "skip": "textgen.skip"}
_REPLACEMENTS = {"replace": "\ufffd", "skip": ""}
for _name, _text in _REPLACEMENTS.items():
    codecs.register_error(_HANDLERS[_name], _replaced_by(_text))


class _Decoder:
    """Decodes the bytes of a source from an offset on.

    Args:
        name: The source's name.
        encoding: Its encoding, or `auto`.
        config: What to do with bytes that are not text in it.
        report: Counts what is found and changed.
        begin: The offset; a byte order mark is at offset 0.
    """

    def __init__(
        self, name: str, encoding: str, config: CorpusConfig, report: ReadingReport, begin: int
    ):
        self._name, self._report, self._begin = name, report, begin
        self._errors = config.decoding_errors
        self._detecting = encoding == AUTO_ENCODING
        self._is_detected = config.encoding == AUTO_ENCODING
        # Bytes of ASCII are read as UTF-8 until others tell which encoding it is.
        self._use("utf-8" if self._detecting else encoding)

    def _use(self, encoding: str) -> None:
        self._encoding = encoding
        self._lines = self._new()
        self._is_plain = _is_plain(encoding)

    def _new(self) -> io.IncrementalNewlineDecoder:
        decoder = codecs.getincrementaldecoder(self._encoding)(_HANDLERS[self._errors])
        return io.IncrementalNewlineDecoder(decoder, translate=True)

    def decode(self, stream: BinaryIO) -> Iterator[str]:
        """The text of a stream, in blocks that are not empty."""
        offset, first = self._begin, self._begin == 0
        while True:
            data = stream.read(_BLOCK)
            if self._detecting and data:
                data = self._detect(data, stream, offset)
            if not data and self._begin == 0 and offset:
                self._report.count_file(self._encoding)
            text = self._decode(data, offset)
            if first and text:
                text, first = text.removeprefix(_MARK), False
            if _MARK in text:
                self._report.byte_order_marks_removed += text.count(_MARK)
                text = text.replace(_MARK, "")
            if text:
                yield text
            if not data:
                return
            offset += len(data)

    def _detect(self, data: bytes, stream: BinaryIO, offset: int) -> bytes:
        """Choose the encoding if these bytes tell it; gives all bytes that were read for that."""
        encoding, data = _detect(self._name, data, stream, offset)
        if encoding is not None:
            (_, after_return), self._detecting = self._lines.getstate(), False
            self._use(encoding)
            held, flags = self._lines.getstate()
            self._lines.setstate((held, flags | after_return & 1))
        return data

    def _decode(self, data: bytes, offset: int) -> str:
        """The text of a block; of the last one, which is empty, what the decoder still holds."""
        state, problem = self._lines.getstate(), ""
        _undecodable.count = 0
        try:
            text = self._lines.decode(data, final=not data)
        except UnicodeError as error:
            held = len(state[0])  # bytes of a character that the last block began
            problem = self._describe(error, data, offset - held)
            self._lines.setstate(state)
            # The text before it, wherever blocks and pieces end.
            valid = error.start - held if isinstance(error, UnicodeDecodeError) else 0
            try:
                text = self._lines.decode(data[: max(valid, 0)])
            except UnicodeError as earlier:  # UTF-16 without its mark, noticed only now
                problem, text = self._describe(earlier, data, offset - held), ""
        count = _undecodable.count
        if (b"\0" in data or not self._is_plain) and "\0" in text:  # bytes are searched faster
            place = offset + self._place(state, data, _NUL) - _width(self._encoding)
            fits = None if self._is_detected else _fitting(data, start=offset == 0)
            raise CorpusError(
                f"{self._name}: byte 0x00 at offset {place} is NUL, which no text has; "
                + (_hint(fits) if fits else "this looks like a binary file: leave it out")
            )
        if not self._is_plain and (found := _SURROGATE.search(text)):
            if self._errors == "strict":
                place = offset + self._place(state, data, _SURROGATE) - 1
                raise CorpusError(
                    f"{self._name}: U+{ord(found[0]):04X} near offset {place} is half of a "
                    "surrogate pair, not a character; mend the file, leave it out, or add "
                    "--decoding-errors replace"
                )
            text, surrogates = _SURROGATE.subn(_REPLACEMENTS[self._errors], text)
            count += surrogates
        if problem:
            raise CorpusError(f"{self._name}: {problem}")
        if self._errors == "replace":
            self._report.undecodable_replaced += count
        else:
            self._report.undecodable_skipped += count
        return text

    def _place(self, state: tuple[bytes, int], data: bytes, pattern: re.Pattern[str]) -> int:
        """How many bytes of a block are decoded when a pattern is first in its text."""

        def has(count: int) -> bool:
            lines = self._new()
            lines.setstate(state)
            try:
                return pattern.search(lines.decode(data[:count])) is not None
            except UnicodeError:  # after it
                return True

        return bisect_left(range(len(data)), 1, key=has)

    def _describe(self, error: UnicodeError, data: bytes, offset: int) -> str:
        """Say where bytes cannot be decoded, and what to do about it.

        Args:
            error: The decoder's.
            data: The block, without what the decoder held before it.
            offset: The offset of what the decoder held, or of the block.
        """
        if not isinstance(error, UnicodeDecodeError):  # a codec's own complaint, such as "no BOM"
            return (
                f"is not {self._encoding}: {error}; add --encoding auto, which detects the "
                "encoding of each file, or leave it out"
            )
        place = (
            f"byte 0x{error.object[error.start]:02x} at offset {offset + error.start} is not "
            f"{self._encoding}"
        )
        fits = _fitting(data, start=offset <= 0)
        if self._is_detected:
            known = "that encoding was detected in this file"
        elif fits is None:
            return f"{place}; this looks like a binary file: leave it out"
        elif codecs.lookup(fits) == codecs.lookup(self._encoding):
            known = "most of the text around it is"
        else:
            return f"{place}; {_hint(fits)}"
        return (
            f"{place}; {known}: mend the file, leave it out, or add --decoding-errors replace "
            "(or skip)"
        )


def _hint(encoding: str) -> str:
    """What to do with a file that is in another encoding."""
    return (
        f"the file looks like {encoding}: add --encoding auto, which detects the encoding of each "
        "file, or leave it out"
    )


@cache
def _is_plain(encoding: str) -> bool:
    """Whether an encoding has no half of a surrogate pair, and a byte 0x00 in each NUL."""
    name = codecs.lookup(encoding).name
    return name.startswith(("utf-8", "utf-16", "utf-32")) or _line_feed_is_one_byte(encoding)


def _width(encoding: str) -> int:
    """How many bytes the character NUL has in an encoding."""
    return len("\0\0".encode(encoding)) - len("\0".encode(encoding))


def _detected(source: Source) -> str | None:
    """The encoding of a file that is not compressed; None where reading it will fail."""
    try:
        with source.open() as file:
            offset = 0
            while data := file.read(_BLOCK):
                encoding, data = _detect(source.name, data, file, offset)
                if encoding is not None:
                    return encoding
                offset += len(data)
    except (OSError, CorpusError):
        return None
    return "utf-8"


def _detect(name: str, data: bytes, stream: BinaryIO, offset: int) -> tuple[str | None, bytes]:
    """Detect an encoding at the first block that is not plain ASCII.

    Args:
        name: The source's name.
        data: A block of bytes; all before it are ASCII.
        stream: What follows the block, of which more is read where that is needed.
        offset: The block's place in the source.

    Returns:
        The encoding, None where the block is plain ASCII; the block and what was read after it.

    Raises:
        CorpusError: no encoding fits.
    """
    if data.isascii() and b"\0" not in data:
        return None, data
    data += stream.read(_SAMPLE)
    encoding = _fitting(data, start=offset == 0)
    if encoding is None:
        raise CorpusError(
            f"{name}: no encoding fits: this looks like a binary file; leave it out, or name its "
            "encoding with --encoding"
        )
    return encoding, data


def _fitting(data: bytes, *, start: bool) -> str | None:
    """The encoding that fits bytes best; None where they are no text.

    Args:
        data: A sample of a source.
        start: Whether it begins where the source does.
    """
    if start:
        for mark, encoding in _MARKS.items():
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
    return _best(data[:_DETECT])


def _best(sample: bytes) -> str | None:
    """The encoding that chardet finds, of those that text files are still found in."""
    import chardet  # takes 0.06 s to import

    eras = chardet.EncodingEra
    found = chardet.detect(
        sample,
        encoding_era=eras.MODERN_WEB | eras.LEGACY_ISO | eras.LEGACY_REGIONAL | eras.DOS,
        # Windows's has all their characters, and more where they have control characters.
        exclude_encodings=["iso8859-1", "iso8859-15"],
        no_match_encoding="ascii",
        compat_names=False,
    )
    encoding = found["encoding"]
    if encoding is None:
        return None
    likely = encoding != "ascii" and found["confidence"] >= _LIKELY
    candidates = (encoding, "cp1252") if likely else ("cp1252", encoding)
    return next((one for one in candidates if _is_plausible(sample, one)), None)


def _is_plausible(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding, with words that are each of one script."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeError:
        return False
    letters = [letter for letter in _LETTER.findall(text) if not _is_latin(letter)]
    mixed = [letter for letter in _BY_ASCII_LETTER.findall(text) if not _is_latin(letter)]
    return "\0" not in text and 2 * len(mixed) <= len(letters)


@cache
def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _transform(name: str, pieces: Iterable[str], config: CorpusConfig) -> Iterator[str]:
    """Lower case and normalization, in pieces cut where neither reaches across."""
    if not config.lowercase and config.normalize is None:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        held += piece
        cut = _last_cut(held)
        if cut == 0 and len(held) > _LONGEST_UNCUT:
            raise CorpusError(
                f"{name}: {len(held):,} characters without a break: cannot be normalized or "
                "turned to lower case; leave out --normalize and --lowercase"
            )
        yield _transformed(held[:cut], config)
        held = held[cut:]
    yield _transformed(held, config)


def _transformed(text: str, config: CorpusConfig) -> str:
    form: Any = config.normalize
    if form is not None:
        text = unicodedata.normalize(form, text)
    if config.lowercase:
        text = text.lower()
        if form is not None:
            text = unicodedata.normalize(form, text)
    return text


def _last_cut(text: str) -> int:
    """The last position at which a text can be cut without changing what becomes of it."""
    space = max(text.rfind(" "), text.rfind("\n"))
    if space > 0:
        return space
    for position in range(len(text) - 1, 0, -1):
        if _stands_alone(text[position]):
            return position
    return 0


@cache
def _stands_alone(character: str) -> bool:
    """Whether a character neither combines with one before it nor decides how it is lowered.

    Letters without case (category Lo: ideographs, kana, most scripts) do not change how a
    capital sigma before them is lowered; what they must not do is compose with it, as the
    vowels of Hangul and of some Indic scripts do.
    """
    first = unicodedata.normalize("NFKD", character)[0]
    return (
        unicodedata.category(character) == "Lo"
        and unicodedata.category(first) == "Lo"
        and unicodedata.combining(first) == 0
        and first not in _composing()
    )


@cache
def _composing() -> frozenset[str]:
    """The characters that can be the second half of a canonical composition."""
    pairs = (unicodedata.decomposition(chr(code)).split() for code in range(sys.maxunicode + 1))
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}
    hangul = {chr(code) for code in range(0x1161, 0x1200)}
    return frozenset(seconds | hangul)


def _reason(error: OSError) -> str:
    return f"{error.strerror or error}; name a file that can be read"
