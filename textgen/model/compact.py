"""Compact copies of model directories: float16 weights, and nothing that only its training needs.

A starter is such a copy. Keras and textgen read it as any other model directory.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError
from textgen.model.model_dir import read_model, save
from textgen.model.paths import FINGERPRINT, MODEL, MODEL_KIND
from textgen.model.record import ModelRecord
from textgen.model.weights import WEIGHTS_MEMBER

_SEEDS = 4  # windows of the corpus that are kept
_TIME = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same weights give the same file


def compact_model(source: str | Path, target: str | Path) -> None:
    """Copy a model directory with its weights rounded to float16.

    The copy has no cache, no samples, no loss curve, few seeds, no command line and no folders in
    the names of the corpus's files.

    Args:
        source: A model directory.
        target: The model directory to write; created if it is missing.

    Raises:
        ModelError: there is no model in `source`, it is damaged, or a weight is too large for
            float16.
        OSError: the copy cannot be written.

    Example:
        >>> compact_model("textgen-model", "english")  # doctest: +SKIP
    """
    source, target = Path(source), Path(target)
    record = read_model(source).record
    files = storage.read_files(source, MODEL_KIND, (MODEL,), optional=(FINGERPRINT,))
    content = _round_weights(source / MODEL, files[MODEL])
    save(
        target,
        lambda path: path.write_bytes(content),
        _trim(record),
        fingerprints={FINGERPRINT: files[FINGERPRINT]} if FINGERPRINT in files else {},
    )


def _trim(record: ModelRecord) -> ModelRecord:
    """A record without samples, loss curve and what is private to the machine that trained."""
    history = {
        **record.history,
        "epochs": [{**entry, "samples": []} for entry in record.history.get("epochs", [])],
        "steps": [],
        "samples": [],
    }
    corpus = record.about.get("corpus", {})
    sources = [
        {"name": PurePath(source["name"]).name, "bytes": source.get("bytes", 0)}
        for source in corpus.get("sources", [])
    ]
    about = {**record.about, "command": [], "corpus": {**corpus, "sources": sources}}
    return ModelRecord(
        record.settings, record.vocabulary, history, record.seeds[:_SEEDS], about, record.labels
    )


def _round_weights(path: Path, content: bytes) -> bytes:
    """A `.keras` file with float16 weights; the rest is as it was."""
    import h5py

    result, weights = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        with (
            h5py.File(io.BytesIO(old.read(WEIGHTS_MEMBER)), "r") as source,
            h5py.File(weights, "w") as target,
        ):
            _copy_group(source, target, path)
        for name in old.namelist():
            data = weights.getvalue() if name == WEIGHTS_MEMBER else old.read(name)
            new.writestr(zipfile.ZipInfo(name, _TIME), data)
    return result.getvalue()


def _copy_group(source: Any, target: Any, path: Path) -> None:
    """Copy a group of an HDF5 file; arrays become float16."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if hasattr(item, "items"):
            _copy_group(item, target.create_group(name), path)
        else:
            target[name] = _round(item[()], path)


def _round(array: npt.NDArray[Any] | Sequence[Any], path: Path) -> npt.NDArray[np.float16]:
    with np.errstate(over="ignore"):
        rounded = np.asarray(array).astype(np.float16)
    if not np.isfinite(rounded).all():
        raise ModelError(
            f"{path}: has a weight that is too large for float16; train with --weight-decay"
        )
    return rounded
