"""What a job trains: its corpus, its vocabulary and all its settings.

Everything that can be refused before Keras is imported is refused here.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.paths import cache_path, checkpoint_path, pending_cache_path, resume_command
from textgen.settings import PRESETS, CorpusConfig, Settings, build_config, normalize_options
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared, find_prepared, is_up_to_date, open_prepared
from textgen.text.sources import find_sources
from textgen.training import automatic, checkpoint, events, transfer
from textgen.training.automatic import Pace
from textgen.training.checkpoint import Checkpoint, Request
from textgen.training.choices import Choices, check_fits
from textgen.training.data import Text
from textgen.training.events import OnEvent
from textgen.training.job import Job


@dataclass(frozen=True)
class Plan:
    """What is trained, with all that is known before a device is.

    Attributes:
        request: Settings, vocabulary, and what else identifies the training.
        corpus: The prepared corpus.
        preset: The preset's name.
        from_cache: Whether the corpus was read before.
        initial_weights: Returns the weights to begin with, given those of a new network; None to
            begin with the latter.
        settings_for: Returns the settings for the pace of a device; None where nothing but the time
            would depend on it.
    """

    request: Request
    corpus: Prepared
    preset: str | None = None
    from_cache: bool = True
    initial_weights: Callable[[list[Any]], list[Any]] | None = None
    settings_for: Callable[[Pace], Settings] | None = None

    def text(self) -> Text:
        """The training and the validation part of the corpus, as ids of the plan's vocabulary."""
        corpus, vocabulary = self.corpus, self.request.vocabulary
        train, validation = corpus.split(self.request.settings.windows.validation)
        if vocabulary == corpus.vocabulary:
            return Text(train, validation, vocabulary)
        table = transfer.map_ids(corpus.vocabulary, vocabulary).astype(vocabulary.dtype)
        return Text(
            transfer.MappedIds(train, table), transfer.MappedIds(validation, table), vocabulary
        )

    def with_settings(self, settings: Settings) -> "Plan":
        return replace(self, request=replace(self.request, settings=settings))

    def corpus_path(self, directory: Path) -> str | None:
        """The path of the corpus if it is not in the model directory's cache."""
        caches = (cache_path(directory), pending_cache_path(directory))
        return None if self.corpus.path in caches else str(self.corpus.path.absolute())

    def replace_cache(self, directory: Path) -> None:
        """Move the corpus into the cache, if it waits for the training before to be replaced."""
        if self.corpus.path == pending_cache_path(directory):
            storage.replace_directory(self.corpus.path, cache_path(directory))


def create_plan(
    job: Job, unfinished: Checkpoint | None, on_event: OnEvent, *, check_ids: bool = True
) -> Plan:
    """What a job trains.

    Args:
        job: What the user asks for.
        unfinished: The training to resume, which has to be the one that the job asks for.
        on_event: Called while the corpus is read.
        check_ids: Whether to check all ids of a prepared corpus; else whoever reads some of them
            checks these.
    """
    if unfinished is None:
        return _plan_new(job, None, on_event, check_ids=check_ids)
    if not job.corpora:
        return _plan_from(unfinished, job)
    plan = _plan_new(job, unfinished.request, on_event, check_ids=check_ids)
    if name := checkpoint.difference(plan.request, unfinished.request):
        raise _other_training(job.model, name)
    return plan


def _plan_from(unfinished: Checkpoint, job: Job) -> Plan:
    """Resume a training, whose checkpoint says where its corpus is."""
    if job.preset or job.init_from or job.reading:
        raise UsageError(
            "a training is resumed as it was started; leave out --preset, --init-from and the "
            "options of reading, or name the corpus as well"
        )
    values = unfinished.request.settings.by_name()
    for name, value in normalize_options(job.options).items():
        if name not in values:
            raise SettingsError(name, "is not a setting of textgen")
        if value != values[name]:
            raise SettingsError(
                name,
                f"must be left out, or be {transfer.format_value(values[name])} as when the "
                "training was started",
            )
    corpus = open_prepared(unfinished.prepared or cache_path(job.model))
    if corpus.digest != unfinished.request.text:
        raise ModelError(
            f"{corpus.path}: is not the text that the training started with; name that text, or "
            "start again with --force"
        )
    check_fits(corpus, unfinished.request.settings)
    return Plan(unfinished.request, corpus)


