"""The whole way from a corpus to a model directory.

Knows in which order things are done and checked; knows nothing of terminals, and of Keras only
that it is slow to import: everything that can be refused is refused before.
"""

import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import textgen
from textgen import storage
from textgen.compute import runtime
from textgen.compute.backend import Backend
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator
from textgen.errors import ModelError, OutputError, UsageError, option_name
from textgen.model import model_dir
from textgen.model.paths import MODEL_KIND, check_new_model, checkpoint_path, remove_half_written
from textgen.model.record import ModelRecord
from textgen.settings import (
    CHECKPOINT_INTERVAL,
    DEFAULT_MODEL,
    CorpusConfig,
    Settings,
    build_config,
)
from textgen.text.prepared import Prepared, find_prepared
from textgen.text.sources import Source
from textgen.training import checkpoint, events, plan
from textgen.training.data import Text, streams
from textgen.training.plan import OnEvent, Plan

if TYPE_CHECKING:
    from textgen.training.loop import Progress

_EXIT, _EXIT_SHARE = 1.2, 0.03  # seconds from the last thing done to the prompt; of short ones less
_DEFAULT_SHARE = 0.8  # of a default time that remains after the start, also of a slow one
_LOCKED = "another training is writing to it; wait, or name another one"


@dataclass(frozen=True)
class Run:
    """How a training is run, beside what is trained.

    Attributes:
        device: `auto`, `cpu` or `gpu`.
        force: Replace a model that is there, and an unfinished training.
        resume: Go on with the unfinished training that is there, and with nothing else.
        checkpoint_every: Seconds from one checkpoint to the next, at most, in addition to those at
            reports; more where checkpoints would take more than a tenth of the time.
        debug: Leave the framework's own log lines on.
        command: The command line, for the record.
        began: When it began, as time.monotonic() tells it: a training by time counts from there;
            None for when `train` is called.
        tensorboard: Directory for TensorBoard's logs; None for none.
        backend: `tensorflow`, `jax` or `torch`; None for what `KERAS_BACKEND`, else Keras's own
            settings file, else TensorFlow.
        cluster: The processes to train together with; each is called in the same way. None for
            this one alone.
    """

    device: str = "auto"
    force: bool = False
    resume: bool = False
    checkpoint_every: float = CHECKPOINT_INTERVAL
    debug: bool = False
    command: tuple[str, ...] = ()
    began: float | None = None
    tensorboard: str | Path | None = None
    backend: str | None = None
    cluster: Cluster | None = None


def train(
    corpora: Sequence[str | Path | Source],
    model: str | Path = DEFAULT_MODEL,
    options: Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    corpus: CorpusConfig | Mapping[str, Any] | None = None,
    init_from: str | Path | None = None,
    run: Run | None = None,
    on_event: OnEvent = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
) -> events.TrainingFinished:
    """Train a model on a corpus and write its model directory.

    Where the directory holds the same training unfinished, goes on with it from its last
    checkpoint.

    Random state, environment variables, loggers and Keras's global settings are afterwards as they
    were before, and do not influence the training. What a framework reads when it is imported
    stays: TensorFlow, for example, does not see a GPU that was hidden from it (`device="cpu"`).

    Args:
        corpora: Paths of files and directories, `-`, sources; or one prepared corpus. Empty to
            resume a training, which knows its text.
        model: The model directory to make.
        options: Settings by name: those of WindowConfig, ModelConfig and TrainConfig.
        preset: Name of a preset that the options change.
        corpus: How text is read: a CorpusConfig, or some of its settings by name. For a prepared
            corpus they must be those that it was made with.
        init_from: A model directory whose weights training begins with; characters that its
            vocabulary lacks are added.
        run: Device and the like.
        on_event: Told what happens.
        stop: Asked after every step whether to end early, with a checkpoint to go on from and
            the best model so far.
        progress: Whether to write lines about the training to standard error; None to do so in an
            interactive session only, such as a notebook or Python's prompt.

    Returns:
        How it ended.

    Raises:
        UsageError: an option that cannot be used (`SettingsError`), corpora that do not mix, or
            a backend that Keras cannot change to; processes that were asked different things.
        CorpusError: the corpus cannot be read or is too short.
        PreparedError: the prepared corpus is damaged.
        ModelError: the model to begin with, or the training to go on with, is missing or damaged.
        OutputError: the model directory exists, cannot be written, or another training has it;
            or the logs for TensorBoard cannot be written.
        TrainingError: no such device, a package that is not installed or has another version than
            textgen works with, no TensorFlow to write logs for TensorBoard with, other processes
            that are not there (any more), or the loss is not a number any more.

    Example:
        >>> train(["corpus.txt"], "textgen-model", {"epochs": 3})  # doctest: +SKIP
    """
    run, options, directory = run or Run(), options or {}, Path(model)
    began = time.monotonic() if run.began is None else run.began
    runtime.check(run.backend, run.cluster)
    runtime.require("numba")
    backend, communicator, kept = None, Communicator(), None
    with ExitStack() as until_the_end:
        if progress or (progress is None and hasattr(sys, "ps1")):  # IPython has that name, too
            on_event = until_the_end.enter_context(_shown(on_event))
        if run.cluster is not None:  # who writes is known once the processes found each other
            _check_prepared(corpora)
            backend = runtime.start(run.device, run.backend, run.cluster, debug=run.debug)
            communicator, began = backend.communicator, time.monotonic()  # after waiting for others
            on_event(events.ProcessesJoined())
        with communicator.starting():
            if communicator.is_main:
                check_new_model(directory, force=True)
                if run.resume:
                    _check_unfinished(directory)
                until_the_end.enter_context(storage.lock_directory(directory, _LOCKED))
                remove_half_written(directory)
                kept = None if run.force else _kept(directory)
                if kept is None:
                    check_new_model(directory, force=run.force)
            else:
                on_event = _of_the_others(on_event)
            if kept is not None and not corpora:
                if preset or init_from or build_config(CorpusConfig, corpus)[1]:
                    raise UsageError(
                        "a training is resumed as it was started; leave out --preset, --init-from "
                        "and the options of reading, or name the corpus as well"
                    )
                asked = plan.again(directory, kept, options)
            else:
                asked = plan.plan(
                    corpora,
                    directory,
                    options,
                    preset,
                    corpus,
                    init_from,
                    on_event,
                    kept=kept.request if kept else None,
                    check_ids=run.cluster is None,
                    force=run.force,
                )
            if kept is not None and (other := checkpoint.differing(asked.request, kept.request)):
                raise plan.other_training(directory, other)
        return _train(directory, asked, kept, run, backend, began, on_event, stop)


