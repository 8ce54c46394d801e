"""Losses and samples as training recorded them.

A history comes from a file that anyone may have written, so every part of it is checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.model.paths import HISTORY, MODEL_KIND
from textgen.text.vocabulary import check_text

CurvePoint = tuple[float, float]

_MAX_NUMBER = 1e15  # steps, seconds or nats: more than any training has


@dataclass(frozen=True)
class RecordedSample:
    """A text that the network generated while it was trained.

    Attributes:
        temperature: Its temperature.
        seed: What it starts from.
        text: What follows.
        labels: The labels of a document, for people.
    """

    temperature: float
    seed: str
    text: str
    labels: str = ""


@dataclass(frozen=True)
class SamplePoint:
    """The samples of a point in training.

    Attributes:
        epoch: How many times the text was read so far.
        loss: Validation loss or, without one, training loss; in nats per character.
        samples: One for each temperature.
    """

    epoch: float
    loss: float
    samples: tuple[RecordedSample, ...]


@dataclass(frozen=True)
class RecordedValidation:
    """What training recorded when it validated.

    Attributes:
        epoch: How many times the text was read so far.
        seconds: Time since the first step.
        loss: Training loss in nats per character.
        validation_loss: None without a validation part.
        samples: Texts generated then.
    """

    epoch: float
    seconds: float
    loss: float
    validation_loss: float | None
    samples: tuple[RecordedSample, ...]

    @property
    def selection_loss(self) -> float:
        """The loss by which the best weights were chosen."""
        return self.loss if self.validation_loss is None else self.validation_loss


@dataclass(frozen=True)
class History:
    """The course of a training.

    Attributes:
        training_curve: Epochs and training losses, a few hundred points.
        validations: In order.
        sample_points: The samples before the first validation and of each one, in order.
    """

    training_curve: tuple[CurvePoint, ...] = ()
    validations: tuple[RecordedValidation, ...] = ()
    sample_points: tuple[SamplePoint, ...] = ()

    @property
    def validation_curve(self) -> tuple[CurvePoint, ...]:
        """Epochs and validation losses."""
        return tuple(
            (point.epoch, point.validation_loss)
            for point in self.validations
            if point.validation_loss is not None
        )

    @property
    def best(self) -> RecordedValidation | None:
        """The validation whose weights the model has; None if nothing is recorded."""
        return min(self.validations, key=lambda point: point.selection_loss, default=None)


def parse_history(history: dict[str, Any], model: str | Path) -> History:
    """The history in a model directory's record.

    Args:
        history: `epochs`, `steps` and `samples`, as training writes them; any may be missing.
        model: The model directory, for the message.

    Raises:
        ModelError: it is not what training writes.

    Example:
        >>> parse_history({}, "model").best is None
        True
    """
    path = Path(model) / HISTORY
    with storage.report_damage(path, MODEL_KIND.error, MODEL_KIND.remedy):
        validations = tuple(map(_validation, storage.get_item(history, "epochs", list, [])))
        steps = [(_number(step), _number(loss)) for step, loss in history.get("steps", [])]
        points = (*_early_samples(history.get("samples", [])), *_samples_of(validations))
        sample_points = tuple(sorted(points, key=lambda point: point.epoch))
    if not (validations and steps and steps[-1][0] >= 1):
        return History((), validations, sample_points)
    # The last loss was recorded at the last validation, within a thousandth of the training.
    epochs_per_step = validations[-1].epoch / steps[-1][0]
    curve = tuple((step * epochs_per_step, loss) for step, loss in steps)
    return History(curve, validations, sample_points)


def _validation(entry: dict[str, Any]) -> RecordedValidation:
    validation = entry["validation_loss"]
    return RecordedValidation(
        _number(entry["epoch"]),
        _number(entry["seconds"]),
        _number(entry["loss"]),
        None if validation is None else _number(validation),
        tuple(_sample(sample) for sample in entry.get("samples", [])),
    )


def _early_samples(samples: list[dict[str, Any]]) -> Iterator[SamplePoint]:
    """The samples before the first validation, those of each point together."""
    points = groupby(samples, key=lambda sample: (sample["epoch"], sample["loss"]))
    for (epoch, loss), group in points:
        yield SamplePoint(_number(epoch), _number(loss), tuple(map(_sample, group)))


def _samples_of(validations: Iterable[RecordedValidation]) -> Iterator[SamplePoint]:
    for point in validations:
        if point.samples:
            yield SamplePoint(point.epoch, point.selection_loss, point.samples)


def _sample(sample: dict[str, Any]) -> RecordedSample:
    labels = storage.get_item(sample, "labels", dict, {})
    return RecordedSample(
        _number(sample["temperature"]),
        _text(sample["seed"]),
        _text(sample["text"]),
        ", ".join(f"{_text(name)}: {_text(value)}" for name, value in labels.items()),
    )


def _number(value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < _MAX_NUMBER
    ):
        raise storage.DamageError(f"{value!r} is not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise storage.DamageError(f"{value!r} is not a text")
    check_text(value)
    return value
