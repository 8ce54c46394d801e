"""Corpus in: files, directories, standard input and compressed files become text.

Knows bytes, compression, encodings and Unicode; knows nothing of ids or windows. Everything is
streamed: a text comes in blocks of about a hundred thousand characters, whatever the corpus's size.

A large file is read in pieces of whole lines, which any process can read by itself. A line feed
is where nothing reaches across: it composes with no character after it, decides no letter's case,
and ends `\\r\\n`; and in the encodings that `_line_feed_is_one_byte` knows, no character is held.
"""

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from textgen.config import CorpusConfig
from textgen.errors import CorpusError, UsageError
from textgen.storage import CHECKPOINT, kind_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEAD = 10  # first bytes that tell how a file is compressed
_BLOCK = 1 << 17  # bytes decoded at a time: the arrays of a block fit in the processor's cache
_LONGEST_UNCUT = 1 << 20  # characters that may be held back looking for a place to cut
# First bytes, as patterns. A text can begin with `BZh`, but not with what follows it in bzip2.
_MAGIC: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    rb"\x1f\x8b": lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw)),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": lambda raw: cast(BinaryIO, bz2.BZ2File(raw)),
    rb"\xfd7zXZ\x00": lambda raw: cast(BinaryIO, lzma.LZMAFile(raw)),  # noqa: SIM115
}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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
    """

    source: Source
    first: int = 0
    last: int | None = None

    @property
    def size(self) -> int | None:
        """How many bytes the range has, where that can be told."""
        end = self.source.size if self.last is None else self.last
        return None if end is None else end - self.first


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
        UsageError: one name instead of a list of names.

    Example:
        >>> [source.name for source in find_sources(["README.md"])]
        ['README.md']
    """
    if isinstance(corpora, str | Path):
        raise UsageError(f"texts are named in a list: [{str(corpora)!r}]")
    sources: list[Source] = []
    for corpus in corpora:
        if isinstance(corpus, Source):
            sources.append(corpus)
        elif corpus == "-":
            sources.append(Source("-", _standard_input))
        elif not corpus:  # Path("") is the working directory
            raise CorpusError("the name of a text is empty; name a file or a directory")
        elif (kind := kind_of(Path(corpus))) is not None:
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
    if (
        not source.on_disk
        or len(firsts) < 2
        or not _line_feed_is_one_byte(config.encoding)
        or _is_compressed(source)
    ):
        return [Piece(source)]
    return [Piece(source, first, first + size) for first in firsts[:-1]] + [
        Piece(source, firsts[-1])
    ]


def read_text(source: Source | Piece, config: CorpusConfig) -> Iterator[tuple[str, int]]:
    """The text of a source, or of a piece of one, in blocks.

    The byte order mark is dropped, line ends become `\\n`, and what the config asks for is done
    to the text; the result does not depend on where blocks and pieces are cut.

    Args:
        source: Where from; compressed sources are known by their first bytes.
        config: Encoding, lower case, normalization.

    Yields:
        A block of text, possibly empty, and the bytes read from the source or piece so far.

    Raises:
        CorpusError: the source cannot be read, is damaged, or is not text in that encoding.
    """
    piece = source if isinstance(source, Piece) else Piece(source)
    source = piece.source
    try:
        with source.open() as opened:
            begin, end = _lines(opened, piece)
            raw = _Input(opened, None if end is None else end - begin)
            whole = (begin, end) == (0, None)
            stream = _decompress(raw) if whole else _buffered(raw)

            def before() -> int:
                if begin == 0:
                    return 0
                opened.seek(0)
                earlier = _buffered(_Input(opened, begin))
                return sum(map(len, _decode(source.name, earlier, config.encoding)))

            blocks = _decode(source.name, stream, config.encoding, begin, before)
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
        if kind_of(directory) is not None:
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


def _decode(
    name: str,
    stream: BinaryIO,
    encoding: str,
    offset: int = 0,
    before: Callable[[], int] = lambda: 0,
) -> Iterator[str]:
    """Text from bytes that begin at an offset; `before` counts the characters before it."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    characters = 0
    last = False
    while not last:
        data = stream.read(_BLOCK)
        last = not data
        state, wrong = lines.getstate(), ""
        try:
            text = lines.decode(data, final=last)
        except UnicodeError as error:
            held = len(state[0])  # bytes of a character that the last piece began
            wrong = _undecodable(error, encoding, data, offset - held)
            lines.setstate(state)
            # What comes before it, wherever the pieces end.
            valid = error.start - held if isinstance(error, UnicodeDecodeError) else 0
            try:
                text = lines.decode(data[: max(valid, 0)])
            except UnicodeError as earlier:  # UTF-16 without its mark, told only now
                wrong, text = _undecodable(earlier, encoding, data, offset - held), ""
        if offset == 0:
            text = text.removeprefix("\ufeff")
        if (nul := text.find("\0")) >= 0:
            raise CorpusError(
                f"{name}: character {before() + characters + nul} is NUL: this is not text, or not "
                f"in {encoding}; leave the file out, or name its encoding (--encoding utf-16, say)"
            )
        if wrong:
            raise CorpusError(f"{name}: {wrong}")
        offset += len(data)
        characters += len(text)
        if text:
            yield text


def _undecodable(error: UnicodeError, encoding: str, data: bytes, offset: int) -> str:
    if not isinstance(error, UnicodeDecodeError):  # a codec's own complaint, such as "no BOM"
        return f"is not {encoding}: {error}"
    place = f"byte 0x{error.object[error.start]:02x} at offset {offset + error.start}"
    if offset <= 0 and data.startswith(_UTF16_MARKS):
        return f"{place} is not {encoding}; the file looks like UTF-16: add --encoding utf-16"
    if b"\0" in data:
        return f"{place} is not {encoding}; this looks like a binary file: leave it out"
    return f"{place} is not {encoding}; name the file's encoding with --encoding, or leave it out"


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
