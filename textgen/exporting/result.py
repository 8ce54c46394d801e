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
        path: The directory, or for `html` the file.
        format: Its format.
        size: Bytes of all its files.
        runtime: What ran it to compare it with textgen, such as `Node 20.1.0`; None for `html` and
            `js` if this machine has nothing that can.
        difference: The largest difference between its probabilities and textgen's own with the
            same weights; None if it was not compared.
        characters: The number of characters on which they were compared.
        weights: For `html` and `js`: how the weights are stored, and what that costs.
    """

    path: Path
    format: str
    size: int
    runtime: str | None
    difference: float | None
    characters: int
    weights: "StoredWeights | None" = None


@dataclass(frozen=True)
class StoredWeights:
    """How an export stores the weights of a model, and what each way costs.

    Attributes:
        dtype: `float32`, `float16` or `int8`.
        sizes: Bytes of the whole export with each dtype; without those that are too small for the
            weights.
        losses: Nats per character that each of these adds to the loss; empty if the model directory
            does not have the corpus.
        characters: How many characters of the corpus's validation part that was measured on.
        difference: The largest difference between its probabilities and those of the model as it
            was trained; None if it was not compared.
    """

    dtype: str
    sizes: dict[str, int]
    losses: dict[str, float]
    characters: int
    difference: float | None


def write_manifest(directory: Path) -> int:
    """Write the manifest of an export and return the bytes of all other files."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    files = {path.relative_to(directory).as_posix(): storage.describe_file(path) for path in paths}
    storage.write_manifest(directory, EXPORT_KIND, files)
    return sum(entry["bytes"] for entry in files.values())
