"""Files that are complete or absent: atomic writes, locks, manifests, commits.

A directory that textgen writes holds a `manifest.json` with the kind of the directory, the version
of its layout, and size and SHA-256 of every file. There are two ways to write one:

- `create_directory` fills a temporary directory next to its place and moves it there in one step.
- `commit` replaces the files of a directory that readers may have open.

    atomic.py       one file, and what makes the disk keep it
    temporary.py    temporary directories, and what killed processes left of them
    exchange.py     a directory takes the place of another in one step
    directories.py  create_directory
    files.py        a file where a user wants it
    hashes.py       sizes and SHA-256 of files and blocks
    manifest.py     kinds of directories and their manifests
    reading.py      files of one set, while a writer may replace them
    commit.py       commit
    damage.py       what is wrong with a file that cannot be used
    locks.py        locks that keep a directory to one process
"""

from textgen.storage.atomic import encode_json, write_atomic
from textgen.storage.commit import commit
from textgen.storage.damage import (
    DAMAGE_ERRORS,
    DamageError,
    describe_damage,
    get_item,
    parse_json,
    report_damage,
)
from textgen.storage.directories import check_target, create_directory
from textgen.storage.exchange import replace_directory
from textgen.storage.files import check_file_target, write_file
from textgen.storage.hashes import (
    describe_blocks,
    describe_file,
    sha256,
    verify_parts,
)
from textgen.storage.locks import lock_directory
from textgen.storage.manifest import (
    CHECKPOINT,
    MANIFEST,
    DirectoryKind,
    read_bytes,
    read_kind,
    read_manifest,
    read_state,
    write_manifest,
)
from textgen.storage.reading import locate_files, read_files
from textgen.storage.temporary import remove_leftovers

__all__ = [
    "CHECKPOINT",
    "DAMAGE_ERRORS",
    "MANIFEST",
    "DamageError",
    "DirectoryKind",
    "check_file_target",
    "check_target",
    "commit",
    "create_directory",
    "describe_blocks",
    "describe_damage",
    "describe_file",
    "encode_json",
    "get_item",
    "locate_files",
    "lock_directory",
    "parse_json",
    "read_bytes",
    "read_files",
    "read_kind",
    "read_manifest",
    "read_state",
    "remove_leftovers",
    "replace_directory",
    "report_damage",
    "sha256",
    "verify_parts",
    "write_atomic",
    "write_file",
    "write_manifest",
]
