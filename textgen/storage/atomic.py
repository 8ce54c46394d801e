"""Write a file that is complete or absent, and make the disk keep it."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from textgen.errors import OutputError


def encode_json(data: Any) -> bytes:
    """Encode data as readable JSON in ASCII, which no character of a corpus can break.

    Example:
        >>> encode_json({"é": 1})
        b'{\\n  "\\\\u00e9": 1\\n}\\n'
    """
    return (json.dumps(data, indent=2) + "\n").encode("ascii")


def write_atomic(path: Path, data: bytes | memoryview) -> None:
    """Write a file that is there completely or not at all, also after a power failure.

    Raises:
        OSError: it cannot be written; a file that was there is unchanged.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        set_default_permissions(temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Make the disk keep the content of a file, or the names in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_default_permissions(path: str | Path, *, directory: bool = False) -> None:
    """Give a temporary file, which is private, the permissions of an ordinary file."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod((0o777 if directory else 0o666) & ~mask)


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error to raise for a place that cannot be written."""
    return OutputError(
        f"{path}: cannot be written: {error.strerror or error}; make room or give yourself the "
        "right to write there, or name another directory"
    )
