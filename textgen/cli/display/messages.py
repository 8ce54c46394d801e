"""The events of a training in words."""

import shlex
from collections.abc import Iterator

from textgen.cli.display.state import BitsPerCharacter
from textgen.cli.formatting import (
    describe_mode,
    describe_reading,
    format_count,
    format_duration,
    format_labels,
    format_time_option,
)
from textgen.settings import DEFAULT_MODEL
from textgen.training import events

STOPPING = "stopping: validating and saving; Ctrl-C again stops at once"
_REASONS = {
    "done": "done",
    "stopped": "stopped",
    "patience": "no better loss for a while: stopped",
}


class EventFormatter:
    """Turns events into the lines that remain of a training.

    Args:
        in_python: Leave out what is true for the command `textgen train` only.
    """

    def __init__(self, *, in_python: bool = False) -> None:
        self._epochs, self._processes, self._in_python = 0, 1, in_python
        self._bits = BitsPerCharacter()

    def __call__(self, event: events.Event) -> Iterator[str]:
        match event:
            case events.CorpusOpened():
                self._bits.open(event)
                yield from _describe_corpus(event)
            case events.StarterChecked():
                yield _describe_starter(event)
            case events.TrainingStarted():
                self._epochs, self._processes = event.epochs, event.processes
                yield from _describe_start(event, in_python=self._in_python)
            case events.Stopping():
                yield STOPPING.partition(";")[0] if self._in_python else STOPPING
            case events.Validated():
                yield self._describe_validation(event)
            case events.Sample():
                labels = f", {format_labels(event.labels)}" if event.labels else ""
                title = f"sample at temperature {event.temperature:g}{labels}"
                if event.seed or "\n" in event.text:
                    yield f"--- {title} ---"
                    yield event.seed + event.text
                    yield "---"
                else:  # one of several short documents
                    yield f"{title}: {event.text}"
            case events.TrainingFinished():
                loss = _format_loss(event.best_loss, self._bits.best(event.best_loss))
                yield (
                    f"{_REASONS[event.reason]}; the best model (epoch {event.best_epoch:g}, loss "
                    f"{loss}) is in {event.directory}"
                )
                if not self._in_python:
                    yield from _describe_next(event, several_processes=self._processes > 1)

    def format_epoch(self, epoch: float) -> str:
        """How many epochs are done, and of how many if that is known."""
        return f"epoch {epoch:g}" + (f"/{self._epochs}" if self._epochs else "")

    def format_training_loss(self, loss: float) -> str:
        """A loss on the training text, in nats per token and in bits per character."""
        return _format_loss(loss, self._bits.training(loss))

    def _describe_validation(self, event: events.Validated) -> str:
        validation, loss = "", event.validation_loss
        if loss is not None:
            validation = f", validation {_format_loss(loss, self._bits.validation(loss))}"
        training = self.format_training_loss(event.loss)
        return (
            f"{self.format_epoch(event.epoch)}: loss {training}{validation}, "
            f"{event.characters_per_second:,.0f} characters/s, {format_duration(event.seconds)}"
            + (", best so far" if event.improved else "")
        )


def describe_device(event: events.TrainingStarted) -> str:
    """Device, backend and precision of a training, and what computes its layers on a GPU."""
    layers = ""
    if event.device != "cpu" and not event.no_cudnn_reason:
        replacement = ", textgen's own LSTM: faster than cuDNN's"
        layers = replacement if event.replaces_cudnn else ", cuDNN"
    return f"on {event.device} ({event.backend}, {event.precision}{layers})"


def describe_vocabulary(event: events.CorpusOpened) -> str:
    """The distinct characters, and the subwords if there are any."""
    distinct = f"{event.vocabulary_size:,} distinct"
    if not event.subwords:
        return distinct
    length = event.characters / event.tokens
    return f"{distinct}, {event.subwords:,} subwords ({length:.2f} characters per token)"


