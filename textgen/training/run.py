"""The whole way from a corpus to a model directory.

Knows in which order things are done and checked; knows nothing of terminals, and of Keras only
that it is slow to import: everything that can be refused is refused before.
"""

import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import textgen
from textgen import config, model_dir
from textgen.config import CorpusConfig, Settings
from textgen.corpus import Source, find_sources
from textgen.errors import CorpusError, TextgenError, UsageError
from textgen.prepared import (
    Prepared,
    check_windows,
    is_prepared,
    open_prepared,
    prepare,
    unchanged,
)
from textgen.training import events, sizing, transfer
from textgen.training.text import Text

if TYPE_CHECKING:
    from textgen.training.loop import Progress

OnEvent = Callable[[events.Event], object]
Initial = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Run:
    """How a training is run, beside what is trained.

    Attributes:
        device: `auto`, `cpu` or `gpu`.
        force: Replace a model that is there.
        debug: Leave the framework's own log lines on.
        command: The command line, for the record.
        began: When it began, as time.monotonic() tells it: a training by time counts from there;
            None for when `train` is called.
    """

    device: str = "auto"
    force: bool = False
    debug: bool = False
    command: tuple[str, ...] = ()
    began: float | None = None


def train(
    corpora: Sequence[str | Source],
    model: str | Path = model_dir.DEFAULT,
    options: Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    corpus: CorpusConfig | None = None,
    init_from: str | Path | None = None,
    run: Run | None = None,
    on_event: OnEvent = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> events.Finished:
    """Train a model on a corpus and write its model directory.

    Args:
        corpora: Paths of files and directories, `-`, sources; or one prepared corpus.
        model: The model directory to make.
        options: Settings by name: those of WindowConfig, ModelConfig and TrainConfig.
        preset: Name of a preset that the options change.
        corpus: How text is read; not for a prepared corpus, which says so itself.
        init_from: A model directory whose weights training begins with; characters that its
            vocabulary lacks are added.
        run: Device and the like.
        on_event: Told what happens.
        stop: Asked after every step whether to end early and keep the best model so far.

    Returns:
        How it ended.

    Raises:
        UsageError: an option that cannot be used (`SettingsError`), or corpora that do not mix.
        CorpusError: the corpus cannot be read or is too short.
        PreparedError: the prepared corpus is damaged.
        ModelError: the model to begin with is missing or damaged.
        OutputError: the model directory exists or cannot be written.
        TrainingError: no such device, or the loss is not a number any more.

    Example:
        >>> train(["corpus.txt"], "textgen-model", {"epochs": 3})  # doctest: +SKIP
    """
    run = run or Run()
    began = time.monotonic() if run.began is None else run.began
    directory = Path(model)
    model_dir.check_new(directory, force=run.force)
    recorded = None
    opened = _prepared(corpora)
    if opened is not None:
        if corpus not in (None, CorpusConfig(), opened.corpus):
            raise UsageError(
                f"{opened.path}: is prepared already; to read its text another way, prepare it anew"
            )
        recorded = opened.windows
    options = options or {}
    begin = None if init_from is None else model_dir.read(init_from)
    if begin is not None:
        old = begin.record.settings.model
        shape = {"cell": old.cell, "units": old.units, "embedding": old.embedding}
        options = {**shape, **options}
    settings = config.settings(options, preset, recorded)
    if begin is not None:
        transfer.check_shape(settings.model, begin, str(init_from))
    with _own(directory):
        from_cache = False
        if opened is None:
            opened, from_cache = _prepare(
                corpora, directory, corpus or CorpusConfig(), settings, on_event
            )
        text, initial = _text(opened, settings.windows.validation, begin)
        settings = _suited(len(text.train), settings, options, preset, recorded)
        check_windows(opened, settings.windows)
        _check_streams(opened, settings)
        on_event(
            events.Opened(
                len(opened.ids),
                len(text.train),
                len(text.validation),
                opened.unknown,
                text.vocabulary.size,
                from_cache,
            )
        )
        from textgen.training import backend

        device = backend.start(run.device, debug=run.debug)
        from textgen.training import loop

        about = _about(opened, device.backend, preset, run)

        def save(progress: "Progress") -> None:
            record = model_dir.Record(
                settings, text.vocabulary, progress.history, progress.seeds, about
            )
            model_dir.save(directory, progress.model.save, record)

        progress = loop.fit(
            text,
            settings,
            device,
            save,
            on_event,
            stop,
            began + settings.training.time,
            initial,
        )
    finished = events.Finished(
        progress.reason, progress.best_epoch, progress.best_loss, str(directory)
    )
    on_event(finished)
    return finished


def _prepared(corpora: Sequence[str | Source]) -> Prepared | None:
    """The prepared corpus, where that is what the user named."""
    named = [name for name in corpora if isinstance(name, str) and is_prepared(name)]
    if not named:
        return None
    if len(corpora) > 1:
        raise UsageError(f"{named[0]}: is a prepared corpus; name it alone, or name texts only")
    return open_prepared(named[0])


def _prepare(
    corpora: Sequence[str | Source],
    directory: Path,
    corpus: CorpusConfig,
    settings: Settings,
    on_event: OnEvent,
) -> tuple[Prepared, bool]:
    """Prepare a corpus into the model directory's cache, unless it stands there already."""
    sources = find_sources(corpora, corpus.glob)
    cache = model_dir.cache(directory)
    if unchanged(cache, sources, corpus):
        try:
            return open_prepared(cache), True
        except TextgenError:
            pass  # a damaged cache is made anew
    made = prepare(
        sources,
        cache,
        corpus,
        settings.windows,
        force=True,
        on_progress=lambda *stage: on_event(events.Preparing(*stage)),
    )
    return made, False


def _text(
    opened: Prepared, validation: float, begin: model_dir.Trained | None
) -> tuple[Text, Initial | None]:
    """What training reads, and what it begins with where that is another model."""
    train_ids, validation_ids = opened.split(validation)
    if begin is None:
        return Text(train_ids, validation_ids, opened.vocabulary), None
    vocabulary = transfer.union(begin.record.vocabulary, opened.vocabulary)
    table = transfer.places(opened.vocabulary, vocabulary).astype(vocabulary.dtype)
    text = Text(
        transfer.Renumbered(train_ids, table),
        transfer.Renumbered(validation_ids, table),
        vocabulary,
    )
    return text, partial(transfer.transferred, begin, vocabulary)


def _suited(
    characters: int,
    settings: Settings,
    options: Mapping[str, Any],
    preset: str | None,
    recorded: config.WindowConfig | None,
) -> Settings:
    """The settings, with those that nobody chose made to suit the text and the time."""
    given = dict(options)
    if recorded is not None:
        given.setdefault("maxlen", recorded.maxlen)
    suited: dict[str, Any] = {}
    if settings.training.time and "time" not in options:
        suited["time"] = sizing.default_time(characters)
    if preset is None and settings.training.carry_state and settings.model.cell == "lstm":
        how_long = {"time": settings.training.time, **suited}
        suited |= sizing.sized(characters, {**how_long, **given})
    return config.settings(options, preset, recorded, suited)


def _check_streams(opened: Prepared, settings: Settings) -> None:
    if not settings.training.carry_state:
        return
    rows, maxlen = settings.training.batch_size, settings.windows.maxlen
    characters = len(opened.split(settings.windows.validation)[0])
    fits = (characters - 1) // maxlen
    if rows > fits:
        raise CorpusError(
            f"{characters:,} training characters are too few for {rows:,} streams of {maxlen}; "
            f"give --batch-size {fits} or less, or a smaller --maxlen"
        )


@contextmanager
def _own(directory: Path) -> Iterator[None]:
    """Leave no empty model directory behind where a training fails before it has a model."""
    existed = directory.exists()
    try:
        yield
    except BaseException:
        if not existed and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
        raise


def _about(opened: Prepared, backend: str, preset: str | None, run: Run) -> dict[str, Any]:
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
            "keras": importlib.metadata.version("keras"),
            backend: importlib.metadata.version(backend),
            "python": platform.python_version(),
            "platform": sys.platform,
        },
    }
