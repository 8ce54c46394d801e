"""Create a directory of files that is complete or absent."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from textgen.errors import OutputError
from textgen.storage.atomic import set_default_permissions, sync, unwritable
from textgen.storage.exchange import replace_directory
from textgen.storage.manifest import DirectoryKind, read_kind
from textgen.storage.temporary import remove_temporary_directories, temporary_directory


@contextlib.contextmanager
def create_directory(target: Path, kind: DirectoryKind, *, force: bool) -> Iterator[Path]:
    """A directory to fill, which takes the target's place once the block ends without an error.

    Args:
        target: Where it will be. Must not exist, or be empty, or, with `force`, be a directory
            of the same kind, which is then replaced.
        kind: What it will be.
        force: Whether a directory that exists may be replaced.

    Raises:
        OutputError: the target exists and may not be replaced, or cannot be written: an OSError
            of the block becomes an OutputError, unless it names another file.

    Example:
        with create_directory(Path("corpus"), KIND, force=False) as directory:
            (directory / "ids").write_bytes(ids)
            write_manifest(directory, KIND, {"ids": describe_file(directory / "ids")})
    """
    place = Path(os.path.realpath(target))
    with contextlib.ExitStack() as stack:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            remove_temporary_directories(place)
            check_target(target, kind, force=force)
            directory = stack.enter_context(temporary_directory(place))
        except OSError as error:
            raise unwritable(target, error) from error
        try:
            set_default_permissions(directory, directory=True)
            yield directory
            for path in [*directory.rglob("*"), directory]:
                sync(path)
            check_target(target, kind, force=force)  # others may have created it meanwhile
            replace_directory(directory, place)
        except OSError as error:
            elsewhere = error.filename and not Path(str(error.filename)).is_relative_to(directory)
            if elsewhere or isinstance(error, BrokenPipeError):
                raise
            raise unwritable(target, error) from error


def check_target(target: Path, kind: DirectoryKind, *, force: bool) -> None:
    """Raise the `OutputError` that `create_directory` would, before any work is done."""
    try:
        _check_target(target, kind, force=force)
    except FileNotFoundError:  # another process has just replaced it
        _check_target(target, kind, force=force)


def _check_target(target: Path, kind: DirectoryKind, *, force: bool) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError(f"{target}: exists and is not a directory; name another one")
    if os.path.ismount(target) or target.samefile("."):
        raise OutputError(f"{target}: cannot be replaced; name a directory in it")
    if not any(target.iterdir()):
        return
    if read_kind(target) != kind.name:
        raise OutputError(f"{target}: exists and is not a {kind.name}; name another directory")
    if not force:
        raise OutputError(f"{target}: exists; name another directory, or replace it with --force")