@contextmanager
def _shown(on_event: OnEvent) -> Iterator[OnEvent]:
    """Also write the lines that the command line writes, without what concerns it alone."""
    from textgen.cli.display.lines import LineDisplay

    with closing(LineDisplay(in_python=True)) as lines:

        def listen(event: events.Event) -> None:
            if not (
                isinstance(event, events.TrainingStarted) and event.process
            ):  # process 0 writes them
                lines(event)
            on_event(event)

        yield listen


def _of_the_others(on_event: OnEvent) -> OnEvent:
    """What processes other than process 0 tell: that they have begun."""
    return lambda event: on_event(event) if isinstance(event, events.TrainingStarted) else None


def _check_prepared(corpora: Sequence[str | Path | Source]) -> None:
    """Several processes do not each read the texts, and standard input is one process's."""
    if find_prepared(corpora) is None:
        raise UsageError(
            "several processes train on a prepared corpus: make it by `textgen prepare`, have it "
            "on every host, and name it alone, also to resume"
        )


def _kept(directory: Path) -> checkpoint.Checkpoint | None:
    """The checkpoint of an unfinished training, if there is one."""
    path = checkpoint_path(directory)
    return checkpoint.read(path) if path.exists() else None


def _check_unfinished(directory: Path) -> None:
    if checkpoint_path(directory).exists():
        return
    if storage.read_kind(directory) == MODEL_KIND.name:
        raise ModelError(
            f"{directory}: its training is finished; to go on from its model, train with "
            "--init-from"
        )
    raise ModelError(f"{directory}: no training to resume in it; name another one with --model")


