"""A training on disk, so that it can go on where it was.

Knows one file of JSON and plain arrays, and what a training was asked; knows nothing of Keras or
of how training goes on. The file is a zip of .npy files that are not compressed, as numpy.savez
makes it, so that what it takes in memory is no more than its own size.
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
from textgen.settings import Settings
from textgen.text.vocabulary import Vocabulary

Arrays = Sequence[npt.NDArray[Any]]

_ABOUT = "about"
REMEDY = "start again with --force"


@dataclass(frozen=True)
class Request:
    """What a training was asked; where all of it is equal, it is the same training.

    Attributes:
        settings: All settings.
        vocabulary: The characters it learns.
        text: What the prepared corpus's text is known by.
        init_from: The model directory that it began with, if any.
        suited: Names of the settings that nobody chose: whichever suit the text, the time and the
            device.
    """

    settings: Settings
    vocabulary: Vocabulary
    text: str
    init_from: str | None
    suited: tuple[str, ...] = ()

    def parts(self) -> dict[str, object]:
        """Settings and `init_from` by name: what was asked for first, then what may only follow."""
        settings = self.settings.by_name()
        first = ("time", "epochs", "cell", "units", "embedding", "batch_size", "maxlen")
        return {
            **{name: settings[name] for name in first},
            **settings,
            "init_from": self.init_from,
        }

    def check_sizes(self, weights: Arrays) -> None:
        """Raise `ValueError` where arrays are not weights of the network that is asked for.

        Nothing is made in the sizes of the settings before they are known to be those of a file.
        """
        specs = weight_specs(self.settings.model, self.vocabulary.size)
        if [array.shape for array in weights] != [spec.shape for spec in specs]:
            raise ValueError("its weights are not those of its settings")


@dataclass(frozen=True)
class Snapshot:
    """Where a training is.

    Attributes:
        left: Seconds that a training by time has left.
        figures: Numbers, texts and lists of them, by name.
        arrays: Groups of arrays, by name.
    """

    left: float
    figures: Mapping[str, Any]
    arrays: Mapping[str, Arrays]


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on.

    Attributes:
        request: What was asked.
        prepared: Where the prepared corpus is; None for the model directory's cache.
        about: What the model directory is to say about sources, versions and the command.
        snapshot: Where it was.
    """

    request: Request
    prepared: str | None
    about: Mapping[str, Any]
    snapshot: Snapshot


def differing(asked: Request, kept: Request) -> str | None:
    """The name of something in which two requests differ; None where they are the same.

    What nobody chose either time does not count: another device may want another size.
    """
    if asked.text != kept.text:
        return "corpus"
    if asked.init_from != kept.init_from:  # which the vocabulary and the sizes follow from
        return "init_from"
    if asked.vocabulary != kept.vocabulary:
        return "corpus"
    ours, theirs = asked.parts(), kept.parts()
    free = set(asked.suited) & set(kept.suited)
    # Nor does a setting that the version which began it did not have, unless it is chosen now.
    before = Settings.legacy_defaults()
    free |= {name for name in asked.suited if name in before and theirs[name] == before[name]}
    return next((name for name in ours if name not in free and ours[name] != theirs[name]), None)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in the place of the one before, which stays until this one is whole.

    Raises:
        OSError: the disk is full, or the directory cannot be written.
    """
    request, snapshot = checkpoint.request, checkpoint.snapshot
    about = {
        "settings": request.settings.to_json(),
        "vocabulary": request.vocabulary.to_bytes().decode(),
        "text": request.text,
        "init_from": request.init_from,
        "suited": list(request.suited),
        "prepared": checkpoint.prepared,
        "about": dict(checkpoint.about),
        "left": snapshot.left,
        "figures": dict(snapshot.figures),
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


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file.

    Raises:
        ModelError: it is damaged, or something else.
    """
    try:
        groups: dict[str, list[npt.NDArray[Any]]] = {}
        if not path.is_file():
            raise ValueError("not an ordinary file")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            # Members that overlap, or one listed many times, would be more than the file.
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise ValueError("members larger than the file")
            about = json.loads(_array(archive, f"{_ABOUT}.npy").tobytes())
            for name in names:
                group, dot, _ = name.removesuffix(".npy").partition(".")
                if dot:
                    groups.setdefault(group, []).append(_array(archive, name))
        request = Request(
            Settings.from_json(about["settings"], about["about"]["versions"].get("textgen")),
            Vocabulary.from_bytes(about["vocabulary"].encode()),
            about["text"],
            about["init_from"],
            tuple(map(str, about["suited"])),
        )
        snapshot = Snapshot(float(about["left"]), about["figures"], groups)
        if not isinstance(about["prepared"], str | None):
            raise TypeError("prepared is not a path")
        for name, value in (
            ("about", about["about"]),
            ("versions", about["about"]["versions"]),
            ("figures", about["figures"]),
        ):
            if not isinstance(value, dict):
                raise TypeError(f"{name} is not an object")
        request.check_sizes(groups.get("best", ()))
        if not -math.inf < snapshot.left <= request.settings.training.time:
            raise ValueError("more time is left than there was")
        return Checkpoint(request, about["prepared"], about["about"], snapshot)
    except NewerVersionError as error:
        raise ModelError(f"{path}: {error}, or {REMEDY}") from error
    except (*storage.DAMAGE_ERRORS, SettingsError) as error:
        raise ModelError(f"{path}: not a checkpoint that textgen wrote ({error}); {REMEDY}") from (
            error
        )


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of the archive, whose size follows from what is there, not from what it says."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(name) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is of another format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype.kind not in "fiu":
            raise ValueError(f"{name} is not a plain array")
        return np.frombuffer(file.read(), dtype).reshape(shape)
