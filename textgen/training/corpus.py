"""Reads the corpus of a training into the cache in its model directory."""

import shutil
from pathlib import Path

from textgen import storage
from textgen.errors import OutputError, TextgenError, UsageError, option_name
from textgen.model.paths import cache_path, checkpoint_path, pending_cache_path, resume_command
from textgen.settings import CorpusConfig, WindowConfig, build_config, format_value
from textgen.text.documents.modes import resolve_documents
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared, is_up_to_date, open_prepared
from textgen.text.sources import find_sources
from textgen.training import events
from textgen.training.checkpoint import TrainingIdentity
from textgen.training.events import OnEvent
from textgen.training.initial_model import InitialModel
from textgen.training.job import Job
from textgen.training.selection import Selection
from textgen.training.tokens import choose_tokens


def read_corpus(
    job: Job,
    selection: Selection,
    initial: InitialModel | None,
    recorded: TrainingIdentity | None,
    on_event: OnEvent,
) -> tuple[Prepared, bool]:
    """Prepare a corpus in the model directory's cache, and whether it was there already."""
    windows = vars(selection.resolve().windows)
    windows = {name: windows[name] for name in windows if name in selection.values}
    preparation = Preparation.build(job.reading, windows, force=True)
    preparation = choose_tokens(job, preparation, selection, initial, recorded)
    sources = find_sources(job.corpora, preparation.corpus.glob)
    reading = resolve_documents(sources, preparation.corpus)
    cache = cache_path(job.model)
    if not job.force and is_up_to_date(cache, sources, reading, preparation.windows):
        try:
            corpus = open_prepared(cache)
            if preparation.tokens.matches(corpus):
                return corpus, True
        except TextgenError:
            pass  # a damaged cache is replaced

    def prepare_into(path: Path) -> Prepared:
        def on_progress(stage: str, bytes_done: int, bytes_total: int | None) -> None:
            on_event(events.Preparing(stage, bytes_done, bytes_total))

        return write_prepared(sources, path, preparation, on_progress, selection.check_fits)

    if not checkpoint_path(job.model).exists():
        return prepare_into(cache), False
    # The corpus of an unfinished training must not be lost before another one has started.
    corpus = prepare_into(pending_cache_path(job.model))
    if recorded is None:
        return corpus, False
    if corpus.digest != recorded.text:
        shutil.rmtree(corpus.path)
        raise other_training(job.model, "corpus")
    storage.replace_directory(corpus.path, cache)
    return open_prepared(cache, check=False), False


def check_reading(prepared: Prepared, job: Job) -> None:
    """Raise `UsageError` where a prepared corpus was read in another way than the user chose.

    A value that the user gave counts, whether or not it is the default.
    """
    reading, names = build_config(CorpusConfig, job.reading)
    for name in names:
        recorded = getattr(prepared.corpus, name)
        if getattr(reading, name) != recorded:
            raise UsageError(
                f"{prepared.path}: is prepared already, with {option_name(name)} "
                f"{format_value(recorded)}; to read its text another way, prepare it again"
            )


def check_shares(prepared: Prepared, windows: WindowConfig) -> None:
    """Raise `UsageError` where a prepared corpus is split in another way than a training asks for.

    The training and validation text of a continuous text are split when it is read.
    """
    names = ("test",) if prepared.documents is None else ("validation", "test")
    for name in names:
        recorded = getattr(prepared.windows, name)
        if getattr(windows, name) != recorded:
            raise UsageError(
                f"{prepared.path}: is split already, with --{name} {recorded:g}; to split it "
                "another way, prepare it again"
            )


def other_training(directory: Path, difference: str) -> OutputError:
    """The error where a directory holds another training than the job asks for."""
    return OutputError(
        f"{directory}: holds an unfinished training with another {option_name(difference)}; resume "
        f"it by `{resume_command(directory)}`, replace it with --force, or name another directory "
        "with --model"
    )
