"""Move a directory to the place of another, in one step where the system can do that."""

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path

from textgen.storage.atomic import sync
from textgen.storage.locks import hold_lock
from textgen.storage.temporary import OLD, temporary_prefix

_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST)


def replace_directory(new: Path, target: Path) -> None:
    """Move a directory to the place of another, which is removed, or of none.

    A reader of the target finds one of the two at any moment. Where the system or the file system
    cannot exchange two names, there is a short moment between two renames in which it finds none;
    `remove_leftovers` restores the old one if the process is killed then.

    Raises:
        OSError: the directories cannot be moved; the target is as it was.
    """
    while True:
        try:
            new.rename(target)  # also over an empty directory
            old = None
            break
        except OSError as error:
            if error.errno not in _OCCUPIED:
                raise
        try:
            old = new if _exchange(new, target) else _replace_in_two_steps(new, target)
            break
        except FileNotFoundError:  # another process has moved the target away, or created it
            if not new.exists():
                raise
    sync(target.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two directories in one step; False where that is not possible.

    Linux has this as renameat2, which Python has no function for.
    """
    import ctypes

    at_working_directory, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # another system, or an old C library
        return False
    names = (os.fsencode(first), os.fsencode(second))
    if function(at_working_directory, names[0], at_working_directory, names[1], exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
        return False  # an old kernel, or a file system that cannot, such as NFS
    raise OSError(code, os.strerror(code), str(first), None, str(second))


def _replace_in_two_steps(new: Path, target: Path) -> Path:
    """Move a directory to the place of another; returns the new name of the other.

    Raises:
        FileNotFoundError: the target is gone; nothing has changed.
    """
    old = target.with_name(f"{temporary_prefix(target)}{secrets.token_hex(4)}{OLD}")
    with contextlib.ExitStack() as stack:
        try:  # no other process may remove it, or move it back, before the second rename
            stack.enter_context(hold_lock(target))
        except FileNotFoundError:
            raise
        except OSError:
            pass  # NFS; or another program holds a lock, and then no process removes it
        target.rename(old)
        try:
            new.rename(target)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in _OCCUPIED:
                shutil.rmtree(old, ignore_errors=True)  # another process was faster
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
            old.rename(target)
            raise
    return old
