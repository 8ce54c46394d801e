"""A training in figures: how far, how quick, how long still, how good.

Knows the events of a training; knows nothing of clocks or of how figures are shown.
"""

import math
from collections.abc import Iterator

from textgen.training import events

_BINS = 600


def bits(loss: float) -> float:
    """Bits per character from nats per character."""
    return loss / math.log(2)


class Pace:
    """Speed and time left, from the steps.

    Attributes:
        rate: Characters per second since the last report, without the step after it, which may
            wait for what the report left behind; None until there is one to tell.
        left: Seconds to the end, None until there is something to tell it from.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.left: float | None = None
        self._first: events.StepDone | None = None
        self._since: float | None = None
        self._characters = 0

    def step(self, event: events.StepDone) -> bool:
        """Count a step; whether both figures are known."""
        # The first step compiles the network and says nothing of the others.
        if self._first is not None and event.fraction_done > self._first.fraction_done:
            taken, done = (
                event.seconds - self._first.seconds,
                event.fraction_done - self._first.fraction_done,
            )
            self.left = taken * (1 - event.fraction_done) / done
        self._first = self._first or event
        if self._since is None:
            self._since, self._characters = event.seconds, 0
            return False
        self._characters += event.characters
        self.rate = self._characters / max(event.seconds - self._since, 1e-6)
        return self.left is not None

    def report(self) -> None:
        """Begin a new mean of the speed."""
        self._since = None


class Losses:
    """The losses of all steps of a training as means over equal shares of it."""

    def __init__(self) -> None:
        self._sums, self._counts = [0.0] * _BINS, [0] * _BINS

    def add(self, share: float, loss: float) -> None:
        place = min(int(share * _BINS), _BINS - 1)
        self._sums[place] += loss
        self._counts[place] += 1

    def means(self, parts: int) -> Iterator[float | None]:
        """The mean of each of so many parts, None for one without a step."""
        for part in range(parts):
            place = slice(part * _BINS // parts, max((part + 1) * _BINS // parts, 1))
            count = sum(self._counts[place])
            yield sum(self._sums[place]) / count if count else None


class Figures:
    """All there is to show of a training so far.

    Args:
        corpus: What the corpus is called.
        directory: What the model directory is called.

    Attributes:
        opened: The corpus, once it is open.
        started: The network, once it is built.
        step: The last step.
        done: Share of the training that is over; it never falls.
        report: The last report.
        best: Epoch and loss of the best model so far.
        samples: The newest ones.
        sampled: The epoch that they were written at.
        losses: Of the training text.
        validations: Share of the training, loss, for each validation.
        stopping: Whether training was asked to end.
    """

    def __init__(self, corpus: str, directory: str):
        self.corpus, self.directory = corpus, directory
        self.opened: events.CorpusOpened | None = None
        self.started: events.TrainingStarted | None = None
        self.step: events.StepDone | None = None
        self.done = 0.0
        self.report: events.Validated | None = None
        self.best: tuple[float, float] | None = None
        self.samples: tuple[events.Sample | events.EarlySample, ...] = ()
        self.sampled: float | None = None
        self.losses = Losses()
        self.validations: list[tuple[float, float]] = []
        self.stopping = False
        self.pace = Pace()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.StepDone():
                self.step, self.done = event, max(self.done, event.fraction_done)
                self.losses.add(event.fraction_done, event.step_loss)
                self.pace.step(event)
            case events.Validated():
                self._reported(event)
            case events.Sample():
                self._sampled(event, self.report.epoch if self.report else 0.0)
            case events.EarlySample():
                self._sampled(event, event.epoch)
            case events.CorpusOpened():
                self.opened = event
            case events.TrainingStarted():
                self.started = event
                if event.best_epoch is not None and event.best_loss is not None:
                    self.best = (event.best_epoch, event.best_loss)
            case events.Stopping():
                self.stopping = True

    def _sampled(self, sample: events.Sample | events.EarlySample, epoch: float) -> None:
        # The old ones stay until there is one to take their place.
        others = self.samples if self.sampled == epoch else ()
        self.samples, self.sampled = (*others, sample), epoch

    def _reported(self, event: events.Validated) -> None:
        self.report = event
        self.pace.report()
        loss = event.loss if event.validation_loss is None else event.validation_loss
        if event.improved:
            self.best = (event.epoch, loss)
        if event.validation_loss is not None and self.step is not None:
            self.validations.append((self.done, loss))

    def left(self, since: float) -> float | None:
        """Seconds to the end, so many after the last step."""
        return None if self.pace.left is None else max(0.0, self.pace.left - since)
