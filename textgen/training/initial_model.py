"""The model that a training begins with: which one that is, and what is recorded of it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import ModelError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.paths import MODEL, MODEL_KIND
from textgen.model.starters import (
    find_initial_model,
    find_model,
    list_starters,
    read_starter_fingerprint,
    starter_name,
    starter_path,
)
from textgen.settings import PRESETS
from textgen.training import starter_check
from textgen.training.data import TrainingData
from textgen.training.events import StarterChecked
from textgen.training.job import Job

AUTO = "auto"  # for --init-from: a starter if it knows the language of the corpus
_SHAPE = ("cell", "units", "embedding")


@dataclass(frozen=True)
class InitialModel:
    """A model that a training begins with.

    Attributes:
        name: How the user named it: a path, or the name of a starter.
        directory: Its model directory.
        model: The model.
        fingerprint: As from `read_starter_fingerprint`.
    """

    name: str
    directory: Path
    model: TrainedModel
    fingerprint: bytes | None

    @classmethod
    def open(cls, name: str | Path) -> "InitialModel":
        """Read a model.

        Args:
            name: A model directory, or the name of a starter.

        Raises:
            ModelError: there is none, or it is damaged.
        """
        directory = find_initial_model(name)
        return cls(str(name), directory, read_model(directory), read_starter_fingerprint(directory))

    def shape(self, preset: str | None) -> dict[str, Any]:
        """Its shape, as options, unless a preset chooses another one."""
        preset_values = PRESETS.get(preset or "", {})
        return {name: preset_values.get(name, value) for name, value in self._shape.items()}

    def has_shape(self, values: Mapping[str, Any]) -> bool:
        """Whether settings that were chosen, by name, agree with its shape."""
        return all(values.get(name, value) == value for name, value in self._shape.items())

    @property
    def _shape(self) -> dict[str, Any]:
        config = self.model.record.settings.model
        return {name: getattr(config, name) for name in _SHAPE}

    def to_json(self) -> dict[str, Any]:
        """What settings.json records of it; `starter` is the one that it is or descends from."""
        starter = starter_name(self.directory)
        before = self.model.record.about.get("init_from", {})
        return {
            "name": self.name,
            "starter": before.get("starter") if starter is None else starter,
            "sha256": storage.read_manifest(self.directory, MODEL_KIND)[MODEL]["sha256"],
        }


def is_auto(init_from: str | Path | None) -> bool:
    """Whether the user leaves the choice to textgen. A directory of that name takes precedence."""
    return str(init_from) == AUTO and not Path(AUTO).exists()


def offers_starter(job: Job, characters: int) -> bool:
    """Whether a starter may be offered to the user.

    Args:
        job: What the user asks for: no certain network, and nothing to start from.
        characters: Of the training text.
    """
    chosen = job.init_from is not None or job.preset is not None or {*_SHAPE} & {*job.options}
    return characters < starter_check.SHORT_TEXT and not chosen and job.cluster is None


def check_starters(
    data: TrainingData, values: Mapping[str, Any], *, requested: bool
) -> tuple[StarterChecked | None, InitialModel | None]:
    """Find the starter that knows the language of a corpus best.

    Args:
        data: The corpus, as ids of the vocabulary of the corpus.
        values: Settings that were chosen, by name.
        requested: Whether training begins with that starter if it knows the language.

    Returns:
        What there is to say about it, and the starter to begin with, if any.
    """
    best: tuple[starter_check.StarterCheck, InitialModel] | None = None
    for name in list_starters():
        starter = InitialModel.open(starter_path(name))
        if not starter.has_shape(values):
            continue
        check = starter_check.check_starter(starter.model, data)
        if best is None or check.loss < best[0].loss:
            best = check, starter
    if best is None:
        return (StarterChecked(requested=True) if requested else None), None
    check, starter = best
    if not (requested or check.knows_language):
        return None, None
    name = starter.directory.name
    found = StarterChecked(
        requested=requested,
        starter=name,
        knows_language=check.knows_language,
        loss=check.loss,
        ngram_loss=check.ngram_loss,
        expected_gain=starter_check.expected_gain(len(data.train)),
    )
    if not (requested and check.knows_language):
        return found, None
    return found, InitialModel(name, starter.directory, starter.model, starter.fingerprint)


def recover_fingerprint(init_from: str | None, directory: Path) -> bytes | None:
    """The fingerprint of the starter of a training that is resumed; None where it is lost.

    Args:
        init_from: What it began with, as its checkpoint says.
        directory: Its model directory.
    """
    if init_from is None:
        return None
    for path in (find_model(init_from), directory):
        with suppress(ModelError):
            if (fingerprint := read_starter_fingerprint(path)) is not None:
                return fingerprint
    return None
