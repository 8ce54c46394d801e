"""Files that are whole or absent: atomic writes, hashes, manifests, directories made aside.

Knows bytes, names and hashes; knows nothing of what the files mean.

A directory that textgen writes holds a `manifest.json` which names the kind of directory, the
version of its layout, and size and SHA-256 of every file in it; of a large file the SHA-256 of
each block, which can be compared by itself, and one of all of these. Two ways of writing one:

- `new_directory` makes it next to its place and moves it there in one step, which exchanges it with
  the directory that is there.
- `commit` replaces files of one that readers may have open: the new files are laid down under
  `.pending/`, then the manifest is replaced (from here on the new files are the true ones), then
  they are moved into place. `read_files` finds each file on either side of that move, so a
  process killed at any point leaves either the old set or the new one, never a mix.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import tokenize
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from textgen.errors import OutputError, TextgenError

MANIFEST = "manifest.json"
# Of an unfinished training, in a directory that may have nothing else of ours yet.
CHECKPOINT = "checkpoint.npz"
_PENDING = ".pending"
_OLD = ".old"
_LOCK = ".lock"
BLOCK_BYTES = 1 << 26  # bytes of a file that is described in blocks
_AT_ONCE = 1 << 20  # bytes in memory

# What reading JSON, arrays and archives that are not in order can raise.
DAMAGE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,  # an archive that is encrypted, JSON that is nested too deep
    zipfile.BadZipFile,
    tokenize.TokenError,  # the header of a .npy file, and so
    SyntaxError,
)

T = TypeVar("T")


@dataclass(frozen=True)
class DirectoryKind:
    """What a directory is: its name in messages, its layout's version, the error to raise.

    Attributes:
        name: For example "prepared corpus".
        version: Raised whenever the layout changes.
        error: What is raised when a directory of this kind is not in order.
        remedy: What the user can do then.
    """

    name: str
    version: int
    error: type[TextgenError]
    remedy: str


def encode_json(data: Any) -> bytes:
    """Readable JSON in ASCII, so that no character of a corpus can break it."""
    return (json.dumps(data, indent=2) + "\n").encode("ascii")


def write_atomic(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, also after a power failure."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            flush(file.fileno())
        _as_umask(temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextlib.contextmanager
def lock_directory(directory: Path, busy: str) -> Iterator[None]:
    """Keep a directory to this process; the lock ends with the process, however that ends.

    Args:
        directory: Made where it is missing, and then taken away at the end if it is empty.
        busy: What to say of a directory that another process keeps to itself.

    Raises:
        OutputError: another process has it, or it cannot be written.
    """
    path, made = directory / _LOCK, not directory.exists()
    try:
        handle = _lock(path)
    except BlockingIOError:
        raise OutputError(f"{directory}: {busy}") from None
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        if made:
            with contextlib.suppress(OSError):
                sync(directory.parent)
        yield
    finally:
        with contextlib.suppress(OSError):  # what is not empty, or read-only, stays as it is
            path.unlink()
            if made:
                directory.rmdir()
        os.close(handle)


def _lock(path: Path) -> int:
    import fcntl

    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            continue  # whoever had it may have taken the directory away just now
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have taken the file away just before we got the lock.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def remove_leftovers(directory: Path, names: Iterable[str]) -> None:
    """Take away what killed processes left of files and directories that they were writing.

    Args:
        directory: One that no other process writes to.
        names: Of files and directories in it that are written by `write_atomic` and
            `new_directory`.
    """
    for name in names:
        _sweep_made(directory / name)
        for left in directory.glob(f".{name}.*"):
            if left.name.startswith(_aside(directory / name)):
                continue  # what was made of those is kept where nobody can tell whose it is
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()


def _sweep_made(target: Path) -> None:
    """Remove the directories that killed processes were making for the target.

    A process holds a lock on each directory that it makes or moves; one without a lock is left
    over. No process locks the parent, where a lock of another program could block it.
    """
    for left in sorted(target.parent.iterdir()):
        if left.name.startswith(_aside(target)) and left.is_dir() and not left.is_symlink():
            with contextlib.suppress(OSError), _locked_directory(left):
                if left.suffix == _OLD and not target.exists():
                    left.rename(target)  # killed between two renames
                else:
                    shutil.rmtree(left)


def _aside(target: Path) -> str:
    """What the names of directories begin with that are to take the target's place."""
    return f".{target.name}.textgen-"


