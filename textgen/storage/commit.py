"""Replace all files of a directory by a new set, in one step for every reader.

The new files are written under `.pending/`. Then the manifest is replaced: from here on the new
files are the current ones. Then they are moved into place. `read_files` finds each file before and
after that move, and a process that is killed at any point leaves either the old set or the new one.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from textgen.storage.atomic import sync
from textgen.storage.damage import DAMAGE_ERRORS
from textgen.storage.hashes import describe_file, verify_parts
from textgen.storage.manifest import (
    MANIFEST,
    DirectoryKind,
    read_bytes,
    read_manifest,
    write_manifest,
)
from textgen.storage.reading import PENDING


def commit(
    directory: Path,
    kind: DirectoryKind,
    write: Mapping[str, Callable[[Path], object]],
    unchanged: Iterable[str] = (),
) -> None:
    """Replace all files of a directory by a new set, in one step for every reader.

    Args:
        directory: Created where it is missing.
        kind: What it is.
        write: For each file its name and a function that writes it to the path it is given.
        unchanged: Names of files of the old set that are also in the new one.

    Raises:
        OSError: a file cannot be written; the old set is as it was.
        TextgenError: of the class `kind.error`, where there is no old set for `unchanged`.

    Example:
        commit(path, KIND, {"seeds.json": lambda place: place.write_bytes(seeds)})
    """
    pending = directory / PENDING
    _complete(directory)
    old = {name: read_manifest(directory, kind)[name] for name in unchanged}
    pending.mkdir(parents=True)
    sync(directory)  # before the manifest names what is in it
    try:
        for name, write_file in write.items():
            write_file(pending / name)
            sync(pending / name)
        sync(pending)
        new = {name: describe_file(pending / name) for name in write}
        write_manifest(directory, kind, {**old, **new})
    finally:
        # After an error: moves the files into place if the manifest lists them, else removes them.
        _complete(directory)


def _complete(directory: Path) -> None:
    """Move what a commit left under `.pending/` into place, where the manifest lists it."""
    pending = directory / PENDING
    if pending.is_symlink() or not pending.is_dir():  # there is none, or textgen did not make it
        pending.unlink(missing_ok=True)
        return
    try:
        files = json.loads(read_bytes(directory / MANIFEST))["files"]
    except DAMAGE_ERRORS:
        files = {}
    for path in pending.iterdir():
        if _is_listed(path, files):
            path.replace(directory / path.name)
    sync(directory)
    shutil.rmtree(pending)


def _is_listed(path: Path, files: Any) -> bool:
    """Whether an untrusted manifest lists a file as it is."""
    try:
        entry = files[path.name]
        if not path.is_symlink():
            verify_parts(path, entry, [slice(0, entry["bytes"])])
            return True
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    return False
