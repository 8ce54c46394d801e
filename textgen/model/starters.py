"""Starters: small pretrained models that come with textgen, found by their names.

Each is an ordinary model directory, a compact one, in `textgen/starters/`.
"""

from pathlib import Path

from textgen import storage
from textgen.errors import ModelError
from textgen.model.paths import FINGERPRINT, MODEL_KIND, STARTER_FINGERPRINT, is_model_dir

_DIRECTORY = Path(__file__).parent.parent / "starters"


def list_starters() -> list[str]:
    """The names of all starters, in order.

    Example:
        >>> "english" in list_starters()  # doctest: +SKIP
        True
    """
    if not _DIRECTORY.is_dir():
        return []
    return sorted(path.name for path in _DIRECTORY.iterdir() if is_model_dir(path))


def starter_path(name: str) -> Path:
    """The model directory of a starter.

    Raises:
        ModelError: there is no starter of this name.
    """
    if name not in list_starters():
        raise ModelError(f"{name}: no such starter; {_describe_starters()}")
    return _DIRECTORY / name


def find_model(name: str | Path) -> Path:
    """The directory of a model to read: an existing one, else the starter of this name.

    Args:
        name: A path, or the name of a starter. Where there is neither, it is returned as it is.
    """
    path = Path(name)
    is_starter = not path.exists() and str(name) in list_starters()
    return _DIRECTORY / str(name) if is_starter else path


def find_initial_model(name: str | Path) -> Path:
    """The directory of the model that a training is to begin with.

    Args:
        name: A path, or the name of a starter; an existing directory takes precedence.

    Raises:
        ModelError: there is neither.
    """
    path = find_model(name)
    if not path.exists():
        raise ModelError(
            f"{name}: no such model directory, and no such starter; {_describe_starters()}"
        )
    return path


def starter_name(directory: Path) -> str | None:
    """The name of the starter that a model directory is; None for another model."""
    path = directory.resolve()
    return path.name if path.parent == _DIRECTORY.resolve() else None


def read_starter_fingerprint(directory: Path) -> bytes | None:
    """The fingerprint of the documents of the starter that a model is or descends from.

    Args:
        directory: A model directory.

    Returns:
        As from `make_fingerprint`; None for a model that descends from no starter.

    Raises:
        ModelError: the model directory is missing or damaged.
    """
    name = STARTER_FINGERPRINT if starter_name(directory) is None else FINGERPRINT
    return storage.read_files(directory, MODEL_KIND, (), optional=(name,)).get(name)


def _describe_starters() -> str:
    names = list_starters()
    if not names:
        return "this version of textgen comes without starters; name a model directory"
    return f"name a model directory, or {' or '.join(names)}"
