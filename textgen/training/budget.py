"""How much of a training is done, when it is validated and when it ends.

A training ends after a number of epochs (`EpochBudget`) or just before a deadline (`TimeBudget`).
Several processes must decide alike at the same step, so the loop asks a `SynchronizedBudget`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from textgen.distributed.communicator import Communicator

_VALIDATIONS = 10  # in a training by time, at most
_VALIDATION_INTERVAL = 80  # times as long as a validation takes, from one to the next, at least
_EXCHANGE_INTERVAL = 0.25  # seconds between two exchanges of several processes
_SHORTEST_STEP, _STEPS_AT_MOST = 1e-4, 1000  # between two exchanges of several processes


class Budget(Protocol):
    """How much training there is."""

    def step_done(self) -> None:
        """Count a step."""

    def fraction_done(self) -> float:
        """The completed share of the training, 0 to 1."""

    def is_over(self) -> bool:
        """Whether to end, with a last validation."""

    def validation_due(self) -> bool:
        """Whether to validate now."""

    def validated(self, seconds: float) -> None:
        """Count a validation that took so many seconds, with samples and saving."""

    def to_json(self) -> dict[str, float]:
        """What a resumed training needs to continue the budget, by the names in checkpoints."""


class EpochBudget:
    """A training of some epochs, with a validation after each.

    Args:
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs in all.
        steps: Steps done in earlier runs.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, steps: int = 0):
        self._steps_per_epoch, self._steps = steps_per_epoch, steps
        self._all_steps = steps_per_epoch * epochs

    def step_done(self) -> None:
        self._steps += 1

    def fraction_done(self) -> float:
        return self._steps / self._all_steps

    def is_over(self) -> bool:
        return self._steps >= self._all_steps

    def validation_due(self) -> bool:
        return self._steps % self._steps_per_epoch == 0

    def validated(self, seconds: float) -> None:
        pass

    def to_json(self) -> dict[str, float]:
        return {}


class TimeBudget:
    """A training that ends, after a last validation, just before a deadline.

    Args:
        deadline: In seconds of time.monotonic().
        validation_seconds: How long a validation takes, with samples and saving.
        earlier: What `to_json` gave in an earlier run; empty for a new training.
    """

    FIELDS = ("used", "since_report", "report", "cost")  # of `to_json`

    def __init__(
        self,
        deadline: float,
        validation_seconds: float,
        earlier: Mapping[str, float] | None = None,
    ):
        earlier = earlier or dict.fromkeys(self.FIELDS, 0.0)
        self._deadline = deadline
        self._last_step = time.monotonic()
        self._start = self._last_step - earlier["used"]
        self._last_validation = self._last_step - earlier["since_report"]
        self._steps, self._step_seconds = 0, 0.0  # the latter is smoothed
        # The device may be slower than that of the earlier run.
        self._validation_seconds = max(validation_seconds, earlier["report"])
        self._least_validation_seconds = earlier["cost"]  # 0 before the first

    def to_json(self) -> dict[str, float]:
        now = time.monotonic()
        return {
            "used": now - self._start,
            "since_report": now - self._last_validation,
            "report": self._validation_seconds,
            "cost": self._least_validation_seconds,
        }

    def step_done(self) -> None:
        now = time.monotonic()
        seconds, self._last_step = now - self._last_step, now
        self._steps += 1
        if self._steps > 1:  # the first step builds the network's operations and is slow
            past = 0.9 if self._step_seconds else 0.0
            self._step_seconds = past * self._step_seconds + (1 - past) * seconds

    def fraction_done(self) -> float:
        span = self._deadline - self._validation_seconds - self._start
        return min(1.0, (time.monotonic() - self._start) / max(span, 1e-9))

    def is_over(self) -> bool:
        return time.monotonic() + self._step_seconds + self._validation_seconds >= self._deadline

    def validation_due(self) -> bool:
        now = time.monotonic()
        interval = max(
            (self._deadline - self._start) / _VALIDATIONS,
            _VALIDATION_INTERVAL * self._least_validation_seconds,
        )
        return now - self._last_validation >= interval and self._deadline - now > interval / 2

    def validated(self, seconds: float) -> None:
        self._validation_seconds = seconds
        # The machine may have been busy with something else during one of them.
        self._least_validation_seconds = min(seconds, self._least_validation_seconds or seconds)
        self._last_validation = self._last_step = time.monotonic()