@contextlib.contextmanager
def _locked_directory(directory: Path) -> Iterator[None]:
    """Hold an exclusive lock on a directory; it survives a rename. Never waits.

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


@contextlib.contextmanager
def _temporary_directory(target: Path) -> Iterator[Path]:
    """A new directory next to the target, locked so that no other process sweeps it away.

    On NFS, which has no locks on directories, no process sweeps any.
    """
    while True:
        made = Path(tempfile.mkdtemp(dir=target.parent, prefix=_aside(target)))
        with contextlib.ExitStack() as until_the_end:
            until_the_end.callback(shutil.rmtree, made, ignore_errors=True)
            try:
                until_the_end.enter_context(_locked_directory(made))
            except (BlockingIOError, FileNotFoundError):
                continue  # another process sweeps it away, before we could lock it
            except OSError:
                pass
            if not made.exists():  # swept away just before we locked it
                continue
            yield made
            return


def flush(handle: int) -> None:
    """Have the disk keep what was written to an open file."""
    os.fsync(handle)


def sync(path: Path) -> None:
    """Have the disk keep what is in a file, or the names in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        flush(handle)
    finally:
        os.close(handle)


def sha256(
    path: Path,
    first: int = 0,
    last: int | None = None,
    see: Callable[[int, bytes], object] = lambda *_: None,
) -> str:
    """The SHA-256 of a file's bytes, or of those from one place to another, in hexadecimal.

    Args:
        path: The file.
        first: The first place.
        last: The place after the last; None for the end.
        see: Called with each piece that is read and its place.
    """
    digest, place = hashlib.sha256(), first
    with path.open("rb") as file:
        file.seek(first)
        while some := file.read(_AT_ONCE if last is None else min(_AT_ONCE, last - place)):
            digest.update(some)
            see(place, some)
            place += len(some)
    return digest.hexdigest()


@contextlib.contextmanager
def create_directory(target: Path, kind: DirectoryKind, *, force: bool) -> Iterator[Path]:
    """A directory to fill, which takes the target's place once the block ends without an error.

    Args:
        target: Where it is to be. Must not exist, or be empty, or, with `force`, be a directory
            of the same kind, which is then replaced.
        kind: What it will be.
        force: Whether one that exists may be replaced.

    Raises:
        OutputError: the target exists and may not be replaced, or cannot be written: an OSError
            of the block becomes one, unless it names another file.
    """
    place = Path(os.path.realpath(target))
    with contextlib.ExitStack() as until_the_end:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _sweep_made(place)
            check_target(target, kind, force=force)
            made = until_the_end.enter_context(_temporary_directory(place))
        except OSError as error:
            raise _unwritable(target, error) from error
        try:
            _as_umask(made, directory=True)
            yield made
            for path in [*made.rglob("*"), made]:
                sync(path)
            check_target(target, kind, force=force)  # others may have made it meanwhile
            replace_directory(made, place)
        except OSError as error:
            elsewhere = error.filename and not Path(str(error.filename)).is_relative_to(made)
            if elsewhere or isinstance(error, BrokenPipeError):
                raise
            raise _unwritable(target, error) from error


def check_target(target: Path, kind: DirectoryKind, *, force: bool) -> None:
    """Raise `OutputError` where `new_directory` would, before any work is done."""
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


