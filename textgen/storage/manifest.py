"""The manifest of a directory: what the directory is, and size and hash of every file in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.errors import TextgenError
from textgen.storage.atomic import encode_json, write_atomic
from textgen.storage.hashes import describe_blocks

MANIFEST = "manifest.json"
# The file of an unfinished training, in a directory that may have no manifest yet.
CHECKPOINT = "checkpoint.npz"

Entries = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class DirectoryKind:
    """A kind of directory that textgen writes.

    Attributes:
        name: Its name in messages, for example "prepared corpus".
        version: The version of its layout, raised whenever the layout changes.
        error: What is raised for a damaged directory of this kind.
        remedy: What the user can do about it, at the end of the message.
    """

    name: str
    version: int
    error: type[TextgenError]
    remedy: str


def write_manifest(directory: Path, kind: DirectoryKind, files: Mapping[str, Any]) -> None:
    """Write the manifest of a directory: the last file written into it.

    Args:
        directory: The directory.
        kind: What it is.
        files: For each file its name and its entry, made by `describe_file` or `describe_blocks`.
    """
    write_atomic(
        directory / MANIFEST,
        encode_json({"textgen": kind.name, "version": kind.version, "files": dict(files)}),
    )


def read_kind(directory: Path) -> str | None:
    """The name of the kind in a directory's manifest; None where there is none."""
    try:
        manifest = json.loads(read_bytes(directory / MANIFEST))
    except (OSError, ValueError, RecursionError):
        return None
    name = manifest.get("textgen") if isinstance(manifest, dict) else None
    return name if isinstance(name, str) else None


def read_bytes(path: Path) -> bytes:
    """The content of an ordinary file; anything else, such as a pipe, could be endless.

    Raises:
        OSError: it is not an ordinary file, or cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    return path.read_bytes()


def read_manifest(directory: Path, kind: DirectoryKind) -> Entries:
    """The entries of a directory's manifest, by the names of the files.

    Raises:
        TextgenError: of the class `kind.error`, where the manifest is missing, damaged, of another
            kind of directory or of another version of the layout.
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
        raise kind.error(f"{directory}: is a {name}, not a {kind.name}; name another directory")
    if version != kind.version:
        raise kind.error(
            f"{directory}: written by another version of textgen (layout {version}, this one "
            f"reads {kind.version}); {kind.remedy}"
        )
    return dict(files)


def read_state(directory: Path, kind: DirectoryKind) -> tuple[Entries, tuple[int, int, int] | None]:
    """The entries of a directory's manifest, and the identity of the directory.

    Both change when another directory takes its place. What was read between two equal states is
    from one directory and from one set of files.

    Raises:
        TextgenError: as `read_manifest`.
    """
    files = read_manifest(directory, kind)
    try:
        status = directory.stat()
    except OSError:  # just replaced, where that takes two steps
        return files, None
    return files, (status.st_dev, status.st_ino, status.st_ctime_ns)
