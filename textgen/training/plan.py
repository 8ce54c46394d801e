"""What a job trains: its corpus, its vocabulary and all its settings.

Everything that can be refused before Keras is imported is refused here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import (
    ModelError,
    SettingsError,
    UsageError,
)
from textgen.model.paths import cache_path, pending_cache_path
from textgen.settings import Settings, format_value, normalize_options
from textgen.text.documents.index import TRAINING, VALIDATION
from textgen.text.prepared import Prepared, find_prepared, open_prepared
from textgen.text.vocabulary import IdSequence, Vocabulary
from textgen.training import automatic, checkpoint, transfer
from textgen.training.automatic import Pace
from textgen.training.checkpoint import Checkpoint, TrainingIdentity
from textgen.training.corpus import check_reading, check_shares, other_training, read_corpus
from textgen.training.data import TrainingData
from textgen.training.events import OnEvent, StarterChecked
from textgen.training.initial_model import (
    InitialModel,
    check_starters,
    is_auto,
    offers_starter,
    recover_fingerprint,
)
from textgen.training.job import Job
from textgen.training.selection import Selection, check_fits, with_corpus
from textgen.training.tokens import check_tokens, offers_subwords

# Settings that textgen chooses without knowing the pace of the device, or that follow the others.
_SAME_ON_ALL_DEVICES = {"time", "batch_size", "state_reset", "embedding"}


@dataclass(frozen=True)
class Plan:
    """What is trained, with all that is known before a device is.

    Attributes:
        identity: Settings, vocabulary, and what else identifies the training.
        corpus: The prepared corpus.
        preset: The preset's name.
        from_cache: Whether the corpus was read before.
        settings_for: Returns the settings for the pace of a device; None where nothing but the time
            would depend on it.
        initial_model: The model to begin with; None for none, and where `--resume` is enough.
        starter_fingerprint: That of the starter which this model is or descends from.
        starter_check: What was found out about starters, where that was asked for or is of use.
        offers_subwords: Whether to tell the user that subwords may be better.
    """

    identity: TrainingIdentity
    corpus: Prepared
    preset: str | None = None
    from_cache: bool = True
    settings_for: Callable[[Pace], Settings] | None = None
    initial_model: InitialModel | None = None
    starter_fingerprint: bytes | None = None
    starter_check: StarterChecked | None = None
    offers_subwords: bool = False

    def data(self) -> TrainingData:
        """The training and the validation part of the corpus, as ids of the plan's vocabulary."""
        share = self.identity.settings.windows.validation
        return _read_data(self.corpus, share, self.identity.vocabulary)

    @property
    def initial_weights(self) -> Callable[[list[Any]], list[Any]] | None:
        """Makes the weights to begin with from those of a new network; None to keep the latter."""
        if self.initial_model is None:
            return None
        base, labels = self.initial_model.model, self.data().labels
        return partial(transfer.transfer_weights, base, self.identity.vocabulary, labels)

    def with_settings(self, settings: Settings) -> "Plan":
        return replace(self, identity=replace(self.identity, settings=settings))

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
        check_ids: Whether to check all ids of a prepared corpus; else the caller checks those
            that it reads.
    """
    if unfinished is None:
        return _plan_new(job, None, on_event, check_ids=check_ids)
    if not job.corpora:
        return _plan_resumed(job, unfinished)
    plan = _plan_new(job, unfinished.identity, on_event, check_ids=check_ids)
    if name := checkpoint.difference(plan.identity, unfinished.identity):
        raise other_training(job.model, name)
    return plan


def _plan_resumed(job: Job, unfinished: Checkpoint) -> Plan:
    """Resume a training, whose checkpoint says where its corpus is."""
    if job.preset or job.init_from or job.reading:
        raise UsageError(
            "a training is resumed as it was started; leave out --preset, --init-from and the "
            "options of reading, or name the corpus as well"
        )
    values = unfinished.identity.settings.by_name()
    for name, value in normalize_options(job.options).items():
        if name not in values:
            raise SettingsError(name, "is not a setting of textgen")
        if value != values[name]:
            raise SettingsError(
                name,
                f"must be left out, or be {format_value(values[name])} as when the "
                "training was started",
            )
    corpus = open_prepared(unfinished.prepared or cache_path(job.model))
    if corpus.digest != unfinished.identity.text:
        raise ModelError(
            f"{corpus.path}: is not the text that the training started with; name that text, or "
            "start again with --force"
        )
    check_fits(corpus, unfinished.identity.settings)
    fingerprint = recover_fingerprint(unfinished.identity.init_from, job.model)
    return Plan(unfinished.identity, corpus, starter_fingerprint=fingerprint)


def _plan_new(
    job: Job, recorded: TrainingIdentity | None, on_event: OnEvent, *, check_ids: bool
) -> Plan:
    """Plan from the corpus and the options that a job names."""
    prepared_path = find_prepared(job.corpora)
    prepared = open_prepared(prepared_path, check=check_ids) if prepared_path else None
    if prepared is not None:
        check_reading(prepared, job)
    auto, initial = is_auto(job.init_from), None
    if job.init_from is not None and not auto:
        initial = InitialModel.open(job.init_from)
    selection = Selection(
        job.options,
        job.preset,
        prepared.windows if prepared else None,
        prepared.chosen if prepared else (),
    ).starting_from(initial)
    settings = selection.resolve()
    if prepared is not None:
        check_shares(prepared, settings.windows)
    if initial is not None:
        transfer.check_shape(settings.model, initial.model, initial.name)
    corpus, from_cache = prepared, False
    if corpus is None:
        corpus, from_cache = read_corpus(job, selection, initial, recorded, on_event)
    check_tokens(corpus, initial)
    selection.check_fits(corpus)
    data, found = _read_data(corpus, settings.windows.validation), None
    reads_characters = corpus.subwords is None  # as every starter does
    if auto and not reads_characters:
        found = StarterChecked(requested=True)
    elif auto or (recorded is None and reads_characters and offers_starter(job, len(data.train))):
        found, initial = check_starters(data, selection.values, requested=auto)
        selection = selection.starting_from(initial)
    automatic_values = selection.choose_automatic(corpus, automatic.TWO_CORES)
    settings = with_corpus(selection.resolve(automatic_values), corpus)
    vocabulary = corpus.tokens.vocabulary
    if initial is not None:
        vocabulary = transfer.unite(initial.model.record.vocabulary, vocabulary)
    identity = TrainingIdentity(
        settings,
        vocabulary,
        corpus.digest,
        None if initial is None else initial.name,
        tuple(automatic_values),
    )
    settings_for = None
    if settings.training.time and automatic_values.keys() - _SAME_ON_ALL_DEVICES:
        settings_for = partial(selection.resolve_for, corpus)
    return Plan(
        identity,
        corpus,
        job.preset,
        from_cache,
        settings_for,
        initial,
        None if initial is None else initial.fingerprint,
        found,
        offers_subwords(job, selection, corpus),
    )


def _read_data(
    corpus: Prepared, validation: float, vocabulary: Vocabulary | None = None
) -> TrainingData:
    """The training and the validation part of a corpus.

    Args:
        corpus: The corpus.
        validation: The share of a continuous text that is for validation.
        vocabulary: The vocabulary whose ids to return; None for the corpus's own.
    """
    corpus = corpus.tokens
    vocabulary = vocabulary or corpus.vocabulary
    parts: list[IdSequence] = [*corpus.split(validation)]
    if vocabulary != corpus.vocabulary:
        table = transfer.map_ids(corpus.vocabulary, vocabulary).astype(vocabulary.dtype)
        parts = [transfer.MappedIds(ids, table) for ids in parts]
    train, validating = parts
    documents, per_token = corpus.documents, corpus.characters / len(corpus.ids)
    if documents is None:
        return TrainingData(train, validating, vocabulary, characters_per_token=per_token)
    return TrainingData(
        train,
        validating,
        vocabulary,
        documents.part(TRAINING),
        documents.part(VALIDATION),
        documents.labels,
        per_token,
    )
