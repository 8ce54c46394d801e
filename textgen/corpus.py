"""Corpus in: files, directories, standard input and compressed files become text.

Knows bytes, compression, encodings and Unicode; knows nothing of ids or windows. Everything is
streamed: a piece of text holds about a hundred thousand characters, whatever the corpus's size.
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
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from textgen.config import CorpusConfig
from textgen.errors import CorpusError
from textgen.storage import kind_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 1 << 17  # bytes decoded at a time: the arrays of a piece fit in the processor's cache
_LONGEST_UNCUT = 1 << 20  # characters that may be held back looking for a place to cut
# First bytes, as patterns. A text can begin with `BZh`, but not with what follows it in bzip2.
_MAGIC: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    rb"\x1f\x8b": lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw)),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": lambda raw: cast(BinaryIO, bz2.BZ2File(raw)),
    rb"\xfd7zXZ\x00": lambda raw: cast(BinaryIO, lzma.LZMAFile(raw)),  # noqa: SIM115
}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Source:
    """One file, stream or embedded text of a corpus.

    Attributes:
        name: As messages name it.
        open: Opens it for reading bytes.
        size: Bytes, where that can be told before reading.
        modified: Time of the last change in nanoseconds, where that can be told; together with
            name and size it says whether the source is still the same.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    modified: int | None = None


def find_sources(corpora: Sequence[str | Source], glob: Sequence[str] = ("*",)) -> list[Source]:
    """The sources that a user's words name.

    Args:
        corpora: Paths of files and directories; `-` is standard input. Directories are searched
            recursively, in the order of names; hidden files and directories, and directories
            that textgen itself wrote, are passed over. Sources are taken as they are.
        glob: Patterns, one of which the name of a file in a directory must match.

    Raises:
        CorpusError: a path that does not exist or cannot be read, or a directory in which no
            file matches.

    Example:
        >>> [source.name for source in find_sources(["README.md"])]
        ['README.md']
    """
    sources: list[Source] = []
    for corpus in corpora:
        if isinstance(corpus, Source):
            sources.append(corpus)
        elif corpus == "-":
            sources.append(Source("-", _standard_input))
        elif Path(corpus).is_dir():
            found = [_file(path) for path in _walk(Path(corpus), glob)]
            if not found:
                patterns = ", ".join(glob)
                raise CorpusError(f"{corpus}: no file in this directory matches {patterns}")
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


def read_text(source: Source, config: CorpusConfig) -> Iterator[tuple[str, int]]:
    """The text of a source in pieces.

    The byte order mark is dropped, line ends become `\\n`, and what the config asks for is done
    to the text; the result does not depend on where the pieces are cut.

    Args:
        source: Where from; compressed sources are known by their first bytes.
        config: Encoding, lower case, normalization.

    Yields:
        A piece of text, possibly empty, and the bytes read from the source so far.

    Raises:
        CorpusError: the source cannot be read, is damaged, or is not text in that encoding.
    """
    try:
        with source.open() as opened:
            raw = _Input(opened)
            pieces = _decode(source.name, _decompress(raw), config.encoding)
            for text in _transform(source.name, pieces, config):
                yield text, raw.count
    except OSError as error:
        raise CorpusError(f"{source.name}: {_reason(error)}") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(f"{source.name}: damaged compressed file: {error}") from error


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise CorpusError("-: standard input is closed; send it a file or a pipe")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _file(path: Path) -> Source:
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise CorpusError(f"{path}: permission denied")
    except OSError as error:
        raise CorpusError(f"{path}: {_reason(error)}") from None
    if not path.is_file():  # a pipe, such as the shell's <(command)
        return Source(str(path), lambda: path.open("rb"))
    return Source(str(path), lambda: path.open("rb"), status.st_size, status.st_mtime_ns)


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
                and any(fnmatch(file, pattern) for pattern in glob)
                and path.is_file()
            ):
                yield path


class _Input(io.RawIOBase):
    """A raw stream whose first bytes can be looked at, and that counts what is read."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.head = stream.read(10)  # blocks until ten bytes or the end, also on a pipe
        self._ahead = self.head
        self.count = len(self.head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        if self._ahead:
            data, self._ahead = self._ahead[: len(view)], self._ahead[len(view) :]
        else:
            data = self._stream.read(len(view))
            self.count += len(data)
        view[: len(data)] = data
        return len(data)


def _decompress(raw: _Input) -> BinaryIO:
    buffered = cast(BinaryIO, io.BufferedReader(raw, _PIECE))
    for magic, opener in _MAGIC.items():
        if re.match(magic, raw.head, re.DOTALL):
            return opener(buffered)
    return buffered


def _decode(name: str, stream: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    offset = characters = 0
    last = False
    while not last:
        data = stream.read(_PIECE)
        last = not data
        held = len(decoder.getstate()[0])  # bytes of a character that the last piece began
        try:
            text = lines.decode(data, final=last)
        except UnicodeError as error:
            raise CorpusError(
                f"{name}: {_undecodable(error, encoding, data, offset - held)}"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        if (nul := text.find("\0")) >= 0:
            raise CorpusError(
                f"{name}: character {characters + nul} is NUL: this is not text, or not in "
                f"{encoding}; leave the file out, or name its encoding (--encoding utf-16, say)"
            )
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
    return error.strerror or str(error)
