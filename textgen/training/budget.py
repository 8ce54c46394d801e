"""How far a training is, when it reports and when it is over.

Knows steps, seconds and shares of a training; knows nothing of models or data. A clock is told
of each step (`stepped`) and each report (`reported`); `done` says what share of the training is
over, `report_due` whether to validate and save now, `over` whether to end. What `state` gives is
what a clock of a training that goes on later is made with.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Exchange = Callable[..., Any]

_PARTS = 10  # reports in a training by time, at most
_COST = 80  # and between two of them at least this many times the time that one takes
_APART = 0.25  # seconds from hearing the other processes to hearing them again


@dataclass(frozen=True)
class ByEpochs:
    """A training of so many epochs, with a report after each.

    Attributes:
        steps: Steps of an epoch.
        epochs: Epochs in all.
    """

    steps: int
    epochs: int

    def stepped(self) -> None:
        pass

    def done(self, steps: int) -> float:
        return steps / (self.steps * self.epochs)

    def over(self, steps: int) -> bool:
        return steps >= self.steps * self.epochs

    def report_due(self, steps: int) -> bool:
        return steps % self.steps == 0

    def reported(self, seconds: float) -> None:
        pass

    def state(self) -> dict[str, float]:
        return {}


class ByTime:
    """A training that ends, with a last report, just before a deadline.

    Args:
        deadline: As time.monotonic() tells it.
        report: Seconds that a report takes.
        used: Seconds that the training has had before.
        since_report: Seconds of them since the last report.
        cost: The fewest that one took; 0 before the first.
    """

    STATE = ("used", "since_report", "report", "cost")

    def __init__(
        self,
        deadline: float,
        report: float,
        used: float = 0.0,
        since_report: float = 0.0,
        cost: float = 0.0,
    ):
        self._deadline = deadline
        self._last = time.monotonic()
        self._began, self._reported = self._last - used, self._last - since_report
        self._steps, self._step = 0, 0.0  # how many, and seconds of one, smoothed
        self._report, self._cost = report, cost

    def state(self) -> dict[str, float]:
        now = time.monotonic()
        return {
            "used": now - self._began,
            "since_report": now - self._reported,
            "report": self._report,
            "cost": self._cost,
        }

    def stepped(self) -> None:
        now = time.monotonic()
        taken, self._last = now - self._last, now
        self._steps += 1
        if self._steps > 1:  # the first step builds the network's operations and is slow
            self._step = 0.9 * self._step + 0.1 * taken if self._step else taken

    def done(self, steps: int) -> float:  # noqa: ARG002
        span = self._deadline - self._report - self._began
        return min(1.0, (time.monotonic() - self._began) / max(span, 1e-9))

    def over(self, steps: int) -> bool:  # noqa: ARG002
        return time.monotonic() + self._step + self._report >= self._deadline

    def report_due(self, steps: int) -> bool:  # noqa: ARG002
        now = time.monotonic()
        part = max((self._deadline - self._began) / _PARTS, _COST * self._cost)
        return now - self._reported >= part and self._deadline - now > part / 2

    def reported(self, seconds: float) -> None:
        self._report = seconds
        self._cost = min(seconds, self._cost or seconds)  # others may have been busy, too
        self._reported = self._last = time.monotonic()


class HeardClock:
    """Process 0's clock and checkpoints, which all go by, and anyone's wish to stop.

    What must be the same for all is heard every `_APART` seconds, at the same step by all.

    Args:
        own: This process's clock.
        exchange: Gives the numbers of all processes, shape (processes, numbers), for this one's.
        stop: Whether this one is asked to stop.
        keep_due: Whether this one would keep a snapshot.
    """

    def __init__(
        self,
        own: ByEpochs | ByTime,
        exchange: Exchange,
        stop: Callable[[], object],
        keep_due: Callable[[], bool],
    ):
        self._own, self._exchange, self._stop, self._keep_due = own, exchange, stop, keep_due
        self._exact = isinstance(own, ByEpochs)  # it says the same in every process
        self._steps, self._heard_at = 0, time.monotonic()
        self._hear()

    def _hear(self) -> None:
        now = time.monotonic()
        each = (now - self._heard_at) / max(self._steps, 1)
        wait = min(max(_APART / max(each, 1e-4), 1), 1000) if self._steps else 1
        self._heard_at, self._steps = now, 0
        said = (0.0, False, False)
        if not self._exact:
            said = (self._own.done(0), self._own.over(0), self._own.report_due(0))
        all_say = self._exchange(bool(self._stop()), int(wait), *said, self._keep_due())
        self.stopped = bool(all_say[:, 0].any())
        self._wait, self._done = int(all_say[0, 1]), float(all_say[0, 2])
        self._over, self._due = bool(all_say[0, 3]), bool(all_say[0, 4])
        self.keep_due = bool(all_say[0, 5])

    def stepped(self) -> None:
        self._own.stepped()
        self._steps += 1
        self.keep_due = False  # kept after the step at which it was heard
        if self._steps >= self._wait:
            self._hear()

    def done(self, steps: int) -> float:
        return self._own.done(steps) if self._exact else self._done

    def over(self, steps: int) -> bool:
        return self._own.over(steps) if self._exact else self._over

    def report_due(self, steps: int) -> bool:
        return self._own.report_due(steps) if self._exact else self._due

    def reported(self, seconds: float) -> None:
        self._own.reported(seconds)
        self._due, self._heard_at, self._steps, self._wait = False, time.monotonic(), 0, 1

    def state(self) -> dict[str, float]:
        return self._own.state()
