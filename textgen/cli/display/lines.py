"""A training as lines: one for each event, and one every ten seconds."""

import math

from textgen.cli import console
from textgen.cli.display.messages import EventFormatter, describe_slowness
from textgen.cli.display.state import Speed
from textgen.cli.formatting import format_duration
from textgen.training import events

_SAMPLES_EVERY = 5.0  # seconds; a short text is read many times in that time


class LineDisplay:
    """Writes lines to standard error, with a progress bar if that is a terminal.

    Samples of validations that follow each other quickly are left out; `history.json` has them.

    Args:
        in_python: Leave out what is true for the command `textgen train` only.
    """

    def __init__(self, *, in_python: bool = False) -> None:
        self._bar = console.ProgressBar()
        self._show_stage = console.StageProgress(self._bar)
        self._format = EventFormatter(in_python=in_python)
        self._speed = Speed()
        self._shows_samples, self._last_samples = True, -math.inf

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing():
                self._show_stage(event.stage, event.bytes_done, event.bytes_total)
                return
            case events.StepDone():
                if self._speed.add(event):
                    self._show_step(event)
                return
            case events.Validated():
                self._speed.restart()
                self._shows_samples = event.seconds >= self._last_samples + _SAMPLES_EVERY
                if self._shows_samples:
                    self._last_samples = event.seconds
            case events.Sample() if not self._shows_samples:
                return
            case events.CorpusOpened() | events.TrainingFinished():
                self._bar.close()
        for line in self._format(event):
            console.note(line)

    def close(self) -> None:
        self._bar.close()

    def _show_step(self, event: events.StepDone) -> None:
        speed, left = self._speed.characters_per_second or 0.0, self._speed.seconds_left or 0.0
        self._bar.update(
            self._format.format_epoch(event.epoch),
            round(1000 * event.fraction_done),
            1000,
            f"loss {self._format.format_training_loss(event.loss)}, {speed:,.0f} characters/s, "
            f"{format_duration(left)} left",
        )


class QuietDisplay:
    """Writes warnings only."""

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.TrainingStarted):
            for line in describe_slowness(event):
                console.note(line)

    def close(self) -> None:
        pass
