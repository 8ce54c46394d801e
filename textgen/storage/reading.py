"""Read files of a directory that agree with one manifest, while a writer may replace them."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from textgen.storage.damage import DamageError, describe_damage
from textgen.storage.hashes import verify_size
from textgen.storage.manifest import DirectoryKind, Entries, read_bytes, read_state

PENDING = ".pending"  # the directory of files that a commit has not yet moved into place

T = TypeVar("T")


def read_files(
    directory: Path, kind: DirectoryKind, names: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, bytes]:
    """The contents of files of a directory, all of one set, whatever a writer does meanwhile.

    Args:
        directory: The directory.
        kind: What it is.
        names: Files that every such directory has.
        optional: Files that are read only where the manifest lists them.

    Raises:
        TextgenError: of the class `kind.error`, for a file that is missing or was changed.

    Example:
        vocabulary = read_files(path, KIND, ["vocabulary.json"])["vocabulary.json"]
    """
    return _read(directory, kind, names, _read_verified, optional)


def locate_files(directory: Path, kind: DirectoryKind, names: Iterable[str]) -> dict[str, Path]:
    """The paths of large files of a directory, each of the size that the manifest gives.

    For files that nothing replaces while they are read. `verify_parts`
    compares what is in them.

    Raises:
        TextgenError: of the class `kind.error`, for a file that is missing or of another size.
    """
    return _read(directory, kind, names, _check_size)


def _read(
    directory: Path,
    kind: DirectoryKind,
    names: Iterable[str],
    read: Callable[[Path, dict[str, Any]], T],
    optional: Iterable[str] = (),
) -> dict[str, T]:
    """What `read` returns for each file, of files that all belong to the same manifest."""
    while True:
        state = read_state(directory, kind)
        try:
            listed = [*names, *(name for name in optional if name in state[0])]
            return {name: _read_one(directory, kind, state[0], name, read) for name in listed}
        except kind.error:
            if state == read_state(directory, kind):
                raise
            # A writer has committed, or replaced the directory, while we were reading.


def _read_one(
    directory: Path,
    kind: DirectoryKind,
    files: Entries,
    name: str,
    read: Callable[[Path, dict[str, Any]], T],
) -> T:
    entry = files.get(name)
    if entry is None:
        raise kind.error(f"{directory}: the manifest lists no {name}; {kind.remedy}")
    problem = "missing"
    # The first place is tried twice: a writer may just have moved the file there.
    for path in (directory / name, directory / PENDING / name, directory / name):
        try:
            return read(path, entry)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problem = describe_damage(error)
    raise kind.error(f"{directory / name}: {problem}; {kind.remedy}")


def _check_size(path: Path, entry: dict[str, Any]) -> Path:
    verify_size(path, entry)
    return path


def _read_verified(path: Path, entry: dict[str, Any]) -> bytes:
    """The content of a file, if it agrees with its entry.

    Raises:
        DamageError: it does not.
    """
    verify_size(path, entry)
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise DamageError("changed after it was written")
    return content
