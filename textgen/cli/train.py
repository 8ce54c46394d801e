"""`textgen train`."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import cloup

from textgen.cli import base_command, console, corpus_options, options, streams
from textgen.cli.stop_signals import StopSignals
from textgen.cli.train_options import LOG_FORMAT, train_options
from textgen.settings import CorpusConfig

if TYPE_CHECKING:
    from textgen.distributed.cluster import Cluster
    from textgen.training.events import Event
    from textgen.training.job import Job

_STARTUP = 0.15  # seconds that Python and the command line need before a command runs


class _TrainCommand(base_command.Command):
    """Sets the log format before it parses the arguments, so that an error in them is an event."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if isinstance(ctx.obj, dict):
            for word, following in pairwise([*args, ""]):
                name, equals, value = word.partition("=")
                if name == LOG_FORMAT:
                    ctx.obj[LOG_FORMAT] = value if equals else following
        return super().parse_args(ctx, args)


@cloup.command("train", cls=_TrainCommand)
@train_options
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
    """Train a model on a corpus and write its model directory.

    CORPUS is one or more files, directories (read recursively) or - for standard input, or one
    directory written by `textgen prepare`. Ctrl-C stops the training and keeps the best model so
    far; the same command, without --force, resumes it, also after a crash.

    A default that is automatic is chosen for the text, the time and the device if the network is
    an LSTM that carries its state.

    \b
        textgen train corpus.txt
        textgen train corpus.txt --time 5m
        textgen train names.txt --documents lines
        textgen train titles.csv --column title --label forum
        textgen train --demo --epochs 3
        textgen train corpus.txt --units 512,512 --dropout 0.3 --model big
        textgen train corpus.txt --preset keras-example
        textgen train --resume
        textgen train letters.txt --init-from textgen-model --model letters
        textgen train titles.txt --documents lines --init-from auto
    """
    start_time = time.monotonic() - _STARTUP
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other")
    if quiet and log_format != "text":
        raise click.UsageError("--quiet and --log-format json exclude each other")
    processes, process = _read_launcher(coordinator, processes, process)
    sources: list[Any] = []
    names = "the corpus of the unfinished training"
    if corpora or demo or not resume:
        sources = corpus_options.list_sources(corpora, demo=demo, command="train")
        names = _format_names(corpora)
        is_main = coordinator is None or process == 0
        if is_main and not quiet and log_format == "text":
            console.note(f"textgen: reading {names}")
    debug = options.is_debugging()
    arguments = base_command.arguments()
    if coordinator == "ray" and process is None:
        from textgen.distributed import ray_launcher

        sys.exit(ray_launcher.launch_on_ray(list(arguments), processes, console.note))
    cluster = _create_cluster(coordinator, processes, process, wait)
    if cluster is not None:
        _continue_in_child(cluster)
    if not debug:
        streams.silence_frameworks()

    from textgen.training.job import Job

    settings = options.chosen(values)
    reading = options.settings_of(CorpusConfig, settings)
    job = Job(
        corpora=tuple(sources),
        model=directory,
        options={name: value for name, value in settings.items() if name not in reading},
        reading=reading,
        preset=preset,
        init_from=init_from,
        device=device,
        backend=backend,
        cluster=cluster,
        force=force,
        resume=resume,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        debug=debug,
        command=arguments,
        start_time=start_time,
    )
    with closing(_create_display(names, directory, log_format, quiet=quiet)) as display:
        status = _run(job, display)
    if status:
        sys.exit(status)


def _read_launcher(
    coordinator: str | None, processes: int | None, process: int | None
) -> tuple[int | None, int | None]:
    """`--processes` and `--process`; for an address, what was not given is what a launcher says."""
    if coordinator is None or ":" not in coordinator:
        return processes, process
    from textgen.distributed.cluster import read_launcher

    launched_processes, launched_process = read_launcher(os.environ)
    return (
        launched_processes if processes is None else processes,
        launched_process if process is None else process,
    )


def _format_names(corpora: Sequence[str]) -> str:
    """The corpora for people; without any, the demo corpus."""
    names = ", ".join(corpora[:3]) + (", ..." if len(corpora) > 3 else "")
    return names or "the documentation that comes with Python"


def _continue_in_child(cluster: "Cluster") -> None:
    """Train in a child process; this one watches it, and ends when it does."""
    from textgen.distributed import supervisor

    supervisor.continue_in_child(cluster, lambda: bool(streams.in_foreground(sys.stderr)))
    streams.discard_output(1)  # gloo reports its connections there; this command writes nothing


def _run(job: "Job", display: "_Display") -> int:
    """Train and show it. Returns the exit status: 0 unless a signal stopped the training."""
    from textgen.distributed import supervisor
    from textgen.training.events import ProcessesJoined, TrainingStarted
    from textgen.training.pipeline import run_job

    stop = StopSignals()

    def on_event(event: "Event") -> None:
        if isinstance(event, ProcessesJoined):
            supervisor.report_joined()
            return
        if isinstance(event, TrainingStarted):
            stop.listen(display.close)  # before a line says that Ctrl-C keeps the model
            if event.process:
                return  # process 0 shows the training
        display(event)

    finished = run_job(job, on_event, stop.received)
    if finished.reason != "stopped":
        return 0
    return 128 + (stop.number or signal.SIGTERM)  # perhaps a signal to another process


def _create_cluster(
    coordinator: str | None, processes: int | None, process: int | None, wait: float
) -> "Cluster | None":
    """The processes to train together with, if there are any."""
    if coordinator is None:
        if (processes, process) != (None, None):
            raise click.UsageError("--processes and --process need --coordinator")
        return None
    from textgen.distributed.cluster import Cluster

    return Cluster(coordinator, processes, process, wait)


class _Display(Protocol):
    """Shows a training: called with its events, and closed at its end."""

    def __call__(self, event: "Event") -> None: ...

    def close(self) -> None: ...


def _create_display(names: str, directory: Path, log_format: str, *, quiet: bool) -> _Display:
    """The display that the options and the terminal call for."""
    from textgen.cli.display.json_lines import JsonDisplay
    from textgen.cli.display.lines import LineDisplay, QuietDisplay

    if quiet:
        return QuietDisplay()
    if log_format == "json":
        return JsonDisplay()
    # With --debug a framework's own lines would disturb a display.
    if options.is_debugging() or not streams.can_redraw():
        return LineDisplay()
    from textgen.cli.display.live import LiveDisplay

    return LiveDisplay(names, str(directory))
