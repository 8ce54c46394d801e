"""Checkpoints: files that an unfinished training is resumed from.

A checkpoint is a zip of .npy files, as numpy.savez writes it; one of them is JSON. They are not
compressed, so reading one takes no more memory than the file is long.
"""

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError, NewerVersionError, SettingsError
from textgen.sampling.network import weight_specs
from textgen.settings import Settings, resolve_settings
from textgen.text.vocabulary import Vocabulary

Arrays = Sequence[npt.NDArray[Any]]

_ABOUT = "about"
REMEDY = "start again with --force"


@dataclass(frozen=True)
class TrainingIdentity:
    """What identifies a training: two with equal identities are the same.

    Attributes:
        settings: All settings.
        vocabulary: The tokens it learns.
        text: The digest of the prepared corpus.
        init_from: The model directory that it began with, if any.
        automatic: Names of the settings that nobody chose, whose values follow from the text, the
            time and the device.
    """

    settings: Settings
    vocabulary: Vocabulary
    text: str
    init_from: str | None
    automatic: tuple[str, ...] = ()

    def parts(self) -> dict[str, object]:
        """Settings and `init_from` by name, those first that others may follow from."""
        settings = self.settings.by_name()
        first = ("time", "epochs", "cell", "units", "embedding", "batch_size", "maxlen")
        return {
            **{name: settings[name] for name in first},
            **settings,
            "init_from": self.init_from,
        }

    def check_sizes(self, weights: Arrays) -> None:
        """Raise `DamageError` where arrays are not weights of its network.

        Settings of a file may be huge: nothing is built before the file has arrays of their sizes.
        """
        specs = weight_specs(self.settings.model, self.vocabulary.size)
        if [array.shape for array in weights] != [spec.shape for spec in specs]:
            raise storage.DamageError("its weights are not those of its settings")


@dataclass(frozen=True)
class Snapshot:
    """The state of a training after a step.

    Attributes:
        seconds_left: What a training by time has left.
        state: Numbers, texts and lists of them, by name.
        arrays: Groups of arrays, by name.
    """

    seconds_left: float
    state: Mapping[str, Any]
    arrays: Mapping[str, Arrays]


@dataclass(frozen=True)
class Checkpoint:
    """All that a training is resumed from.

    Attributes:
        identity: What identifies it.
        prepared: The path of the prepared corpus; None for the model directory's cache.
        about: What the model directory records about corpus, versions and the command.
        snapshot: The state it was in.
    """

    identity: TrainingIdentity
    prepared: str | None
    about: Mapping[str, Any]
    snapshot: Snapshot


