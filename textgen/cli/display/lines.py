"""A training as lines: one for each thing that happens, and one every ten seconds.

Knows how events read in words; knows nothing of the display on a terminal.
"""

import shlex
from collections.abc import Iterator

from textgen.cli import console
from textgen.cli.display.figures import Pace, bits
from textgen.cli.formatting import describe_reading, format_duration
from textgen.settings import DEFAULT_MODEL
from textgen.training import events


class Lines:
    """Writes lines to standard error, with a bar where that is a terminal.

    Args:
        in_python: As in Record.
    """

    def __init__(self, *, in_python: bool = False) -> None:
        self._bar = console.ProgressBar()
        self._transfer = console.StageProgress(self._bar)
        self._record = Record(in_python=in_python)
        self._pace = Pace()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing():
                self._transfer(event.stage, event.bytes_done, event.bytes_total)
                return
            case events.StepDone():
                if self._pace.step(event):
                    self._step(event)
                return
            case events.Validated():
                self._pace.report()
            case events.CorpusOpened() | events.TrainingFinished():
                self._bar.close()
        for line in self._record(event):
            console.note(line)

    def close(self) -> None:
        self._bar.close()

    def _step(self, event: events.StepDone) -> None:
        rate, left = self._pace.rate or 0.0, self._pace.left or 0.0
        self._bar.update(
            self._record.epoch(event.epoch),
            round(1000 * event.fraction_done),
            1000,
            f"loss {_nats(event.loss)}, {rate:,.0f} characters/s, {format_duration(left)} left",
        )


class Warnings:
    """Writes what a user should know even when nothing else is to be shown."""

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.TrainingStarted):
            for line in warnings(event):
                console.note(line)

    def close(self) -> None:
        pass


class Record:
    """The lines that tell of a training afterwards.

    Args:
        in_python: Leave out what is true for the command `textgen train` only.
    """

    def __init__(self, *, in_python: bool = False) -> None:
        self._epochs, self._processes, self._in_python = 0, 1, in_python

    def __call__(self, event: events.Event) -> Iterator[str]:
        match event:
            case events.CorpusOpened():
                yield from _opened(event)
            case events.TrainingStarted():
                self._epochs, self._processes = event.epochs, event.processes
                yield from _started(event, in_python=self._in_python)
            case events.Stopping():
                yield STOPPING.partition(";")[0] if self._in_python else STOPPING
            case events.Validated():
                yield self._reported(event)
            case events.Sample():
                yield f"--- sample at temperature {event.temperature:g} ---"
                yield event.seed + event.text
                yield "---"
            case events.TrainingFinished():
                together = self._processes > 1
                yield from _finished(event, together=together, in_python=self._in_python)

    def epoch(self, epoch: float) -> str:
        """How far it is, of how much if that is known."""
        return f"epoch {epoch:g}" + (f"/{self._epochs}" if self._epochs else "")

    def _reported(self, event: events.Validated) -> str:
        validation = (
            "" if event.validation_loss is None else f", validation {_nats(event.validation_loss)}"
        )
        return (
            f"{self.epoch(event.epoch)}: loss {_nats(event.loss)}{validation}, "
            f"{event.characters_per_second:,.0f} characters/s, {format_duration(event.seconds)}"
            + (", best so far" if event.improved else "")
        )


STOPPING = "stopping: validating and saving; Ctrl-C again stops at once"


def computing(event: events.TrainingStarted) -> str:
    """What a training computes with."""
    layers = ""
    if event.device != "cpu" and not event.no_cudnn_reason:
        own = event.backend == "jax"
        layers = ", textgen's own LSTM: quicker than cuDNN's" if own else ", cuDNN"
    return f"on {event.device} ({event.backend}, {event.precision}{layers})"


def warnings(event: events.TrainingStarted) -> Iterator[str]:
    """Warnings of what makes a training slower than it need be."""
    if event.no_cudnn_reason:
        yield (
            f"textgen: {event.device} computes the layers without cuDNN: {event.no_cudnn_reason}"
        )
    if event.slowdown:
        yield (
            f"textgen: a step in {event.precision} takes {event.slowdown:.2g} times as long as "
            "in float32 on this processor; --precision auto takes the quicker one"
        )


def _opened(event: events.CorpusOpened) -> Iterator[str]:
    source = " (read before)" if event.from_cache else ""
    yield (
        f"corpus: {event.characters:,} characters{source}, {event.vocabulary_size:,} distinct; "
        f"{event.training_characters:,} for training, {event.validation_characters:,} for "
        "validation"
    )
    for line in describe_reading(event.reading):
        yield f"        {line}"
    if event.unknown_characters:
        yield f"        {event.unknown_characters:,} rare characters share one id"


def _started(event: events.TrainingStarted, *, in_python: bool) -> Iterator[str]:
    rows = "streams" if event.carry_state else "windows"
    yield (
        f"model: {event.layers}, {event.parameters:,} parameters, {computing(event)}"
        + (f", {event.processes} processes" if event.processes > 1 else "")
    )
    yield from warnings(event)
    length = f"{event.epochs} epochs" if event.epochs else f"{_time(event.time)} in all, epochs"
    yield (
        f"training: {length} of {event.steps_per_epoch:,} steps, each {event.batch_size} {rows} of "
        f"{event.maxlen} characters, targets {event.targets}"
        + ("" if in_python else "; Ctrl-C keeps the best model")
    )
    if event.resumed_at_epoch is not None:
        yield f"resuming: from the checkpoint at epoch {event.resumed_at_epoch:g}"


def _finished(event: events.TrainingFinished, *, together: bool, in_python: bool) -> Iterator[str]:
    given = f" --model {shlex.quote(event.directory)}"
    named = "" if event.directory == DEFAULT_MODEL else given
    why = {
        "done": "done",
        "stopped": "stopped",
        "patience": "no better loss for a while: stopped",
    }
    yield (
        f"{why[event.reason]}; the best model (epoch {event.best_epoch:g}, loss "
        f"{_nats(event.best_loss)}) is in {event.directory}"
    )
    if in_python:
        return
    if event.reason == "stopped":
        again = "the same command, for each process" if together else "textgen train --resume"
        yield f"to go on: {again}{'' if together else named}"
    yield f"next: textgen sample{named}"


def _time(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds:g}s"


def _nats(loss: float) -> str:
    return f"{loss:.4f} ({bits(loss):.3f} bits/character)"
