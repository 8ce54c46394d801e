"""Temporary directories next to their target, and what killed processes left of them.

A process holds a lock on each directory that it fills or moves. A temporary directory without a
lock is left over and may be removed. No process locks the parent directory, where a lock of another
program could block it.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from textgen.storage.locks import hold_lock

OLD = ".old"  # ends the name of a directory that is about to be replaced


def temporary_prefix(target: Path) -> str:
    """How the names of directories begin that are to take the target's place."""
    return f".{target.name}.textgen-"


@contextlib.contextmanager
def temporary_directory(target: Path) -> Iterator[Path]:
    """A new directory next to the target, locked against `remove_temporary_directories`.

    Without locks on directories, as on NFS, no process removes the directories of others.
    """
    while True:
        directory = Path(tempfile.mkdtemp(dir=target.parent, prefix=temporary_prefix(target)))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            try:
                stack.enter_context(hold_lock(directory))
            except (BlockingIOError, FileNotFoundError):
                continue  # another process removes it, before we could lock it
            except OSError:
                pass
            if not directory.exists():  # removed just before we locked it
                continue
            yield directory
            return


def remove_temporary_directories(target: Path) -> None:
    """Remove the directories with which killed processes were going to replace the target."""
    for path in sorted(target.parent.iterdir()):
        if path.name.startswith(temporary_prefix(target)) and _is_directory(path):
            with contextlib.suppress(OSError), hold_lock(path):
                if path.suffix == OLD and not target.exists():
                    path.rename(target)  # the process was killed between two renames
                else:
                    shutil.rmtree(path)


def remove_leftovers(directory: Path, names: Iterable[str]) -> None:
    """Remove what killed processes left of files and directories that they were writing.

    Args:
        directory: A directory that no other process writes to.
        names: Names of files and directories in it that are written by `write_atomic` and
            `create_directory`.

    Raises:
        OSError: something cannot be removed.
    """
    for name in names:
        remove_temporary_directories(directory / name)
        for path in directory.glob(f".{name}.*"):
            if path.name.startswith(temporary_prefix(directory / name)):
                continue  # still there because another process holds it, or no locks exist
            if _is_directory(path):
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
