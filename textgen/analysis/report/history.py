"""Losses and samples as training recorded them.

Knows what stands in a model's history; knows nothing of what is shown of it. A history comes from
a file, which may be a stranger's, so every part of it is checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from textgen import storage
from textgen.errors import ModelError
from textgen.model.paths import MODEL_KIND

Point = tuple[float, float]

_MOST = 1e15  # steps, seconds or nats: more than any training has


@dataclass(frozen=True)
class Sample:
    """A text that the network wrote while it was trained."""

    temperature: float
    seed: str
    text: str


@dataclass(frozen=True)
class Moment:
    """What the network wrote at a point of its training.

    Attributes:
        epoch: How many times the text was read so far.
        loss: Of validation or, where there was none, of training; in nats per character.
        samples: One for each temperature.
    """

    epoch: float
    loss: float
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Entry:
    """What one report of a training recorded.

    Attributes:
        epoch: How many times the text was read so far.
        seconds: Time since the first step.
        loss: Of training, in nats per character.
        validation_loss: None without a validation part.
        samples: Texts drawn then.
    """

    epoch: float
    seconds: float
    loss: float
    validation_loss: float | None
    samples: tuple[Sample, ...]

    @property
    def judged(self) -> float:
        """The loss by which the best weights were chosen."""
        return self.loss if self.validation_loss is None else self.validation_loss


@dataclass(frozen=True)
class History:
    """A training as it went.

    Attributes:
        training: Passes over the text and training loss, a few hundred points.
        entries: The reports, in order.
        moments: What the network wrote before the first report and at each, in order.
    """

    training: tuple[Point, ...] = ()
    entries: tuple[Entry, ...] = ()
    moments: tuple[Moment, ...] = ()

    @property
    def validation(self) -> tuple[Point, ...]:
        """Passes over the text and validation loss."""
        return tuple(
            (entry.epoch, entry.validation_loss)
            for entry in self.entries
            if entry.validation_loss is not None
        )

    @property
    def best(self) -> Entry | None:
        """The report whose weights were kept; None where nothing is recorded."""
        return min(self.entries, key=lambda entry: entry.judged, default=None)


def read(history: dict[str, Any], name: object) -> History:
    """A history from what a model directory holds.

    Args:
        history: `epochs`, `steps` and `samples`, as training wrote them; any may be missing.
        name: The model's name, for the message.

    Raises:
        ModelError: it is not what training writes.

    Example:
        >>> read({}, "model").best is None
        True
    """
    try:
        entries = tuple(_entry(entry) for entry in history.get("epochs", []))
        steps = [(_number(step), _number(loss)) for step, loss in history.get("steps", [])]
        drawn = (*_glimpses(history.get("samples", [])), *_moments(entries))
        moments = tuple(sorted(drawn, key=lambda one: one.epoch))
    except storage.DAMAGE_ERRORS as error:
        raise ModelError(f"{name}: damaged history.json ({error}); {MODEL_KIND.remedy}") from error
    if not (entries and steps and steps[-1][0] >= 1):
        return History((), entries, moments)
    # The last loss was recorded at the last report, within a thousandth of the whole.
    passes = entries[-1].epoch / steps[-1][0]
    return History(tuple((step * passes, loss) for step, loss in steps), entries, moments)


def _entry(entry: dict[str, Any]) -> Entry:
    validation = entry["validation_loss"]
    return Entry(
        _number(entry["epoch"]),
        _number(entry["seconds"]),
        _number(entry["loss"]),
        None if validation is None else _number(validation),
        tuple(_sample(one) for one in entry.get("samples", [])),
    )


def _glimpses(samples: list[dict[str, Any]]) -> Iterator[Moment]:
    """The samples of each point together."""
    for (epoch, loss), same in groupby(samples, key=lambda one: (one["epoch"], one["loss"])):
        yield Moment(_number(epoch), _number(loss), tuple(map(_sample, same)))


def _moments(entries: Iterable[Entry]) -> Iterator[Moment]:
    return (Moment(one.epoch, one.judged, one.samples) for one in entries if one.samples)


def _sample(one: dict[str, Any]) -> Sample:
    return Sample(_number(one["temperature"]), _text(one["seed"]), _text(one["text"]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    value.encode("utf-8")  # half a surrogate pair cannot be written
    return value
