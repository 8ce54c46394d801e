"""What a training is asked to do: its text, its characters and all its settings.

Everything that can be refused is refused here.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import (
    ModelError,
    OutputError,
    SettingsError,
    TextgenError,
    UsageError,
    option_name,
)
from textgen.model import model_dir
from textgen.model.paths import cache_path, checkpoint_path, pending_cache_path, resume_command
from textgen.settings import (
    PRESETS,
    CorpusConfig,
    Settings,
    build_config,
    resolve_settings,
    to_python_value,
)
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared, find_prepared, is_up_to_date, open_prepared
from textgen.text.sources import Source, find_sources
from textgen.text.split import check_length
from textgen.training import automatic, events, transfer
from textgen.training.automatic import Pace
from textgen.training.checkpoint import Checkpoint, Request
from textgen.training.data import Text

OnEvent = Callable[[events.Event], object]


@dataclass(frozen=True)
class Plan:
    """A training that has been thought through.

    Attributes:
        request: What it is.
        opened: The prepared corpus.
        preset: The preset's name.
        from_cache: Whether the corpus had been read before.
        initial: What gives the weights to begin with, where another model does.
        at_pace: Gives the settings that suit another device, for its pace as sizing.sized takes it;
            None where at most the time that nobody chose would depend on it.
    """

    request: Request
    opened: Prepared
    preset: str | None = None
    from_cache: bool = True
    initial: Callable[[list[Any]], list[Any]] | None = None
    at_pace: Callable[[Pace], Settings] | None = None

    def settle(self, directory: Path) -> None:
        """Put the text where a training that goes on looks for it, once this one has begun."""
        if self.opened.path == pending_cache_path(directory):
            storage.replace_directory(self.opened.path, cache_path(directory))

    def elsewhere(self, directory: Path) -> str | None:
        """Where the text is, if that is not in the model directory."""
        own = (cache_path(directory), pending_cache_path(directory))
        return None if self.opened.path in own else str(self.opened.path.absolute())


def plan(
    corpora: Sequence[str | Path | Source],
    directory: Path,
    options: Mapping[str, Any],
    preset: str | None,
    corpus: CorpusConfig | Mapping[str, Any] | None,
    init_from: str | Path | None,
    on_event: OnEvent,
    *,
    kept: Request | None,
    check_ids: bool = True,
    force: bool = False,
) -> Plan:
    """What a command with a corpus asks for.

    Args:
        corpora, directory, options, preset, corpus, init_from, on_event: As `train` takes them.
        kept: What the unfinished training was asked that is gone on with, if one is.
        check_ids: Whether to check the ids of a prepared corpus; else whoever reads them does.
        force: Read texts again, also where they have not changed.
    """
    opened, recorded, from_cache = None, None, False
    decided = dict(PRESETS.get(preset or "", {}))
    if named := find_prepared(corpora):
        opened = open_prepared(named, check=check_ids)
        _check_read_so(opened, corpus)
        recorded = opened.windows
        windows = {name: value for name, value in vars(recorded).items() if name in opened.chosen}
        decided = {**windows, **decided}
    begin = None if init_from is None else model_dir.read_model(init_from)
    if begin is not None:
        old = begin.record.settings.model
        shape = {"cell": old.cell, "units": old.units, "embedding": old.embedding}
        of_preset = PRESETS.get(preset or "", {}).items()
        shape |= {name: value for name, value in of_preset if name in shape}
        options = {**shape, **options}
    decided |= options
    settings = resolve_settings(options, preset, recorded)
    if begin is not None:
        transfer.check_shape(settings.model, begin, str(init_from))
    chosen, suit = settings, partial(_suited, settings, decided, sizes=preset is None)

    def check(text: Prepared) -> None:
        # A batch that nobody chose has as many streams as the text is long enough for.
        _check_fits(text, chosen, streams=None if "batch_size" in decided else 1)

    if opened is None:
        windows = {name: value for name, value in vars(settings.windows).items() if name in decided}
        opened, from_cache = _prepare(
            corpora, directory, corpus, windows, check, on_event, kept, force=force
        )
    check(opened)
    suited = suit(opened, automatic.TWO_CORES)

    def at_pace(pace: Pace) -> Settings:
        return resolve_settings(options, preset, recorded, suit(opened, pace))

    settings = at_pace(automatic.TWO_CORES)
    vocabulary, initial = opened.vocabulary, None
    if begin is not None:
        vocabulary = transfer.union(begin.record.vocabulary, vocabulary)
        initial = partial(transfer.transferred, begin, vocabulary)
    request = Request(
        settings,
        vocabulary,
        opened.digest,
        None if init_from is None else str(init_from),
        tuple(suited),
    )
    seconds = settings.training.time
    paced = at_pace if seconds and suited.keys() - {"time", "batch_size", "state_reset"} else None
    return Plan(request, opened, preset, from_cache, initial, paced)


def again(directory: Path, kept: Checkpoint, options: Mapping[str, Any]) -> Plan:
    """What a training that goes on was asked for."""
    recorded = kept.request.settings.by_name()
    for name, value in options.items():
        if name not in recorded:
            raise SettingsError(name, "is not a setting of textgen")
        if recorded[name] != to_python_value(value):
            begun = transfer.show(recorded[name])
            raise SettingsError(name, f"must be left out, or be {begun}: that is what was begun")
    opened = open_prepared(kept.prepared or cache_path(directory))
    if opened.digest != kept.request.text:
        raise ModelError(
            f"{opened.path}: is not the text that the training started with; name that text, or "
            "start again with --force"
        )
    _check_fits(opened, kept.request.settings)
    return Plan(kept.request, opened)


def text(plan: Plan) -> Text:
    """What training reads, in the ids of the plan's vocabulary."""
    opened, vocabulary = plan.opened, plan.request.vocabulary
    train, validation = opened.split(plan.request.settings.windows.validation)
    if vocabulary == opened.vocabulary:
        return Text(train, validation, vocabulary)
    table = transfer.places(opened.vocabulary, vocabulary).astype(vocabulary.dtype)
    return Text(
        transfer.Renumbered(train, table), transfer.Renumbered(validation, table), vocabulary
    )


