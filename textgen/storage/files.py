"""Write a file where a user wants it: complete or not at all, and over no other file."""

from pathlib import Path

from textgen.errors import OutputError
from textgen.storage.atomic import write_atomic


def check_file_target(path: Path, *, force: bool) -> None:
    """Raise the `OutputError` that `write_file` would, before any work is done.

    Args:
        path: Where the file will be.
        force: Whether to replace an existing file.

    Raises:
        OutputError: the file exists, or its directory does not.
    """
    if (path.exists() and not path.is_file()) or not path.parent.is_dir():
        raise OutputError(f"{path}: is not a file in an existing directory; name another one")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists; name another file, or replace it with --force")


def write_file(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file that is there completely or not at all.

    Args:
        path: Where it will be; through a link, the file that the link leads to.
        data: Its content.
        force: Whether to replace an existing file.

    Raises:
        OutputError: the file exists, its directory does not, or it cannot be written; a file
            that was there is unchanged.
    """
    check_file_target(path, force=force)
    try:
        write_atomic(path.resolve(), data)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}; name another file, or make room"
        ) from error