def difference(identity: TrainingIdentity, recorded: TrainingIdentity) -> str | None:
    """The name of something in which two identities differ; None where they are the same.

    What nobody chose either time does not count: another device may want another size.
    """
    if identity.text != recorded.text:
        return "corpus"
    if identity.init_from != recorded.init_from:  # which decides on the vocabulary and the sizes
        return "init_from"
    if identity.vocabulary != recorded.vocabulary:
        return "corpus"
    values, recorded_values = identity.parts(), recorded.parts()
    ignored = set(identity.automatic) & set(recorded.automatic)
    # A setting that the version which started it did not have, or did not choose, counts only if
    # the user chooses it now.
    defaults = {**resolve_settings({}).by_name(), **Settings.legacy_defaults()}
    ignored |= {name for name in identity.automatic if recorded_values[name] == defaults[name]}
    differing = (name for name in values if values[name] != recorded_values[name])
    return next((name for name in differing if name not in ignored), None)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace a checkpoint; the one before stays until this one is complete.

    Raises:
        OSError: the disk is full, or the directory cannot be written.
    """
    identity, snapshot = checkpoint.identity, checkpoint.snapshot
    about = {
        "settings": identity.settings.to_json(),
        "vocabulary": identity.vocabulary.to_bytes().decode(),
        "text": identity.text,
        "init_from": identity.init_from,
        "suited": list(identity.automatic),
        "prepared": checkpoint.prepared,
        "about": dict(checkpoint.about),
        "left": snapshot.seconds_left,
        "figures": dict(snapshot.state),
    }
    arrays = {
        f"{group}.{number}": np.asarray(array, order="C")
        for group, members in snapshot.arrays.items()
        for number, array in enumerate(members)
    }
    members = {_ABOUT: np.frombuffer(json.dumps(about).encode("ascii"), np.uint8), **arrays}
    content = io.BytesIO()
    np.savez(content, **members)  # type: ignore[arg-type]
    # Where writing fails, Python 3.12.1 would crash at exit on a view that nothing released.
    with content.getbuffer() as data:
        storage.write_atomic(path, data)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file.

    Raises:
        ModelError: it is damaged, or no checkpoint.
    """
    try:
        if not path.is_file():
            raise storage.DamageError("not an ordinary file")
        checkpoint = _parse_checkpoint(*_read_archive(path))
        _check_checkpoint(checkpoint)
    except NewerVersionError as error:
        raise ModelError(f"{path}: {error}, or {REMEDY}") from error
    except (*storage.DAMAGE_ERRORS, SettingsError) as error:
        problem = storage.describe_damage(error)
        raise ModelError(
            f"{path}: not a checkpoint that textgen wrote ({problem}); {REMEDY}"
        ) from error
    return checkpoint


def _read_archive(path: Path) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """The JSON object in a checkpoint, and its groups of arrays."""
    groups: dict[str, list[npt.NDArray[Any]]] = {}
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        # Members that overlap, or one listed many times, would be more than the file.
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise storage.DamageError("members larger than the file")
        if f"{_ABOUT}.npy" not in names:
            raise storage.DamageError(f"{_ABOUT}.npy is missing")
        about = storage.parse_json(_array(archive, f"{_ABOUT}.npy").tobytes(), dict)
        for name in names:
            group, dot, _ = name.removesuffix(".npy").partition(".")
            if dot:
                groups.setdefault(group, []).append(_array(archive, name))
    return about, dict(groups)


def _parse_checkpoint(data: dict[str, Any], groups: Mapping[str, Arrays]) -> Checkpoint:
    """The checkpoint that `write_checkpoint` wrote as a JSON object and groups of arrays."""
    about = storage.get_item(data, "about", dict)
    version = storage.get_item(about, "versions", dict).get("textgen")
    for name in ("init_from", "prepared"):
        if name not in data or not isinstance(data[name], str | None):
            raise storage.DamageError(f"{name} must be a path or null")
    identity = TrainingIdentity(
        Settings.from_json(storage.get_item(data, "settings", dict), version),
        Vocabulary.from_bytes(storage.get_item(data, "vocabulary", str).encode()),
        storage.get_item(data, "text", str),
        data["init_from"],
        tuple(map(str, storage.get_item(data, "suited", list))),
    )
    left = data.get("left")
    if isinstance(left, bool) or not isinstance(left, int | float):
        raise storage.DamageError("left must be a number of seconds")
    snapshot = Snapshot(float(left), storage.get_item(data, "figures", dict), groups)
    return Checkpoint(identity, data["prepared"], about, snapshot)


def _check_checkpoint(checkpoint: Checkpoint) -> None:
    """Raise `DamageError` where parts of a checkpoint do not agree."""
    identity, snapshot = checkpoint.identity, checkpoint.snapshot
    identity.check_sizes(snapshot.arrays.get("best", ()))
    if not -math.inf < snapshot.seconds_left <= identity.settings.training.time:
        raise storage.DamageError("more time is left than there was")


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of the archive, whose size follows from what is there, not from what it says."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise storage.DamageError(f"{name} is compressed")
    with archive.open(name) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise storage.DamageError(f"{name} is of another format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype.kind not in "fiu":
            raise storage.DamageError(f"{name} is not a plain array")
        return np.frombuffer(file.read(), dtype).reshape(shape)