def _prepare(
    corpora: Sequence[str | Path | Source],
    directory: Path,
    corpus: CorpusConfig | Mapping[str, Any] | None,
    windows: Mapping[str, Any],
    check: Callable[[Prepared], object],
    on_event: OnEvent,
    kept: Request | None,
    *,
    force: bool,
) -> tuple[Prepared, bool]:
    """Prepare a corpus into the model directory's cache, unless it is there already."""
    read = build_config(CorpusConfig, corpus)[0]
    sources = find_sources(corpora, read.glob)
    cache = cache_path(directory)
    if not force and is_up_to_date(cache, sources, read):
        try:
            return open_prepared(cache), True
        except TextgenError:
            pass  # a damaged cache is made anew

    def into(path: Path) -> Prepared:
        preparation = Preparation.build(corpus, windows, force=True)
        return write_prepared(
            sources, path, preparation, lambda *stage: on_event(events.Preparing(*stage)), check
        )

    if not checkpoint_path(directory).exists():
        return into(cache), False
    # An unfinished training's text must not be lost before another one has begun.
    made = into(pending_cache_path(directory))
    if kept is None:
        return made, False
    if made.digest != kept.text:
        shutil.rmtree(made.path)
        raise other_training(directory, "corpus")
    storage.replace_directory(made.path, cache)
    return open_prepared(cache, check=False), False


def _check_read_so(opened: Prepared, corpus: CorpusConfig | Mapping[str, Any] | None) -> None:
    """Raise `UsageError` where the user chose another way of reading than that of a prepared text.

    A value that was given counts, whether or not it is the default.
    """
    asked, names = build_config(CorpusConfig, corpus)
    for name in names:
        before = getattr(opened.corpus, name)
        if getattr(asked, name) != before:
            raise UsageError(
                f"{opened.path}: is prepared already, with {option_name(name)} "
                f"{transfer.show(before)}; to read its text another way, prepare it again"
            )


def _suited(
    settings: Settings,
    decided: Mapping[str, Any],
    opened: Prepared,
    pace: Pace,
    *,
    sizes: bool,
) -> dict[str, Any]:
    """What suits the text, the time and the device's pace, of what nobody chose.

    Args:
        settings: All settings, where nothing suits them.
        decided: Those by name that the user, a preset or a prepared corpus chose.
        opened: The text, which is long enough for these settings.
        pace: Of the device.
        sizes: Whether a size may be chosen, not just a time and a batch.
    """
    characters, validation = map(len, opened.split(settings.windows.validation))
    given = dict(decided)
    if 0 < validation <= automatic.MAXLEN or characters <= automatic.MAXLEN * given.get(
        "batch_size", 1
    ):
        given.setdefault("maxlen", settings.windows.maxlen)
    suited: dict[str, Any] = {}
    if settings.training.time and "time" not in given:
        suited["time"] = automatic.default_time(characters, pace)
    if "state_reset" not in given:  # also without carried state: there it has no effect
        windows = characters / settings.windows.maxlen
        suited["state_reset"] = automatic.state_reset(windows * (settings.training.epochs or 1))
    if not settings.training.carry_state:
        return suited
    if sizes and settings.model.cell == "lstm":
        how_long = {"time": settings.training.time, **suited}
        suited |= automatic.sized(characters, {**how_long, **given}, pace)
    elif "batch_size" not in given:
        suited["batch_size"] = automatic.rows(characters, settings.windows.maxlen)
    return suited


def _check_fits(opened: Prepared, settings: Settings, streams: int | None = None) -> None:
    """Raise `CorpusError` where a text is too short for its windows and streams.

    Args:
        opened: The text.
        settings: All settings.
        streams: How many streams it must be long enough for; None for all of a batch.
    """
    if not settings.training.carry_state:
        streams = 1
    streams = streams or settings.training.batch_size
    check_length(len(opened.ids), opened.vocabulary, settings.windows, streams)


def other_training(directory: Path, what: str) -> OutputError:
    """What to raise where a directory holds another training than the one asked for."""
    return OutputError(
        f"{directory}: holds an unfinished training with another {option_name(what)}; go on "
        f"with it by `{resume_command(directory)}`, replace it with --force, or name another "
        "directory with --model"
    )
