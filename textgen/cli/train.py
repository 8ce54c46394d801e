"""`textgen train`."""

import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import cloup

from textgen.cli import console, options
from textgen.config import (
    BACKENDS,
    CELLS,
    CHECKPOINT_EVERY,
    DEVICES,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    SCHEDULES,
    CorpusConfig,
    ModelConfig,
    TrainConfig,
)

_SUITED = "  [default: what suits text and time, for an LSTM with carried state]"


@cloup.command("train")
@options.corpora
@options.model("Model directory to make.")
@cloup.option(
    "--preset",
    metavar="NAME",
    help="Begin with the settings of a size (small, medium, large) or of a well-known program "
    "(keras-example, min-char-rnn).  [default: what suits corpus and time]",
)
@cloup.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Begin with the weights of the model in this directory; characters it lacks are added.",
)
@cloup.option(
    "--resume",
    is_flag=True,
    help="Go on with the unfinished training in the model directory; CORPUS can be left out.",
)
@cloup.option(
    "--force", is_flag=True, help="Replace a model that is there, and an unfinished training."
)
@options.corpus_group()
@cloup.option_group(
    "Windows",
    *options.window_settings(
        "  [default: 40; 64 for an LSTM with carried state on more than 20,000 characters]"
    ),
    options.setting(
        TrainConfig,
        "carry_state",
        "--carry-state/--no-carry-state",
        help_text="Read the text as parallel streams and carry the state from batch to batch.  "
        "[default: with targets sequence]",
    ),
)
@cloup.option_group(
    "Model",
    options.setting(ModelConfig, "cell", type=click.Choice(CELLS), help_text="Recurrent layer."),
    options.setting(
        ModelConfig,
        "units",
        type=options.UNITS,
        help_text=f"Units of each recurrent layer.{_SUITED}",
    ),
    options.setting(
        ModelConfig, "embedding", type=int, help_text="Width of the embedding; 0 for one-hot input."
    ),
    options.setting(
        ModelConfig,
        "dropout",
        type=float,
        help_text=f"Share of a layer's outputs dropped.{_SUITED}",
    ),
    options.setting(
        ModelConfig,
        "drop_connect",
        type=float,
        help_text=f"Share of a layer's recurrent weights left out of each step.{_SUITED}",
    ),
    options.setting(
        ModelConfig,
        "init_stddev",
        type=float,
        help_text="Draw weights from a normal distribution this wide; 0 for Keras's initializers.",
    ),
)
@cloup.option_group(
    "Training",
    options.setting(
        TrainConfig,
        "time",
        type=options.DURATION,
        help_text="Time for all of it, from start to end.  [default: 10m, less for short texts]",
    ),
    options.setting(
        TrainConfig,
        "epochs",
        type=int,
        help_text="Times the text is read, however long it takes.  [default: as time allows]",
    ),
    options.setting(
        TrainConfig,
        "batch_size",
        type=int,
        help_text="Windows or streams in a step, fewer on a short text.",
    ),
    options.setting(
        TrainConfig, "optimizer", type=click.Choice(OPTIMIZERS), help_text="From Keras."
    ),
    options.setting(
        TrainConfig,
        "learning_rate",
        type=float,
        help_text=f"Highest learning rate.{_SUITED}",
    ),
    options.setting(
        TrainConfig, "weight_decay", type=float, help_text="Weight decay, of adamw only."
    ),
    options.setting(
        TrainConfig,
        "schedule",
        type=click.Choice(SCHEDULES),
        help_text="Keep the learning rate, or warm up and decay to near zero.",
    ),
    options.setting(
        TrainConfig, "clip_norm", type=float, help_text="Bound on the gradients' norm; 0 for none."
    ),
    options.setting(
        TrainConfig,
        "clip_value",
        type=float,
        help_text="Bound on each gradient element; 0 for none.",
    ),
    options.setting(
        TrainConfig,
        "loss_reduction",
        type=click.Choice(REDUCTIONS),
        help_text="Train on the mean of a batch's losses, or on their sum.",
    ),
    options.setting(
        TrainConfig,
        "patience",
        type=int,
        help_text="Stop after this many validations without a better loss; 0 for never.",
    ),
    options.setting(
        TrainConfig,
        "random_seed",
        type=int,
        help_text="The same number gives the same model, with --epochs.",
    ),
    options.setting(
        TrainConfig,
        "precision",
        type=click.Choice(PRECISIONS),
        help_text="What recurrent layers compute in; auto takes the quicker of float32 and "
        "bfloat16 in a training by time on a CPU, and float32 elsewhere.",
    ),
    cloup.option(
        "--backend",
        type=click.Choice(BACKENDS),
        help="What Keras computes with.  [default: KERAS_BACKEND, else Keras's own setting, else "
        "tensorflow]",
    ),
    cloup.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="Where to train; auto takes a GPU if there is one.",
    ),
    cloup.option(
        "--checkpoint-every",
        type=options.DURATION,
        default=CHECKPOINT_EVERY,
        help="Time from one checkpoint to the next, at most; each validation writes one, too.  "
        f"[default: {CHECKPOINT_EVERY:g}s]",
    ),
)
@cloup.option_group(
    "What is shown",
    options.setting(
        TrainConfig,
        "sample_temperatures",
        "--sample-temperature",
        type=float,
        multiple=True,
        help_text="Temperature of the samples drawn at each validation; can be repeated.",
    ),
    options.setting(
        TrainConfig, "sample_length", type=int, help_text="Characters of that sample; 0 for none."
    ),
    options.setting(
        TrainConfig,
        "loss_smoothing",
        type=float,
        help_text="Show a moving average of the loss with this factor; 0 for the mean.",
    ),
)
@options.debug
def command(
    corpora: tuple[str, ...],
    directory: Path,
    demo: bool,  # noqa: FBT001
    preset: str | None,
    init_from: Path | None,
    resume: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    backend: str | None,
    device: str,
    checkpoint_every: float,
    **values: Any,
) -> None:
    """Train a model on a corpus and keep it in a model directory.

    CORPUS is one or more files, directories (read recursively) or - for standard input, or one
    directory made by `textgen prepare`. Ctrl-C ends training and keeps the best model so far;
    the same command, without --force, goes on from there, also after a crash.

    \b
        textgen train corpus.txt
        textgen train corpus.txt --time 5m
        textgen train --demo --epochs 3
        textgen train corpus.txt --units 512,512 --dropout 0.3 --model big
        textgen train corpus.txt --preset keras-example
        textgen train --resume
        textgen train letters.txt --init-from textgen-model --model letters
    """
    began = time.monotonic() - 0.15  # Python and the command line took that long to come here
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other")
    sources: list[Any] = []
    if corpora or demo or not resume:
        sources = options.sources(corpora, demo=demo, command="train")
        names = ", ".join(corpora[:3]) + (", ..." if len(corpora) > 3 else "")
        console.note(f"textgen: reading {names or 'the documentation that comes with Python'}")
    debug = options.debugging()
    if not debug:
        console.silence_frameworks()

    from textgen.training.run import Run, train

    given = options.given(values)
    corpus = options.part(CorpusConfig, given)
    for field in fields(CorpusConfig):
        given.pop(field.name, None)
    with console.progress() as display:
        shown = _Shown(display)
        finished = train(
            sources,
            directory,
            given,
            preset=preset,
            corpus=corpus,
            init_from=init_from,
            run=Run(
                device, force, resume, checkpoint_every, debug, tuple(sys.argv[1:]), began, backend
            ),
            on_event=shown,
            stop=shown.stop.wanted,
        )
    if finished.reason == "stopped":
        sys.exit(128 + shown.stop.signal)