def describe_slowness(event: events.TrainingStarted) -> Iterator[str]:
    """Warnings about what makes a training slower than necessary."""
    if event.no_cudnn_reason:
        yield f"textgen: {event.device} computes the layers without cuDNN: {event.no_cudnn_reason}"
    if event.slowdown:
        yield (
            f"textgen: a step in {event.precision} takes {event.slowdown:.2g} times as long as "
            "in float32 on this processor; --precision auto takes the faster one"
        )


def _format_loss(loss: float, bits: float) -> str:
    return f"{loss:.4f} ({bits:.3f} bits/character)"


def _describe_corpus(event: events.CorpusOpened) -> Iterator[str]:
    source = " (read before)" if event.from_cache else ""
    size = f"{event.characters:,} characters{source}, {describe_vocabulary(event)}"
    test = ""
    if event.training_documents:
        size = f"{format_count(event.documents, 'document')}, {size}"
        if event.test_documents:
            test = f", {event.test_documents:,} for a test"
        yield (
            f"corpus: {size}; {format_count(event.training_documents, 'document')} for training, "
            f"{event.validation_documents:,} for validation{test}"
        )
    else:
        if event.test_characters:
            test = f", {event.test_characters:,} for a test"
        yield (
            f"corpus: {size}; {event.training_characters:,} for training, "
            f"{event.validation_characters:,} for validation{test}"
        )
    if event.labels:
        labels = (f"{name} ({format_count(n, 'value')})" for name, n in event.labels.items())
        yield f"        labels: {', '.join(labels)}"
    for line in (*describe_mode(event.reading), *describe_reading(event.reading)):
        yield f"        {line}"
    if event.unknown_characters:
        yield f"        {event.unknown_characters:,} rare characters share one id"
    if event.offers_subwords:
        yield (
            "        --tokens auto would learn subwords, which may predict this text better and "
            "generate it faster"
        )


def _describe_starter(event: events.StarterChecked) -> str:
    if not event.requested:
        return (
            f"short text: --init-from {event.starter} would lower the loss by about "
            f"{event.expected_gain:.1f} nats per character"
        )
    if not event.starter:
        return "starter: none has the chosen layers and tokens; training from scratch"
    decision = f"training from {event.starter}" if event.knows_language else "training from scratch"
    return (
        f"starter: before any training, {event.starter} predicts validation text with "
        f"{event.loss:.2f} nats per character, an n-gram model of the training text with "
        f"{event.ngram_loss:.2f}; {decision}"
    )


def _describe_start(event: events.TrainingStarted, *, in_python: bool) -> Iterator[str]:
    rows = "streams" if event.carry_state else "windows"
    initial = f", initialised from {event.init_from}" if event.init_from else ""
    yield (
        f"model: {event.layers}, {event.parameters:,} parameters{initial}, {describe_device(event)}"
        + (f", {event.processes} processes" if event.processes > 1 else "")
    )
    yield from describe_slowness(event)
    length = (
        f"{event.epochs} epochs"
        if event.epochs
        else f"{format_time_option(event.time)} in all, epochs"
    )
    yield (
        f"training: {length} of {event.steps_per_epoch:,} steps, each {event.batch_size} {rows} of "
        f"{event.maxlen} {'tokens' if event.subwords else 'characters'}, targets {event.targets}"
        + ("" if in_python else "; Ctrl-C keeps the best model")
    )
    if event.resumed_at_epoch is not None:
        yield f"resuming: from the checkpoint at epoch {event.resumed_at_epoch:g}"


def _describe_next(event: events.TrainingFinished, *, several_processes: bool) -> Iterator[str]:
    """The commands that a user may want to run next."""
    model = ""
    if event.directory != DEFAULT_MODEL:
        model = f" --model {shlex.quote(event.directory)}"
    if event.reason == "stopped":
        resume = f"textgen train --resume{model}"
        yield f"to resume: {'the same command, for each process' if several_processes else resume}"
    yield f"next: textgen sample{model}"
