"""From a corpus to a model directory: the function `train`."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from textgen.compute import runtime
from textgen.compute.backend import Backend
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator
from textgen.errors import OutputError
from textgen.settings import (
    CHECKPOINT_INTERVAL,
    DEFAULT_MODEL,
    CorpusConfig,
    CorpusOptions,
    TrainingOptions,
    normalize_options,
)
from textgen.text.sources import Corpora, list_corpora
from textgen.training import events, processes, provenance
from textgen.training.checkpoint import Checkpoint
from textgen.training.data import Text
from textgen.training.events import OnEvent
from textgen.training.job import Job
from textgen.training.plan import Plan, create_plan
from textgen.training.saving import Saver, open_directory

if TYPE_CHECKING:
    import keras

_EXIT, _EXIT_SHARE = 1.2, 0.03  # seconds from the last step to the prompt; of a short time a share
_DEFAULT_SHARE = 0.8  # of a time that nobody chose, what is left at least after a slow start


class JobOptions(CorpusOptions, TrainingOptions, total=False):
    """All settings of a training and of reading its corpus, all optional."""


def train(
    corpora: Corpora = (),
    *,
    model: str | Path = DEFAULT_MODEL,
    preset: str | None = None,
    init_from: str | Path | None = None,
    device: str = "auto",
    backend: str | None = None,
    cluster: Cluster | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_every: float = CHECKPOINT_INTERVAL,
    tensorboard: str | Path | None = None,
    debug: bool = False,
    on_event: OnEvent = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    **options: Unpack[JobOptions],
) -> events.TrainingFinished:
    """Train a model on a corpus and write its model directory.

    Where the directory holds the same training unfinished, resumes it from its last checkpoint.

    Random state, environment variables, loggers and Keras's global settings are afterwards as they
    were before, and do not influence the training. What a framework reads when it is imported
    stays: TensorFlow, for example, does not see a GPU that was hidden from it (`device="cpu"`).

    Args:
        corpora: A path of a file or directory, `-` for standard input, a source, or a list of
            them; or one prepared corpus. Empty to resume a training, which knows its corpus.
        model: The model directory to write.
        preset: Name of a preset that the options change.
        init_from: A model directory whose weights training begins with; characters that its
            vocabulary lacks are added.
        device: `auto`, `cpu` or `gpu`.
        backend: `tensorflow`, `jax` or `torch`; None for what `KERAS_BACKEND` says, else Keras's
            settings file, else TensorFlow.
        cluster: The processes to train together with, each of which is called in the same way;
            None for this one alone.
        force: Replace a model or an unfinished training in the model directory.
        resume: Require an unfinished training in the model directory.
        checkpoint_every: Seconds between checkpoints, at most, in addition to those at reports;
            more if checkpoints would take more than a tenth of the time.
        tensorboard: Directory for TensorBoard's logs; None for none.
        debug: Let the framework write its own log lines.
        on_event: Called with each event of `textgen.training.events`.
        stop: Called after every step; once it returns true, training ends early, with a checkpoint
            to resume from and the best model so far.
        progress: Whether to write lines about the training to standard error; None to do so in an
            interactive session only, such as a notebook or Python's prompt.
        options: The settings of WindowConfig, ModelConfig and TrainConfig; and those of
            CorpusConfig, which for a prepared corpus must be those that it was made with.

    Returns:
        How it ended.

    Raises:
        UsageError: an option that cannot be used (`SettingsError`), corpora that do not mix, or
            a backend that Keras cannot change to; processes that have different jobs.
        CorpusError: the corpus cannot be read or is too short.
        PreparedError: the prepared corpus is damaged.
        ModelError: the model to begin with, or the training to resume, is missing or damaged.
        OutputError: the model directory exists, cannot be written, or another training has it;
            or the logs for TensorBoard cannot be written.
        TrainingError: no such device, a package that is not installed or has another version than
            textgen works with, no TensorFlow to write logs for TensorBoard with, another process
            that is lost, or a loss that is not a number any more.

    Example:
        >>> train("corpus.txt", model="textgen-model", time="2m", units=256)  # doctest: +SKIP
    """
    values = normalize_options(options)
    names = {field.name for field in fields(CorpusConfig)}
    job = Job(
        corpora=tuple(list_corpora(corpora)),
        model=Path(model),
        options={name: value for name, value in values.items() if name not in names},
        reading={name: value for name, value in values.items() if name in names},
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
    )
    is_interactive = hasattr(sys, "ps1")  # also in IPython
    if progress if progress is not None else is_interactive:
        with _show(on_event) as show_event:
            return run_job(job, show_event, stop)
    return run_job(job, on_event, stop)


def run_job(job: Job, on_event: OnEvent, stop: Callable[[], bool]) -> events.TrainingFinished:
    """Run a job: what `train` does with its arguments.

    Importing Keras takes seconds, so what can be refused without it is refused before.
    """
    start_time = time.monotonic() if job.start_time is None else job.start_time
    runtime.check(job.backend, job.cluster)
    runtime.require("numba")
    backend, communicator, unfinished = None, Communicator(), None
    if job.cluster is not None:  # only together do processes know which of them writes
        processes.check_prepared(job.corpora)
        backend = runtime.start(job.device, job.backend, job.cluster, debug=job.debug)
        start_time = time.monotonic()  # others may have come late
        communicator = backend.communicator
        on_event(events.ProcessesJoined())
        on_event = processes.limit_events(communicator, on_event)
    with ExitStack() as lock:
        with communicator.starting():
            if communicator.is_main:
                unfinished = lock.enter_context(open_directory(job))
            plan = create_plan(job, unfinished, on_event, check_ids=communicator.reads_all)
        text = plan.text()
        on_event(_describe_corpus(plan, text))
        backend = backend or runtime.start(job.device, job.backend, debug=job.debug)
        if job.cluster is not None:
            processes.check_same_job(communicator, job.cluster, plan.request)
            unfinished = processes.broadcast_checkpoint(communicator, job.model, unfinished)
        if unfinished is not None:  # it may differ in settings that nobody chose
            plan = replace(plan, request=unfinished.request)
        backend = _shard(backend, plan.request.settings.training.batch_size)
        from textgen.training import loop

        precision = None
        if unfinished is None:
            plan, precision = _adapt(plan, backend)
        settings = plan.request.settings
        with communicator.starting():
            if not communicator.reads_all:
                parts = processes.parts_to_read(
                    communicator, text, settings, loop.VALIDATION_AT_MOST
                )
                plan.corpus.verify(parts)
            callback = _log_to_tensorboard(job, backend)
        recorded = unfinished.about if unfinished else None
        saver = Saver(
            job.model,
            plan,
            provenance.describe(plan, job.command, backend.name, recorded),
            force=job.force,
        )
        hooks = loop.Hooks(on_event=on_event, stop=stop)
        if communicator.is_main:
            hooks = replace(
                hooks,
                save=saver.save_model,
                keep=saver.save_checkpoint,
                keep_every=job.checkpoint_every,
                callback=callback,
            )
        with backend.session():
            progress = loop.fit(
                text,
                settings,
                backend,
                hooks,
                _deadline(start_time, plan, unfinished),
                plan.initial_weights,
                unfinished.snapshot if unfinished else None,
                precision,
            )
        if communicator.is_main and progress.reason != "stopped":
            saver.finish()
        communicator.all_gather(0)  # wait for all: one that has ended looks like a lost one
        finished = events.TrainingFinished(
            progress.reason, progress.best_epoch, progress.best_loss, str(job.model)
        )
        on_event(finished)
    return finished


@contextmanager
def _show(on_event: OnEvent) -> Iterator[OnEvent]:
    """Also write the lines that the command writes, except for what concerns it alone."""
    from textgen.cli.display.lines import LineDisplay

    with closing(LineDisplay(in_python=True)) as lines:

        def listen(event: events.Event) -> None:
            if not (isinstance(event, events.TrainingStarted) and event.process):
                lines(event)  # of several processes, process 0 writes them
            on_event(event)

        yield listen


def _describe_corpus(plan: Plan, text: Text) -> events.CorpusOpened:
    return events.CorpusOpened(
        characters=len(plan.corpus.ids),
        training_characters=len(text.train),
        validation_characters=len(text.validation),
        unknown_characters=plan.corpus.unknown,
        vocabulary_size=plan.request.vocabulary.size,
        from_cache=plan.from_cache,
        reading=plan.corpus.reading,
    )


def _shard(backend: Backend, rows: int) -> Backend:
    """A backend with no more devices than should share a batch of so many rows.

    Raises:
        SettingsError: the devices of several processes cannot share it evenly.
    """
    sharding = backend.sharding.limited_to(rows, gpu=not backend.device.is_cpu)
    sharding.check_rows(rows)
    return backend.with_sharding(sharding)


def _adapt(plan: Plan, backend: Backend) -> tuple[Plan, str | None]:
    """The plan with settings for the speed of a device, and the precision if it was measured."""
    if plan.settings_for is None:
        return plan, None
    from textgen.training import device_speed

    settings, size = plan.request.settings, plan.request.vocabulary.size
    with backend.alone().session(), backend.seeded(settings.training.random_seed):
        settings, precision = device_speed.adapt(settings, plan.settings_for, size, backend)
    return plan.with_settings(settings), precision


def _log_to_tensorboard(job: Job, backend: Backend) -> "keras.callbacks.Callback | None":
    """The callback that writes logs, in the process that writes, if they are wanted."""
    if job.tensorboard is None or not backend.communicator.is_main:
        return None
    directory = Path(job.tensorboard)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{directory}: the logs for TensorBoard cannot be written: "
            f"{error.strerror or error}; name another directory with --tensorboard"
        ) from error
    from textgen.training import tensorboard

    return tensorboard.callback(directory, backend.name)


def _deadline(start_time: float, plan: Plan, unfinished: Checkpoint | None) -> float:
    """When a training by time has to end, as time.monotonic() tells it."""
    if unfinished is not None:
        return start_time + unfinished.snapshot.seconds_left
    seconds = plan.request.settings.training.time
    seconds -= min(_EXIT, _EXIT_SHARE * seconds)
    deadline = start_time + seconds
    if "time" in plan.request.automatic:  # a slow start must not use up a time nobody chose
        deadline = max(deadline, time.monotonic() + seconds * _DEFAULT_SHARE)
    return deadline