class _Stop:
    """Ctrl-C or SIGTERM: the first asks training to end, the second ends the program at once.

    Attributes:
        signal: The number of the signal that came, 0 before.
    """

    def __init__(self) -> None:
        self.signal = 0

    def listen(self) -> None:
        import signal

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def wanted(self) -> bool:
        return bool(self.signal)

    def _interrupt(self, number: int, _frame: object) -> None:
        if self.signal:
            sys.exit(128 + number)
        self.signal = number


class _Shown:
    """Turns what training tells into lines and a bar."""

    def __init__(self, display: console.Progress):
        from textgen.training import events

        self.stop = _Stop()
        self._display = display
        self._transfer = console.Transfer(display)
        self._started: Any = None
        self._first: float | None = None  # share that was over at the first step shown
        self._rate = _Rate()
        self._handlers: dict[type, Any] = {
            events.Preparing: lambda event: self._transfer(event.stage, event.done, event.total),
            events.Opened: self._opened,
            events.Started: self._begin,
            events.StepDone: self._step,
            events.Stopping: self._stopping,
            events.EpochDone: self._epoch,
            events.SampleDrawn: self._sample,
            events.Glimpse: lambda _: None,
            events.Finished: self._finish,
        }

    def __call__(self, event: Any) -> None:
        self._handlers[type(event)](event)

    def _opened(self, event: Any) -> None:
        self._display.close()
        source = " (read before)" if event.from_cache else ""
        console.note(
            f"corpus: {event.characters:,} characters{source}, {event.vocabulary_size:,} distinct; "
            f"{event.training_characters:,} for training, {event.validation_characters:,} for "
            "validation"
        )
        if event.unknown_characters:
            console.note(f"        {event.unknown_characters:,} rare characters share one id")
        if event.expected is not None:
            console.note(
                f"expected: a megabyte of Shakespeare comes to about {event.expected:.2f} nats per "
                "character in that time on two cores, other texts to more or less"
            )

    def _begin(self, event: Any) -> None:
        self._started = event
        rows = "streams" if event.carry_state else "windows"
        console.note(
            f"model: {event.layers}, {event.parameters:,} parameters, on {event.device} "
            f"({event.backend}, {event.precision})"
        )
        if event.slower:
            console.note(
                f"textgen: a step in {event.precision} takes {event.slower:.1f} times as long as "
                "in float32 on this processor; --precision auto takes the quicker one"
            )
        length = f"{event.epochs} epochs" if event.epochs else f"{_time(event.time)} in all, epochs"
        console.note(
            f"training: {length} of {event.steps:,} steps, each {event.rows} {rows} of "
            f"{event.maxlen} characters, targets {event.targets}; Ctrl-C keeps the best model"
        )
        if event.resumed is not None:
            console.note(f"resuming: from the checkpoint at epoch {event.resumed:g}")
        self._began, self._first = time.monotonic(), None
        self.stop.listen()

    def _step(self, event: Any) -> None:
        rate = self._rate.add(event.characters)
        if rate is None:
            return
        if self._first is None:
            self._first = event.done
            return
        seconds, done = time.monotonic() - self._began, event.done - self._first
        left = seconds * (1 - event.done) / max(done, 1e-9)
        self._display.update(
            self._epoch_name(event.epoch),
            round(1000 * event.done),
            1000,
            f"loss {_nats(event.loss)}, {rate:,.0f} characters/s, {console.duration(left)} left",
        )

    def _epoch_name(self, epoch: float) -> str:
        of = f"/{self._started.epochs}" if self._started.epochs else ""
        return f"epoch {epoch:g}{of}"

    def _stopping(self, _event: Any) -> None:
        console.note("stopping: validating and saving; Ctrl-C again stops at once")

    def _epoch(self, event: Any) -> None:
        self._rate = _Rate()
        validation = (
            "" if event.validation_loss is None else f", validation {_nats(event.validation_loss)}"
        )
        console.note(
            f"{self._epoch_name(event.epoch)}: loss {_nats(event.loss)}{validation}, "
            f"{event.characters_per_second:,.0f} characters/s, {console.duration(event.seconds)}"
            + (", best so far" if event.improved else "")
        )

    def _sample(self, event: Any) -> None:
        console.note(f"--- sample at temperature {event.temperature:g} ---")
        console.note(console.printable(event.seed + event.text))
        console.note("---")

    def _finish(self, event: Any) -> None:
        self._display.close()
        named = "" if event.directory == options.DEFAULT_MODEL else f" --model {event.directory}"
        why = {
            "done": "done",
            "stopped": "stopped",
            "patience": "no better validation loss for a while: stopped",
        }
        console.note(
            f"{why[event.reason]}; the best model (epoch {event.best_epoch:g}, loss "
            f"{_nats(event.best_loss)}) is in {event.directory}"
        )
        if event.reason == "stopped":
            console.note(f"to go on: textgen train --resume{named}")
        console.note(f"next: textgen sample{named}")


class _Rate:
    """Characters per second since the first step, which compiles the network and is slow."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._characters = 0

    def add(self, characters: int) -> float | None:
        """Count a step; None until there is something to tell."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
            return None
        self._characters += characters
        return self._characters / max(now - self._began, 1e-6)


def _time(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds:g}s"


def _nats(loss: float) -> str:
    import math

    return f"{loss:.4f} ({loss / math.log(2):.3f} bits/character)"
