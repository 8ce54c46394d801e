"""Locks that keep a directory to one process; they end with the process, however it ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from textgen.errors import OutputError
from textgen.storage.atomic import sync, unwritable

_LOCK = ".lock"


@contextlib.contextmanager
def lock_directory(directory: Path, busy: str) -> Iterator[None]:
    """Keep a directory to this process, by a lock on the file `.lock` in it.

    Args:
        directory: Created where it is missing, and then removed at the end if it is empty.
        busy: What the error says when another process holds the lock.

    Raises:
        OutputError: another process holds the lock, or the directory cannot be written.

    Example:
        with lock_directory(path, "another training is writing to it"):
            ...
    """
    path, is_new = directory / _LOCK, not directory.exists()
    try:
        handle = _acquire(path)
    except BlockingIOError:
        raise OutputError(f"{directory}: {busy}") from None
    except OSError as error:
        raise unwritable(directory, error) from error
    try:
        if is_new:
            with contextlib.suppress(OSError):
                sync(directory.parent)
        yield
    finally:
        with contextlib.suppress(OSError):  # what is not empty, or read-only, stays as it is
            path.unlink()
            if is_new:
                directory.rmdir()
        os.close(handle)


def _acquire(path: Path) -> int:
    """Lock a file, which is created with its directory; returns its handle. Never waits.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    import fcntl

    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            continue  # the last holder has just removed the directory
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have removed the file just before we locked it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


@contextlib.contextmanager
def hold_lock(directory: Path) -> Iterator[None]:
    """Hold an exclusive lock on the directory itself; it survives a rename. Never waits.

    Raises:
        OSError: another process holds it, or the file system has no such locks, as NFS.
    """
    import fcntl

    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
