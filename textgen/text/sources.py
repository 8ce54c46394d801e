"""Where a corpus comes from: files, directories, standard input, or the demo text."""

import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import BinaryIO

from textgen.errors import CorpusError, UsageError
from textgen.storage import CHECKPOINT, read_kind


@dataclass(frozen=True)
class Source:
    """A file, a stream or an embedded text of a corpus.

    Attributes:
        name: As messages name it.
        open: Opens it for reading bytes.
        size: Bytes, where they are known before reading.
        modified: Time of the last change in nanoseconds, where it is known.
        on_disk: Whether it is a file that any process can open, and read from any position on;
            `open` can be pickled then.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    modified: int | None = None
    on_disk: bool = False


# What a user names: one text, or several in order.
Corpora = str | Path | Source | Sequence[str | Path | Source]


def list_corpora(corpora: Corpora) -> list[str | Path | Source]:
    """The texts that a user named, as a list, also where it is one.

    Example:
        >>> list_corpora("corpus.txt")
        ['corpus.txt']
    """
    return [corpora] if isinstance(corpora, str | Path | Source) else list(corpora)


def find_sources(corpora: Corpora, glob: Sequence[str] = ("*",)) -> list[Source]:
    """Find the files and streams of a corpus.

    Args:
        corpora: Paths of files and directories; `-` is standard input. Directories are searched
            recursively, in the order of names, except hidden files and directories, links to
            directories, and what textgen itself wrote. Sources are taken as they are.
        glob: Patterns, one of which the name of a file in a directory must match.

    Raises:
        CorpusError: a path that is empty, does not exist or cannot be read, or a directory in
            which no file matches, or that textgen itself wrote.
        UsageError: standard input or another pipe twice.

    Example:
        >>> [source.name for source in find_sources("README.md")]
        ['README.md']
    """
    sources: list[Source] = []
    pipes = set[object]()
    for corpus in list_corpora(corpora):
        if isinstance(corpus, Source):
            sources.append(corpus)
            continue
        pipe = _pipe_identity(corpus)
        if pipe is not None and pipe in pipes:
            raise UsageError(
                f"{corpus} is named twice, but a pipe can be read only once; name it once"
            )
        pipes.add(pipe)
        sources.extend(_find(corpus, glob))
    return sources


def _find(name: str | Path, glob: Sequence[str]) -> list[Source]:
    """The sources of one name."""
    if name == "-":
        return [Source("-", _open_standard_input)]
    if not name:  # Path("") is the working directory
        raise CorpusError("the name of a text is empty; name a file or a directory")
    if (kind := read_kind(Path(name))) is not None:
        raise CorpusError(f"{name}: is a {kind}, not a text; name a file or a directory of texts")
    if not Path(name).is_dir():
        return [_file_source(Path(name))]
    sources = [_file_source(path) for path in _walk(Path(name), glob)]
    if not sources:
        patterns = ", ".join(glob)
        raise CorpusError(
            f"{name}: no file in this directory matches {patterns}; give another --glob"
        )
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


def _open_standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("standard input is closed; send it a file or a pipe")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _pipe_identity(name: str | Path) -> object:
    """What identifies standard input or a pipe, which can be read once; None for other names."""
    try:
        status = Path(name).stat() if name != "-" else os.fstat(sys.stdin.fileno())
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
            return status.st_dev, status.st_ino  # whichever of its names is used
    except (OSError, ValueError, AttributeError):  # no such file, or no standard input
        pass
    return "-" if name == "-" else None


def _open_file(path: Path) -> BinaryIO:
    return path.open("rb")


def _file_source(path: Path) -> Source:
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise CorpusError(f"{path}: permission denied; name a file that can be read")
    except OSError as error:
        raise CorpusError(f"{path}: {describe_os_error(error)}") from None
    if not path.is_file():  # a pipe, such as the shell's <(command)
        return Source(str(path), partial(_open_file, path))
    real, on_disk = path, True
    # /dev/stdin is another file in another process; a deleted file has no name left.
    if path.is_symlink() or str(path).startswith(("/dev/", "/proc/")):
        real = path.resolve()
        on_disk = (
            real.is_file()
            and os.path.samestat(status, real.stat())
            and not real.is_relative_to("/dev/fd")
        )
    opener = partial(_open_file, real if on_disk else path)
    return Source(str(path), opener, status.st_size, status.st_mtime_ns, on_disk=on_disk)


def _walk(root: Path, glob: Sequence[str]) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: {describe_os_error(error)}")

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


def describe_os_error(error: OSError) -> str:
    """Why a file cannot be read, and what to do."""
    return f"{error.strerror or error}; name a file that can be read"
