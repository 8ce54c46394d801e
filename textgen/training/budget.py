"""How far a training is, when it is validated and when it ends.

A training ends after a number of epochs (`EpochBudget`) or just before a deadline (`TimeBudget`).
Either is asked after each step. Several processes must answer alike at the same step, so the loop
asks a `SynchronizedBudget`, which also knows whether any process was asked to stop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from textgen.distributed.communicator import Communicator

_VALIDATIONS = 10  # in a training by time, at most
_VALIDATION_INTERVAL = 80  # times as long as a validation takes, from one to the next, at least
_EXCHANGE_INTERVAL = 0.25  # seconds between two exchanges of several processes
_SHORTEST_STEP, _STEPS_AT_MOST = 1e-4, 1000  # between two exchanges of several processes


@dataclass(frozen=True)
class EpochBudget:
    """A training of some epochs, with a validation after each.

    Attributes:
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs in all.
    """

    steps_per_epoch: int
    epochs: int

    def step_done(self) -> None:
        pass

    def share_done(self, steps: int) -> float:
        return steps / (self.steps_per_epoch * self.epochs)

    def is_over(self, steps: int) -> bool:
        return steps >= self.steps_per_epoch * self.epochs

    def validation_due(self, steps: int) -> bool:
        return steps % self.steps_per_epoch == 0

    def validated(self, seconds: float) -> None:
        pass

    def to_json(self) -> dict[str, float]:
        return {}


class TimeBudget:
    """A training that ends, after a last validation, just before a deadline.

    Args:
        deadline: In seconds of time.monotonic().
        report: Seconds that a validation takes, with samples and saving.
        used: Seconds that the training had in earlier runs.
        since_report: Seconds of them since the last validation.
        cost: The fewest seconds that a validation took; 0 before the first.
    """

    FIELDS = ("used", "since_report", "report", "cost")  # as checkpoints have them

    def __init__(
        self,
        deadline: float,
        report: float,
        used: float = 0.0,
        since_report: float = 0.0,
        cost: float = 0.0,
    ):
        self._deadline = deadline
        self._last_step = time.monotonic()
        self._start = self._last_step - used
        self._last_validation = self._last_step - since_report
        self._steps, self._step_seconds = 0, 0.0  # the latter is smoothed
        self._validation_seconds, self._least_validation_seconds = report, cost

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

    def share_done(self, steps: int) -> float:  # noqa: ARG002
        span = self._deadline - self._validation_seconds - self._start
        return min(1.0, (time.monotonic() - self._start) / max(span, 1e-9))

    def is_over(self, steps: int) -> bool:  # noqa: ARG002
        return time.monotonic() + self._step_seconds + self._validation_seconds >= self._deadline

    def validation_due(self, steps: int) -> bool:  # noqa: ARG002
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


class SynchronizedBudget:
    """A budget on which all processes agree.

    What must be the same for all is exchanged every quarter of a second, at the same step in all
    processes; a single process does so after every step.

    Args:
        budget: This process's.
        communicator: The processes.
        stop_requested: Whether this process is asked to stop.
        checkpoint_due: Whether this process wants to write a checkpoint.

    Attributes:
        stop_requested: Whether any process is asked to stop.
        checkpoint_due: Whether the main process wants to write a checkpoint after this step.
    """

    def __init__(
        self,
        budget: EpochBudget | TimeBudget,
        communicator: Communicator,
        stop_requested: Callable[[], object],
        checkpoint_due: Callable[[], bool],
    ):
        self._budget, self._communicator = budget, communicator
        self._interval = _EXCHANGE_INTERVAL if communicator.in_lockstep else 0.0
        self._ask_stop, self._ask_checkpoint = stop_requested, checkpoint_due
        self._is_exact = isinstance(budget, EpochBudget)  # it says the same in every process
        self._steps, self._exchanged_at = 0, time.monotonic()
        self._exchange(stop=False, checkpoint=False)

    def _exchange(self, *, stop: bool, checkpoint: bool) -> None:
        now = time.monotonic()
        step_seconds = max((now - self._exchanged_at) / max(self._steps, 1), _SHORTEST_STEP)
        steps = min(max(self._interval / step_seconds, 1), _STEPS_AT_MOST) if self._steps else 1
        self._exchanged_at, self._steps = now, 0
        answers = (0.0, False, False)
        if not self._is_exact:
            budget = self._budget
            answers = budget.share_done(0), budget.is_over(0), budget.validation_due(0)
        gathered = self._communicator.all_gather(stop, int(steps), *answers, checkpoint)
        self.stop_requested = bool(gathered[:, 0].any())
        main = gathered[0]
        self._steps_to_exchange, self._share_done = int(main[1]), float(main[2])
        self._is_over, self._validation_due = bool(main[3]), bool(main[4])
        self.checkpoint_due = bool(main[5])

    def step_done(self) -> None:
        """Count a step."""
        self._budget.step_done()
        self._steps += 1
        self.checkpoint_due = False  # it is written after the step at which all agreed
        if self._steps >= self._steps_to_exchange:
            self._exchange(stop=bool(self._ask_stop()), checkpoint=self._ask_checkpoint())

    def share_done(self, steps: int) -> float:
        """The share of the training that is done after so many steps, 0 to 1."""
        return self._budget.share_done(steps) if self._is_exact else self._share_done

    def is_over(self, steps: int) -> bool:
        """Whether to end, with a last validation."""
        return self._budget.is_over(steps) if self._is_exact else self._is_over

    def validation_due(self, steps: int) -> bool:
        """Whether to validate now."""
        return self._budget.validation_due(steps) if self._is_exact else self._validation_due

    def validated(self, seconds: float) -> None:
        """Count a validation that took so many seconds, with samples and saving."""
        self._budget.validated(seconds)
        self._validation_due, self._exchanged_at = False, time.monotonic()
        self._steps, self._steps_to_exchange = 0, 1

    def to_json(self) -> dict[str, float]:
        """What a training that is resumed later makes its budget from."""
        return self._budget.to_json()