def replace_directory(made: Path, target: Path) -> None:
    """Move a directory to the place of another, which is removed, or of none.

    A reader of the target finds one of the two at any moment. Where the system or the file system
    cannot exchange two names, there is a short moment between two renames in which it finds none;
    `sweep` restores the old one if the process is killed then.

    Raises:
        OSError: the directories cannot be moved; the target is as it was.
    """
    while True:
        try:
            made.rename(target)  # also over an empty directory
            old = None
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        try:
            old = made if _exchange(made, target) else _replace_in_two_steps(made, target)
            break
        except FileNotFoundError:  # another process has moved the target away, or made it
            if not made.exists():
                raise
    sync(target.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two directories in one step; False where that is not possible.

    Linux has this as renameat2, which Python has no function for.
    """
    import ctypes

    at_working_directory, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # another system, or an old C library
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if function(at_working_directory, names[0], at_working_directory, names[1], exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
        return False  # an old kernel, or a file system that cannot, such as NFS
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def _replace_in_two_steps(made: Path, target: Path) -> Path:
    """Move a directory to the place of another; gives the other's new name.

    Raises:
        FileNotFoundError: the target is gone; nothing has changed.
    """
    old = target.with_name(f"{_aside(target)}{secrets.token_hex(4)}{_OLD}")
    with contextlib.ExitStack() as until_the_end:
        try:  # so that no other process sweeps it away, or back, before the second rename
            until_the_end.enter_context(_locked_directory(target))
        except FileNotFoundError:
            raise
        except OSError:
            pass  # as on NFS; or another program has it locked, and then no process sweeps it
        target.rename(old)
        try:
            made.rename(target)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                shutil.rmtree(old, ignore_errors=True)  # another process was faster
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
            old.rename(target)
            raise
    return old


def describe_file(path: Path) -> dict[str, Any]:
    """A file's entry in a manifest."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def describe_blocks(size: int, digests: Sequence[str]) -> dict[str, Any]:
    """The entry of a file of so many bytes, of which each `BLOCK` was hashed by itself."""
    if len(digests) != -(-size // BLOCK_BYTES):
        raise ValueError(f"{len(digests)} blocks of {size} bytes")
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    return {"bytes": size, "sha256": whole, "blocks": list(digests)}


def _unwritable(path: Path, error: OSError) -> OutputError:
    """What to say of a place that cannot be written."""
    return OutputError(
        f"{path}: cannot be written: {error.strerror or error}; make room or give yourself the "
        "right to write there, or name another directory"
    )


def write_manifest(
    directory: Path, kind: DirectoryKind, files: Mapping[str, dict[str, Any]]
) -> None:
    """Write the manifest of a directory: the last file written into it."""
    write_atomic(
        directory / MANIFEST,
        encode_json({"textgen": kind.name, "version": kind.version, "files": dict(files)}),
    )


def read_kind(directory: Path) -> str | None:
    """The name of the kind that a directory's manifest gives; None where there is none."""
    try:
        manifest = json.loads(read_bytes(directory / MANIFEST))
    except (OSError, ValueError, RecursionError):
        return None
    name = manifest.get("textgen") if isinstance(manifest, dict) else None
    return name if isinstance(name, str) else None


def read_bytes(path: Path) -> bytes:
    """The bytes of an ordinary file; what is no file could be without an end.

    Raises:
        OSError: it is none, or cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    return path.read_bytes()


def read_manifest(directory: Path, kind: DirectoryKind) -> dict[str, dict[str, Any]]:
    """The files that a directory's manifest lists: name to bytes and sha256.

    Raises:
        TextgenError: of the kind's own class, where the manifest is not one that this version
            of textgen wrote.
    """
    path = directory / MANIFEST
    try:
        manifest = json.loads(read_bytes(path))
        name, version, files = (manifest[key] for key in ("textgen", "version", "files"))
        for entry in files.values():
            if not isinstance(entry["bytes"], int) or not isinstance(entry["sha256"], str):
                raise TypeError
            blocks = entry.get("blocks")
            if blocks is not None and entry != describe_blocks(entry["bytes"], blocks):
                raise ValueError
    except (OSError, RecursionError, ValueError, KeyError, TypeError, AttributeError):
        raise kind.error(f"{path}: missing or damaged; {kind.remedy}") from None
    if name != kind.name:
        raise kind.error(f"{directory}: is a {name}, not a {kind.name}; {kind.remedy}")
    if version != kind.version:
        raise kind.error(
            f"{directory}: written by another version of textgen (layout {version}, this one "
            f"reads {kind.version}); {kind.remedy}"
        )
    return dict(files)


def read_state(
    directory: Path, kind: DirectoryKind
) -> tuple[dict[str, dict[str, Any]], tuple[int, int, int] | None]:
    """The manifest of a directory, and what changes when another directory takes its place.

    What was read between two equal states is of one directory and of one set of files.

    Raises:
        TextgenError: as `read_manifest`.
    """
    files = read_manifest(directory, kind)
    try:
        status = directory.stat()
    except OSError:  # just replaced, where that takes two steps
        return files, None
    return files, (status.st_dev, status.st_ino, status.st_ctime_ns)


def locate_files(directory: Path, kind: DirectoryKind, names: Iterable[str]) -> dict[str, Path]:
    """Where files of a directory are that are large, each of the size that the manifest says.

    For a directory made by `new_directory`, whose files stay where they are; what is in them
    `check_parts` compares.

    Raises:
        TextgenError: of the kind's own class, for a file that is missing or of another size.
    """
    return _checked(directory, kind, names, _sized)


def read_files(directory: Path, kind: DirectoryKind, names: Iterable[str]) -> dict[str, bytes]:
    """The contents of files of a directory, all of one set, whatever a writer does meanwhile.

    Raises:
        TextgenError: of the kind's own class, for a file that is missing or was changed.
    """
    return _checked(directory, kind, names, _content)


def _checked(
    directory: Path,
    kind: DirectoryKind,
    names: Iterable[str],
    look: Callable[[Path, dict[str, Any]], T],
) -> dict[str, T]:
    """What `look` gives for each file, of files that are all of the same manifest."""
    while True:
        state = read_state(directory, kind)
        try:
            return {name: _find(directory, kind, state[0], name, look) for name in names}
        except kind.error:
            if state == read_state(directory, kind):
                raise
            # A writer has committed, or replaced the directory, between our two looks.


def _find(
    directory: Path,
    kind: DirectoryKind,
    files: dict[str, dict[str, Any]],
    name: str,
    look: Callable[[Path, dict[str, Any]], T],
) -> T:
    entry = files.get(name)
    if entry is None:
        raise kind.error(f"{directory}: the manifest lists no {name}; {kind.remedy}")
    problem = "missing"
    # Once more where it was first: a writer may just have moved it there.
    for path in (directory / name, directory / _PENDING / name, directory / name):
        try:
            return look(path, entry)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problem = str(error)
    raise kind.error(f"{directory / name}: {problem}; {kind.remedy}")


def _sized(path: Path, entry: dict[str, Any]) -> Path:
    """The path of a file that has the size that its entry says."""
    _check_size(path, entry)
    return path


def verify_parts(
    path: Path,
    entry: Mapping[str, Any],
    parts: Iterable[slice],
    see: Callable[[int, bytes], object] = lambda *_: None,
) -> None:
    """Compare parts of a file with its entry in a manifest, whole blocks at a time.

    Args:
        path: The file.
        entry: Without blocks, the whole file is read.
        parts: Bytes, from first to last.
        see: Called with each piece that is read and its place, in any order, by several threads.

    Raises:
        ValueError: it was changed.
    """
    _check_size(path, entry)
    digests = entry.get("blocks")
    if digests is None:
        same = sha256(path, see=see) == entry["sha256"]
    else:
        numbers = {
            number
            for part in parts
            for number in range(part.start // BLOCK_BYTES, -(-part.stop // BLOCK_BYTES))
        }

        def as_it_was(number: int) -> bool:
            digest: str = digests[number]
            return sha256(path, number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES, see) == digest

        with ThreadPoolExecutor() as threads:
            same = all(threads.map(as_it_was, sorted(numbers)))
    if not same:
        raise ValueError("changed after it was written")


def _content(path: Path, entry: dict[str, Any]) -> bytes:
    """The bytes of a file that is as its entry in the manifest says."""
    _check_size(path, entry)
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ValueError("changed after it was written")
    return content


def _check_size(path: Path, entry: Mapping[str, Any]) -> None:
    if path.stat().st_size != entry["bytes"] or not path.is_file():
        raise ValueError("truncated or changed")


def commit(
    directory: Path,
    kind: DirectoryKind,
    write: Mapping[str, Callable[[Path], object]],
    unchanged: Iterable[str] = (),
) -> None:
    """Replace all files of a directory by a new set, in one step for every reader.

    Args:
        directory: Made where it is missing.
        kind: What it is.
        write: For each file its name and a function that writes it to the path it is given.
        unchanged: Names of files of the old set that are also in the new one.
    """
    pending = directory / _PENDING
    _finish(directory)
    same = {name: read_manifest(directory, kind)[name] for name in unchanged}
    pending.mkdir(parents=True)
    sync(directory)  # before the manifest names what is in it
    try:
        for name, writer in write.items():
            writer(pending / name)
            sync(pending / name)
        sync(pending)
        write_manifest(
            directory, kind, {**same, **{name: describe_file(pending / name) for name in write}}
        )
    except BaseException:
        _finish(directory)  # into place if the manifest lists them already, away if not
        raise
    _finish(directory)


def _finish(directory: Path) -> None:
    """Move what a commit left under `.pending/`: into place where the manifest lists it."""
    pending = directory / _PENDING
    if pending.is_symlink() or not pending.is_dir():  # a stranger's, or none
        pending.unlink(missing_ok=True)
        return
    try:
        listed = json.loads(read_bytes(directory / MANIFEST))["files"]
    except DAMAGE_ERRORS:
        listed = {}
    for path in pending.iterdir():
        if _is_listed(path, listed):
            path.replace(directory / path.name)
    sync(directory)
    shutil.rmtree(pending)


def _is_listed(path: Path, files: Any) -> bool:
    """Whether a file is one that a manifest lists, which may be a stranger's."""
    try:
        entry = files[path.name]
        if not path.is_symlink():
            verify_parts(path, entry, [slice(0, entry["bytes"])])
            return True
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    return False


def _as_umask(path: str | Path, *, directory: bool = False) -> None:
    """Give a temporary file, which is private, the rights that an ordinary one would have."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod((0o777 if directory else 0o666) & ~mask)