@dataclass(frozen=True)
class Decision:
    """What follows a step; the same in all processes.

    Attributes:
        over: Whether the budget is used up: training ends after a validation.
        due: Whether the budget asks for a validation, also because it is used up.
        stopped: Whether a process was asked to stop: training ends after a validation.
        checkpoint_due: Whether the main process wants to write a checkpoint.
    """

    over: bool = False
    due: bool = False
    stopped: bool = False
    checkpoint_due: bool = False

    @property
    def validate(self) -> bool:
        return self.due or self.stopped


class SynchronizedBudget:
    """A budget on which all processes agree.

    What must be the same for all is exchanged every quarter of a second, at the same step in all
    processes; a single process does so after every step.

    Args:
        budget: This process's.
        communicator: The processes.
        stop: Whether this process is asked to stop.
        checkpoint_due: Whether this process wants to write a checkpoint.
    """

    def __init__(
        self,
        budget: Budget,
        communicator: Communicator,
        stop: Callable[[], object],
        checkpoint_due: Callable[[], bool],
    ):
        self._budget, self._communicator = budget, communicator
        self._interval = _EXCHANGE_INTERVAL if communicator.in_lockstep else 0.0
        self._ask_stop, self._ask_checkpoint = stop, checkpoint_due
        self._is_exact = isinstance(budget, EpochBudget)  # it says the same in every process
        self._steps, self._exchanged_at = 0, time.monotonic()
        self._exchange(stop=False, checkpoint_due=False)

    def _exchange(self, *, stop: bool, checkpoint_due: bool) -> None:
        now, budget = time.monotonic(), self._budget
        step_seconds = max((now - self._exchanged_at) / max(self._steps, 1), _SHORTEST_STEP)
        steps = min(max(self._interval / step_seconds, 1), _STEPS_AT_MOST) if self._steps else 1
        self._exchanged_at, self._steps = now, 0
        answers = budget.fraction_done(), budget.is_over(), budget.validation_due()
        gathered = self._communicator.all_gather(stop, int(steps), *answers, checkpoint_due)
        self._stop = bool(gathered[:, 0].any())
        main = gathered[0]
        self._steps_to_exchange, self._fraction_done = int(main[1]), float(main[2])
        self._is_over, self._validation_due = bool(main[3]), bool(main[4])
        self._checkpoint_due = bool(main[5])

    def step_done(self) -> None:
        """Count a step."""
        self._budget.step_done()
        self._steps += 1

    def decide(self) -> Decision:
        """What follows the step that was counted last."""
        checkpoint_due = False  # but after the step at which all agreed
        if self._steps >= self._steps_to_exchange:
            self._exchange(stop=bool(self._ask_stop()), checkpoint_due=self._ask_checkpoint())
            checkpoint_due = self._checkpoint_due
        over = self._budget.is_over() if self._is_exact else self._is_over
        due = self._budget.validation_due() if self._is_exact else self._validation_due
        return Decision(over, over or due, self._stop and not over, checkpoint_due)

    def fraction_done(self) -> float:
        """The completed share of the training, 0 to 1."""
        return self._budget.fraction_done() if self._is_exact else self._fraction_done

    def validated(self, seconds: float) -> None:
        """Count a validation that took so many seconds, with samples and saving."""
        self._budget.validated(seconds)
        self._validation_due, self._exchanged_at = False, time.monotonic()
        self._steps, self._steps_to_exchange = 0, 1

    def to_json(self) -> dict[str, float]:
        """What a resumed training needs to continue the budget, by the names in checkpoints."""
        return self._budget.to_json()
