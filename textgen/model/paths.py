"""Where the files of a model directory are, and what may be in a directory that gets a new one."""

import shlex
from pathlib import Path

from textgen import storage
from textgen.errors import ModelError, OutputError

MODEL_KIND = storage.DirectoryKind(
    "model directory", version=1, error=ModelError, remedy="train it again with `textgen train`"
)

MODEL, VOCABULARY, SETTINGS = "model.keras", "vocabulary.json", "settings.json"
HISTORY, SEEDS, LABELS = "history.json", "seeds.json", "labels.json"
FINGERPRINT, STARTER_FINGERPRINT = "documents.bloom", "starter.bloom"
_CHECKPOINT, _CACHE, _PENDING_CACHE = storage.CHECKPOINT, "cache", ".cache.new"


def checkpoint_path(directory: Path) -> Path:
    """The checkpoint of an unfinished training in a model directory."""
    return directory / _CHECKPOINT


def cache_path(directory: Path) -> Path:
    """The prepared corpus in a model directory."""
    return directory / _CACHE


def pending_cache_path(directory: Path) -> Path:
    """A prepared corpus that replaces the one in the cache as soon as its training has saved."""
    return directory / _PENDING_CACHE


def resume_command(directory: Path) -> str:
    """The command that resumes the training in a model directory."""
    return f"textgen train --resume --model {shlex.quote(str(directory))}"


def is_model_dir(path: str | Path) -> bool:
    """Whether a path is a model directory, also a damaged one."""
    return storage.read_kind(Path(path)) == MODEL_KIND.name


def check_new_model(directory: Path, *, force: bool) -> None:
    """Raise `OutputError` if no new model may be written to a directory."""
    if not directory.exists():
        return
    kind = storage.read_kind(directory)
    names = {path.name for path in directory.iterdir()} if directory.is_dir() else {""}
    # Names with a dot are leftovers of a training that was killed.
    others = {name for name in names if not name.startswith(".")} - {_CACHE, _CHECKPOINT}
    if kind is None and others:
        raise OutputError(f"{directory}: exists and is not a model directory; name another one")
    if kind not in (None, MODEL_KIND.name):
        raise OutputError(f"{directory}: is a {kind}; name another directory with --model")
    if kind == MODEL_KIND.name and not force:
        raise OutputError(
            f"{directory}: holds a trained model; replace it with --force, or name another "
            "directory with --model"
        )


def remove_half_written(directory: Path) -> None:
    """Remove the half-written files of a training that was killed."""
    storage.remove_leftovers(directory, (_CHECKPOINT, storage.MANIFEST, _PENDING_CACHE, _CACHE))
