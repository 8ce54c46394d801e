"""`textgen train`."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import cloup

from textgen.cli import console, options, signals, usage
from textgen.distributed.signals import ENDING_SIGNALS, handle_ending_signals
from textgen.settings import (
    BACKENDS,
    CELLS,
    CHECKPOINT_INTERVAL,
    DEVICES,
    JOIN_TIMEOUT,
    OPTIMIZERS,
    PRECISIONS,
    PRESETS,
    REDUCTIONS,
    SCHEDULES,
    CorpusConfig,
    ModelConfig,
    TrainConfig,
)

if TYPE_CHECKING:
    from textgen.distributed.cluster import Cluster
    from textgen.training.events import Event

LOG_FORMAT, _LOG_FORMAT = "log_format", "--log-format"
_TWICE = 0.5  # seconds: a launcher's signal comes twice, from it and from the watching process


class _Command(usage.Command):
    """Tells `main` the log format before it parses the arguments: an error in them is an event."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if isinstance(ctx.obj, dict):
            for word, following in pairwise([*args, ""]):
                name, equals, value = word.partition("=")
                if name == _LOG_FORMAT:
                    ctx.obj[LOG_FORMAT] = value if equals else following
        return super().parse_args(ctx, args)


@cloup.command("train", cls=_Command)
@options.corpora
@options.model("Model directory to make.")
@cloup.option(
    "--preset",
    metavar="NAME",
    shell_complete=options.names(PRESETS),
    help="Begin with the settings of a size (small, medium, large) or of a well-known program "
    "(keras-example, min-char-rnn).  [default: what suits text, time and device]",
)
@cloup.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=options.DIRECTORIES,
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
        "  [default: 40; 64 for an LSTM with carried state on more than 20,000 characters; another "
        "one that the corpus was prepared with]"
    ),
    options.setting(
        TrainConfig,
        "carry_state",
        "--carry-state/--no-carry-state",
        help_text="Read the text as parallel streams and carry the state from batch to batch.  "
        "[default: with targets sequence]",
    ),
    options.setting(
        TrainConfig,
        "state_reset",
        type=float,
        help_text="Probability that a stream's carried state is set to zero before a step, at the "
        "end of the training; lower before, higher where a line starts. It teaches the network to "
        "start from any seed.",
    ),
)
@cloup.option_group(
    "Model",
    options.setting(ModelConfig, "cell", type=click.Choice(CELLS), help_text="Recurrent layer."),
    options.setting(
        ModelConfig,
        "units",
        type=options.UNITS,
        help_text="Units of each recurrent layer.",
        suited=True,
    ),
    options.setting(
        ModelConfig, "embedding", type=int, help_text="Width of the embedding; 0 for one-hot input."
    ),
    options.setting(
        ModelConfig,
        "dropout",
        type=float,
        help_text="Share of a layer's outputs dropped.",
        suited=True,
    ),
    options.setting(
        ModelConfig,
        "drop_connect",
        type=float,
        help_text="Share of a layer's recurrent weights left out of each step.",
        suited=True,
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
        help_text="Highest learning rate.",
        suited=True,
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
        "noise",
        type=float,
        help_text="Share of the characters read that others near them replace.",
        suited=True,
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
        help_text="What recurrent layers compute in; auto takes what is quicker here in "
        "a training by time, and float32 in one by epochs.",
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
        default=CHECKPOINT_INTERVAL,
        help="Time from one checkpoint to the next, at most; validations write one, too, those of "
        "short epochs only now and then.  "
        f"[default: {CHECKPOINT_INTERVAL:g}s]",
    ),
)
@cloup.option_group(
    "Several processes",
    cloup.option(
        "--coordinator",
        metavar="HOST:PORT",
        help="Train together with other processes, each given the same command and a prepared "
        "corpus: where process 0 waits for them; auto where SLURM or Open MPI 4 starts them, which "
        "say where; ray to have a Ray cluster start --processes of them.",
    ),
    cloup.option(
        "--processes",
        type=int,
        metavar="N",
        help="How many there are.  [default: what SLURM or MPI says]",
    ),
    cloup.option(
        "--process",
        type=int,
        metavar="I",
        help="Which one this is, from 0.  [default: what SLURM or MPI says]",
    ),
    cloup.option(
        "--wait",
        type=options.DURATION,
        default=JOIN_TIMEOUT,
        help=f"How long to wait for the others at the beginning.  [default: {JOIN_TIMEOUT:g}s]",
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
    cloup.option("-q", "--quiet", is_flag=True, help="Show nothing but warnings and errors."),
    cloup.option(
        _LOG_FORMAT,
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="What goes to standard error: a display on a terminal and lines elsewhere, or a JSON "
        "object on a line for each event, also an error, and every ten seconds.",
    ),
    cloup.option(
        "--tensorboard",
        type=click.Path(path_type=Path),
        metavar="DIR",
        shell_complete=options.DIRECTORIES,
        help="Also write losses and learning rate to this directory, as Keras's callback for "
        "TensorBoard does.",
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
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    wait: float,
    device: str,
    checkpoint_every: float,
    quiet: bool,  # noqa: FBT001
    log_format: str,
    tensorboard: Path | None,
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
    if quiet and log_format != "text":
        raise click.UsageError("--quiet and --log-format json exclude each other")
    if coordinator is not None and ":" in coordinator:
        from textgen.distributed.cluster import read_launcher

        count, number = read_launcher(os.environ)
        processes = count if processes is None else processes
        process = number if process is None else process
    sources: list[Any] = []
    names = "the text that it was begun with"
    if corpora or demo or not resume:
        sources = options.sources(corpora, demo=demo, command="train")
        names = ", ".join(corpora[:3]) + (", ..." if len(corpora) > 3 else "")
        names = names or "the documentation that comes with Python"
        alone_or_first = coordinator is None or process == 0
        if alone_or_first and not quiet and log_format == "text":
            console.note(f"textgen: reading {names}")
    debug = options.debugging()
    arguments = usage.arguments()
    if coordinator == "ray" and process is None:
        from textgen.distributed import ray_launcher

        sys.exit(ray_launcher.launch_on_ray(list(arguments), processes, console.note))
    from textgen.distributed import supervisor

    cluster = _cluster(coordinator, processes, process, wait)
    if cluster is not None:
        supervisor.continue_in_child(cluster, lambda: bool(console.in_front(sys.stderr)))
        console.discard(1)  # where gloo says that it is connected; this command writes nothing
    if not debug:
        console.silence_frameworks()

    from textgen.training.events import ProcessesJoined, TrainingStarted
    from textgen.training.run import Run, train

    given = options.given(values)
    corpus = options.part(CorpusConfig, given)
    for name in corpus:
        del given[name]
    how = Run(
        device=device,
        backend=backend,
        cluster=cluster,
        force=force,
        resume=resume,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        command=arguments,
        began=began,
        debug=debug,
    )
    stop = _Stop()
    with closing(_listener(names, directory, log_format, quiet=quiet)) as listener:

        def tell(event: "Event") -> None:
            if isinstance(event, ProcessesJoined):
                supervisor.report_joined()
                return
            if isinstance(
                event, TrainingStarted
            ):  # before anyone is told that Ctrl-C keeps the model
                stop.listen(listener.close)
                if event.process:
                    return  # process 0 shows the training
            listener(event)

        finished = train(
            sources,
            directory,
            given,
            preset=preset,
            corpus=corpus,
            init_from=init_from,
            run=how,
            on_event=tell,
            stop=stop.wanted,
            progress=False,
        )
    if finished.reason == "stopped":  # also by another process
        sys.exit(128 + (stop.signal or signal.SIGTERM))


def _cluster(
    coordinator: str | None, processes: int | None, process: int | None, wait: float
) -> "Cluster | None":
    """The processes to train together with, where that is wanted."""
    if coordinator is None:
        if (processes, process) != (None, None):
            raise click.UsageError("--processes and --process want a --coordinator as well")
        return None
    from textgen.distributed.cluster import Cluster

    return Cluster(coordinator, processes, process, wait)


class _Listener(Protocol):
    """Who shows a training: called with its events, closed when it is over."""

    def __call__(self, event: "Event") -> None: ...

    def close(self) -> None: ...


def _listener(names: str, directory: Path, log_format: str, *, quiet: bool) -> _Listener:
    """Who shows the training where and how it is wanted."""
    from textgen.cli.display.json_lines import JsonLines
    from textgen.cli.display.lines import Lines, Warnings

    if quiet:
        return Warnings()
    if log_format == "json":
        return JsonLines()
    if options.debugging() or not console.redraws():  # a framework's own lines would disturb it
        return Lines()
    from textgen.cli.display.live import Live

    return Live(names, str(directory))


class _Stop:
    """Ctrl-C, SIGTERM or SIGHUP: the first ends training, the second the program at once.

    Before there is anything to keep, the first one does. A thread hears them, since the main one
    hears nothing before a step is over.

    Attributes:
        signal: The number of the signal that came, 0 before.
    """

    def __init__(self) -> None:
        self.signal = 0

    def listen(self, close: Callable[[], object]) -> None:
        """Hear signals from now on.

        Args:
            close: What gives the terminal back, called before the second one ends the program.
        """
        heard, told = os.pipe()
        os.set_blocking(told, False)
        threading.Thread(target=self._hear, args=(heard, close), daemon=True).start()
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        handle_ending_signals(lambda *_: None)
        signals.raise_again()

    def wanted(self) -> bool:
        return bool(self.signal)

    def _hear(self, pipe: int, close: Callable[[], object]) -> None:
        first = 0.0
        while True:
            (number,) = os.read(pipe, 1)
            if number in ENDING_SIGNALS and not self.signal:
                self.signal, first = number, time.monotonic()
            elif number in ENDING_SIGNALS and time.monotonic() - first > _TWICE:
                threading.Timer(1, os._exit, [128 + number]).start()  # whatever comes of closing
                try:
                    close()
                finally:
                    os._exit(128 + number)
