"""What `export` returns, and the kind of directory that most formats are."""

from dataclasses import dataclass
from pathlib import Path

from textgen import storage
from textgen.errors import ExportError

EXPORT_KIND = storage.DirectoryKind(
    "model export", version=1, error=ExportError, remedy="export it again with `textgen export`"
)


@dataclass(frozen=True)
class ExportResult:
    """An export that was written.

    Attributes:
        path: The directory.
        format: Its format.
        size: Bytes of all its files.
        difference: The largest difference between its probabilities and textgen's own.
        characters: The number of characters on which they were compared.
    """

    path: Path
    format: str
    size: int
    difference: float
    characters: int


def write_manifest(directory: Path) -> int:
    """Write the manifest of an export and return the bytes of all other files."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    files = {path.relative_to(directory).as_posix(): storage.describe_file(path) for path in paths}
    storage.write_manifest(directory, EXPORT_KIND, files)
    return sum(entry["bytes"] for entry in files.values())