def _plan_new(job: Job, unfinished: Request | None, on_event: OnEvent, *, check_ids: bool) -> Plan:
    """Plan from the corpus and the options that a job names."""
    prepared_path = find_prepared(job.corpora)
    prepared = open_prepared(prepared_path, check=check_ids) if prepared_path else None
    if prepared is not None:
        _check_reading(prepared, job)
    base = None if job.init_from is None else read_model(job.init_from)
    choices = Choices(
        {**_shape(base, job.preset), **job.options} if base else job.options,
        job.preset,
        prepared.windows if prepared else None,
        prepared.chosen if prepared else (),
    )
    settings = choices.resolve()
    if base is not None:
        transfer.check_shape(settings.model, base, str(job.init_from))
    corpus, from_cache = prepared, False
    if corpus is None:
        corpus, from_cache = _read_corpus(job, choices, unfinished, on_event)
    choices.check_fits(corpus)
    automatic_values = choices.choose_automatic(corpus, automatic.TWO_CORES)
    settings = choices.resolve(automatic_values)
    vocabulary, initial_weights = corpus.vocabulary, None
    if base is not None:
        vocabulary = transfer.unite(base.record.vocabulary, vocabulary)
        initial_weights = partial(transfer.transfer_weights, base, vocabulary)
    request = Request(
        settings,
        vocabulary,
        corpus.digest,
        None if job.init_from is None else str(job.init_from),
        tuple(automatic_values),
    )
    settings_for = None
    if settings.training.time and automatic_values.keys() - {"time", "batch_size", "state_reset"}:
        settings_for = partial(choices.resolve_for, corpus)
    return Plan(request, corpus, job.preset, from_cache, initial_weights, settings_for)


def _shape(base: TrainedModel, preset: str | None) -> dict[str, Any]:
    """The shape of the model to begin with, as options, unless a preset chooses another one."""
    model = base.record.settings.model
    shape = {"cell": model.cell, "units": model.units, "embedding": model.embedding}
    of_preset = PRESETS.get(preset or "", {})
    return {name: of_preset.get(name, value) for name, value in shape.items()}


def _read_corpus(
    job: Job, choices: Choices, unfinished: Request | None, on_event: OnEvent
) -> tuple[Prepared, bool]:
    """Prepare a corpus in the model directory's cache, and whether it was there already."""
    reading = build_config(CorpusConfig, job.reading)[0]
    sources = find_sources(job.corpora, reading.glob)
    cache = cache_path(job.model)
    if not job.force and is_up_to_date(cache, sources, reading):
        try:
            return open_prepared(cache), True
        except TextgenError:
            pass  # a damaged cache is replaced
    windows = vars(choices.resolve().windows)
    windows = {name: windows[name] for name in windows if name in choices.values}
    preparation = Preparation.build(job.reading, windows, force=True)

    def prepare_into(path: Path) -> Prepared:
        def on_progress(stage: str, bytes_done: int, bytes_total: int | None) -> None:
            on_event(events.Preparing(stage, bytes_done, bytes_total))

        return write_prepared(sources, path, preparation, on_progress, choices.check_fits)

    if not checkpoint_path(job.model).exists():
        return prepare_into(cache), False
    # The corpus of an unfinished training must not be lost before another one has started.
    corpus = prepare_into(pending_cache_path(job.model))
    if unfinished is None:
        return corpus, False
    if corpus.digest != unfinished.text:
        shutil.rmtree(corpus.path)
        raise _other_training(job.model, "corpus")
    storage.replace_directory(corpus.path, cache)
    return open_prepared(cache, check=False), False


def _check_reading(prepared: Prepared, job: Job) -> None:
    """Raise `UsageError` where a prepared corpus was read in another way than the user chose.

    A value that the user gave counts, whether or not it is the default.
    """
    reading, names = build_config(CorpusConfig, job.reading)
    for name in names:
        recorded = getattr(prepared.corpus, name)
        if getattr(reading, name) != recorded:
            raise UsageError(
                f"{prepared.path}: is prepared already, with {option_name(name)} "
                f"{transfer.format_value(recorded)}; to read its text another way, prepare it again"
            )


def _other_training(directory: Path, difference: str) -> OutputError:
    """The error where a directory holds another training than the job asks for."""
    return OutputError(
        f"{directory}: holds an unfinished training with another {option_name(difference)}; resume "
        f"it by `{resume_command(directory)}`, replace it with --force, or name another directory "
        "with --model"
    )