def _train(
    directory: Path,
    asked: Plan,
    kept: checkpoint.Checkpoint | None,
    run: Run,
    backend: Backend | None,
    began: float,
    on_event: OnEvent,
    stop: Callable[[], bool],
) -> events.TrainingFinished:
    """Train, save and keep checkpoints until it is finished or stopped."""
    opened, request = asked.opened, asked.request
    vocabulary, text = request.vocabulary, plan.text(asked)
    on_event(
        events.CorpusOpened(
            len(opened.ids),
            len(text.train),
            len(text.validation),
            opened.unknown,
            vocabulary.size,
            asked.from_cache,
            opened.reading,
        )
    )
    backend = backend or runtime.start(run.device, run.backend, debug=run.debug)
    path, logs = checkpoint_path(directory), None
    if run.cluster is not None:
        backend.communicator.check_same(
            {"--processes": run.cluster.processes, **_known_by(request)}
        )
        kept = _first_ones(backend.communicator, path, kept)
    if kept is not None:  # in what nobody chose it may differ
        request = kept.request
    rows = request.settings.training.batch_size
    communicator = backend.communicator
    sharding = backend.sharding.limited_to(rows, gpu=not backend.device.is_cpu)
    backend = backend.with_sharding(sharding)
    sharding.check_rows(rows)
    from textgen.training import device_speed, loop

    settings, precision = request.settings, None
    if kept is None and asked.at_pace is not None:
        with backend.alone().session(), backend.seeded(settings.training.random_seed):
            settings, precision = device_speed.settled(
                settings, asked.at_pace, vocabulary.size, backend
            )
        request = replace(request, settings=settings)
    with communicator.starting():
        if run.cluster is not None:
            opened.verify(_read_by(communicator, text, settings, loop.VALIDATION_AT_MOST))
        if run.tensorboard is not None and communicator.is_main:
            where = _made(Path(run.tensorboard))
            from textgen.training import tensorboard

            logs = tensorboard.callback(where, backend.name)
    about = _about(opened, asked.preset, run)
    if kept is not None:  # the same text, perhaps read again, perhaps on another backend
        about = {**kept.about, "corpus": about["corpus"]}
    about["versions"] = {
        **about["versions"],
        "textgen": textgen.__version__,  # which writes it from here on
        **_version(backend.name),
    }
    prepared = asked.elsewhere(directory)
    begun = not run.force

    def begin() -> None:
        """Before anything is written: from here on this is the training of the directory."""
        nonlocal begun
        if not begun:
            path.unlink(missing_ok=True)
            asked.settle(directory)
            begun = True

    def save(progress: "Progress") -> None:
        record = ModelRecord(settings, vocabulary, progress.history, progress.seeds, dict(about))
        with _room(directory):
            begin()
            model_dir.save(directory, progress.model.save, record, changed=progress.unsaved)

    def keep(snapshot: checkpoint.Snapshot) -> None:
        with _room(directory):
            begin()
            checkpoint.write(path, checkpoint.Checkpoint(request, prepared, about, snapshot))

    hooks = loop.Hooks(save, keep, run.checkpoint_every, on_event, stop, logs)
    if not communicator.is_main:
        hooks = loop.Hooks(on_event=on_event, stop=stop)
    left = kept.snapshot.left if kept else _until_exit(settings.training.time)
    deadline = began + left
    if kept is None and "time" in request.suited:
        # A time that nobody chose must not be used up by a slow start.
        deadline = max(deadline, time.monotonic() + left * _DEFAULT_SHARE)
    with backend.session():
        progress = loop.fit(
            text,
            settings,
            backend,
            hooks,
            deadline,
            asked.initial,
            kept.snapshot if kept else None,
            precision,
        )
    if progress.reason != "stopped" and communicator.is_main:
        path.unlink(missing_ok=True)
    communicator.all_gather(
        0
    )  # who ends first would wait for the others no longer than for a dead one
    finished = events.TrainingFinished(
        progress.reason, progress.best_epoch, progress.best_loss, str(directory)
    )
    on_event(finished)
    return finished


def _until_exit(seconds: float) -> float:
    """What the program has of its time until it ends."""
    return seconds - min(_EXIT, _EXIT_SHARE * seconds)


def _read_by(
    communicator: Communicator, text: Text, settings: Settings, validation: int
) -> list[slice]:
    """Where in the whole text one process of several reads.

    Args:
        communicator: The process.
        text: Training and validation part, one after the other.
        settings: Windows, which are all over the text without carried state.
        validation: Characters of the validation part that are read at most.
    """
    cut = len(text.train)
    own = slice(0, cut)
    if settings.training.carry_state:
        own = streams(text.train, settings, communicator).extent
    return [own, slice(cut, cut + min(len(text.validation), validation))]


def _known_by(request: checkpoint.Request) -> dict[str, object]:
    """What must be the same in all processes, by the names that messages have for it."""
    settings = {
        f"--{option_name(name)}": "what suits" if name in request.suited else value
        for name, value in request.parts().items()
    }
    versions = {
        f"version of {name}": importlib.metadata.version(name) for name in ("keras", "jax", "numpy")
    }
    return {
        "corpus": request.text,
        "vocabulary": request.vocabulary.characters,
        **settings,
        "version of textgen": textgen.__version__,
        **versions,
    }


def _first_ones(
    communicator: Communicator, path: Path, kept: checkpoint.Checkpoint | None
) -> checkpoint.Checkpoint | None:
    """Process 0's checkpoint, which the others need not be able to read."""
    content = communicator.broadcast(path.read_bytes() if kept else b"")
    if communicator.is_main or not content:
        return kept
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return checkpoint.read(Path(file.name))


def _made(logs: Path) -> Path:
    """Make the directory for TensorBoard's logs while that can still be refused."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{logs}: the logs for TensorBoard cannot be written: {error.strerror or error}; name "
            "another directory with --tensorboard"
        ) from error
    return logs


@contextmanager
def _room(directory: Path) -> Iterator[None]:
    """Turn a full disk and the like into a line that says what is still there."""
    try:
        yield
    except OSError as error:
        kept = os.path.exists(checkpoint_path(directory))  # noqa: PTH110 never raises
        raise OutputError(
            f"{directory}: cannot be written: {error.strerror or error}; "
            + (
                "what was saved before is still there: the same command, without --force, goes on "
                "from the last checkpoint"
                if kept
                else "mend that, and run the same command again"
            )
        ) from error


def _about(opened: Prepared, preset: str | None, run: Run) -> dict[str, Any]:
    return {
        "corpus": {
            "settings": opened.corpus.to_json(),
            "sources": list(opened.sources),
            "characters": len(opened.ids),
        },
        "preset": preset,
        "command": list(run.command),
        "versions": {
            "textgen": textgen.__version__,
            **_version("keras"),
            "python": platform.python_version(),
            "platform": sys.platform,
        },
    }


def _version(package: str) -> dict[str, str]:
    return {package: importlib.metadata.version(package)}
