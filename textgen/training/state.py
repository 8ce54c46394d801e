"""Where a training is: everything that a checkpoint saves and a resumed training restores."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

from textgen import storage
from textgen.errors import TrainingError
from textgen.settings import TrainConfig
from textgen.training import events
from textgen.training.loss_curve import LossCurve

_CURVE_POINTS = 1000  # training losses recorded, at most


@dataclass(frozen=True)
class PendingStep:
    """A step whose loss is not read yet, and where the training was after it.

    Attributes:
        loss: The loss; `float` waits for it.
        number: Steps so far, with this one.
        epoch: How many times the text was read so far.
        fraction_done: The share of the training that is done, 0 to 1.
        characters: Characters that the step read, of all processes.
        targets: Targets that it had, of all processes.
        characters_per_token: Of these targets.
    """

    loss: SupportsFloat
    number: int
    epoch: float
    fraction_done: float
    characters: int
    targets: int
    characters_per_token: float = 1.0

    def read_loss(self, reduction: str) -> float:
        """The mean loss in nats per character; waits for the step to end."""
        loss = float(self.loss) / self.characters_per_token
        return loss / self.targets if reduction == "sum" else loss


def _empty_history() -> dict[str, list[Any]]:
    return {"epochs": [], "steps": [], "samples": []}


@dataclass
class TrainingState:
    """Where a training is.

    Attributes:
        loss_curve: The training loss so far.
        precision: What the recurrent layers compute in.
        steps: Steps so far.
        seconds: Time since the first step began, without what passed between two runs.
        validation_tokens: How many of the validation text are read; 0 without one.
        budget: What a resumed training makes its budget from.
        curve_points: Points of the loss curve so far.
        early_samples: Early samples so far.
        history: `epochs`: an object for each validation; `steps`: pairs of a step and the mean
            loss since the pair before, or the moving average; `samples`: those drawn before the
            first validation. Losses in nats per character.
        best_epoch: How many times the text had been read when the loss was lowest.
        best_loss: That validation loss, or training loss without a validation part.
        since_best: Validations since then.
        unsaved: Whether the best weights may be better than those in the model directory.
        reason: Why training ended: `done`, `patience` or `stopped`.
    """

    loss_curve: LossCurve
    precision: str
    steps: int = 0
    seconds: float = 0.0
    validation_tokens: int = 0
    budget: dict[str, float] = field(default_factory=dict)
    curve_points: int = 0
    early_samples: int = 0
    history: dict[str, list[Any]] = field(default_factory=_empty_history)
    best_epoch: float = 0
    best_loss: float = math.inf
    since_best: int = 0
    unsaved: bool = True
    reason: str = "done"

    def add_loss(self, loss: float, step: PendingStep) -> float:
        """Add the loss of a step; gives the loss that is shown."""
        shown = self.loss_curve.add(loss)
        if (points := int(step.fraction_done * _CURVE_POINTS)) > self.curve_points:
            self.curve_points = points
            self.history["steps"].append([step.number, self.loss_curve.next_point()])
        return shown

    def update_best(self, loss: float, epoch: float) -> bool:
        """Count a validation; gives whether its loss is the lowest so far."""
        improved = loss < self.best_loss
        if improved:
            self.best_epoch, self.best_loss, self.unsaved = epoch, loss, True
        self.since_best = 0 if improved else self.since_best + 1
        return improved

    def record(self, done: events.Validated, samples: Sequence[events.Sample]) -> None:
        """Add a validation to the history."""
        entry = {**vars(done), "samples": [vars(sample) for sample in samples]}
        self.history["epochs"].append(entry)

    def to_json(self) -> dict[str, Any]:
        """The state by the names that it has in checkpoints."""
        return {
            "steps": self.steps,
            "precision": self.precision,
            "seconds": self.seconds,
            "clock": self.budget,
            "curve": self.loss_curve.to_json(),
            "points": self.curve_points,
            "glimpses": self.early_samples,
            "validated": self.validation_tokens,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "since_best": self.since_best,
        }

    def restore(self, data: Mapping[str, Any], budget: Sequence[str]) -> None:
        """Restore the state from a checkpoint; precision and validation text are chosen before.

        Args:
            data: As from `to_json`, perhaps of an untrusted file.
            budget: The names of what `budget` holds.

        Raises:
            LookupError, TypeError, ValueError, OverflowError, AttributeError: something is missing
                or is not what it should be.
        """
        self.steps = int(_number(data, "steps"))
        self.seconds = _number(data, "seconds")
        self.curve_points = int(_number(data, "points"))
        self.early_samples = int(_number(data, "glimpses"))
        curve = dict(enumerate(data["curve"]))
        if len(curve) != len(self.loss_curve.to_json()):
            raise storage.DamageError("the loss curve has other parts")
        self.loss_curve.restore(*(_number(curve, index) for index in curve))
        self.history = {name: list(data["history"][name]) for name in self.history}
        self.best_epoch = _number(data, "best_epoch")
        self.best_loss = _number(data, "best_loss", at_most=math.inf)  # before any validation
        self.since_best = int(_number(data, "since_best"))
        # The process may have ended before it saved them.
        self.unsaved = math.isfinite(self.best_loss)
        self.budget = {name: _number(data["clock"], name) for name in budget}


def check_loss(loss: float, step: int, config: TrainConfig, state: TrainingState) -> None:
    """Raise `TrainingError` where the loss after a step is not a number any more."""
    if math.isfinite(loss):
        return
    clipping = "" if 0 < config.clip_norm <= 1 else ", or --clip-norm 1"
    best = "; the best model so far is kept" if math.isfinite(state.best_loss) else ""
    raise TrainingError(
        f"the loss is {loss} after step {step:,}: training diverged; try again with --force "
        f"and a --learning-rate below {config.learning_rate:g}{clipping}{best}"
    )


def _number(data: Any, name: Any, at_most: float = sys.float_info.max) -> float:
    """A number of an untrusted checkpoint: none is less than zero."""
    try:
        number = float(data[name])
    except (LookupError, TypeError, ValueError, OverflowError):
        raise storage.DamageError(f"{name} is missing or not a number") from None
    if not 0 <= number <= at_most:
        raise storage.DamageError(f"{name} is {number}")
    return number
