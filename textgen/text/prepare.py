"""Turn a corpus into a prepared corpus on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

from textgen import __version__, storage
from textgen.errors import UsageError
from textgen.settings import (
    CorpusConfig,
    CorpusOptions,
    WindowConfig,
    WindowOptions,
    build_config,
    check_integer,
)
from textgen.text.documents.document_list import take_documents
from textgen.text.documents.index import DOCUMENTS, LABEL_IDS, LABELS
from textgen.text.documents.modes import complete_report, resolve_documents
from textgen.text.encode import OnProgress, write_ids
from textgen.text.fingerprints import fingerprint
from textgen.text.one_hot import write_one_hot
from textgen.text.prepared import IDS, PREPARED_KIND, SETTINGS, VOCABULARY, Prepared, open_prepared
from textgen.text.sizes import WORK_SIZES, WorkSizes
from textgen.text.sources import Corpora, find_sources
from textgen.text.tokens.choice import TokenChoice
from textgen.text.tokens.encode import write_tokens
from textgen.text.tokens.learn import learn_merges
from textgen.text.tokens.subwords import Merge, list_subwords, select_merges


class PrepareOptions(CorpusOptions, WindowOptions, total=False):
    """The settings of a prepared corpus, all optional."""


@dataclass(frozen=True)
class Preparation:
    """How a corpus is prepared.

    Attributes:
        corpus: How the text is read.
        windows: Windows, targets and split to record.
        chosen: Names of the settings of both that the user chose.
        one_hot: Whether to write one-hot tensors, too.
        force: Whether to replace a prepared corpus.
        sizes: How the work is divided.
        tokens: Which tokens the text is to have.
    """

    corpus: CorpusConfig
    windows: WindowConfig
    chosen: tuple[str, ...] = ()
    one_hot: bool = False
    force: bool = False
    sizes: WorkSizes = WORK_SIZES
    tokens: TokenChoice = field(default_factory=TokenChoice)

    @classmethod
    def build(
        cls,
        corpus: CorpusConfig | Mapping[str, Any] | None,
        windows: WindowConfig | Mapping[str, Any] | None,
        *,
        one_hot: bool = False,
        force: bool = False,
        jobs: int | None = None,
    ) -> "Preparation":
        """Build it from settings by name, which choose just those, or objects, which choose all.

        Raises:
            SettingsError: an unknown setting, a value out of its bounds, or fewer jobs than one.
        """
        if jobs is not None:
            check_integer("jobs", jobs, at_least=1)
        corpus, corpus_chosen = build_config(CorpusConfig, corpus)
        windows, windows_chosen = build_config(WindowConfig, windows)
        sizes = replace(WORK_SIZES, jobs=jobs)
        chosen, tokens = (*corpus_chosen, *windows_chosen), TokenChoice(corpus.tokens)
        return cls(corpus, windows, chosen, one_hot, force, sizes, tokens)


def prepare(
    corpora: Corpora = (),
    output: str | Path = "",
    *,
    labels: Any = None,
    one_hot: bool = False,
    force: bool = False,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    **options: Unpack[PrepareOptions],
) -> Prepared:
    """Turn a corpus into a prepared corpus on disk, in bounded memory.

    Args:
        corpora: A path of a file or a directory, `-` for standard input, or a source; or several.
            Empty if `documents` is a list of texts.
        output: The directory to create; it is complete or absent.
        labels: The labels of a list of documents, as for `documents_source`.
        one_hot: Also write X.npy and y.npy (and X_validation.npy, X_test.npy, ...): bool tensors of
            shape (windows, maxlen, vocabulary) and, for y, (windows, vocabulary) with targets
            `last`, (windows, maxlen, vocabulary) with targets `sequence`. A window is one of a
            single document: what is before the last document end in it is zeros.
        force: Replace a prepared corpus.
        jobs: Processes that share the work where the corpus is large; None for as many as there
            are processors, up to 8. The result is the same for any number.
        on_progress: Called with a stage (`read`, `encode`, `subwords`, `one-hot`), the bytes done
            in it and the bytes of all of it, None where they are not known.
        **options: Settings of CorpusConfig (how the text is read) and of WindowConfig (windows,
            targets and split). A training on the prepared corpus uses those window settings that
            are given, and may choose the others.

    Raises:
        CorpusError: no text, unreadable text, or too little of it for a window.
        OutputError: the output exists, cannot be written, or does not fit on the disk.
        SettingsError: fewer jobs than one, or an unknown setting.
        UsageError: corpora and a list of documents, or no output.
        WorkerError: one of several processes could not be started, or was ended from outside.

    Example:
        >>> from textgen.text.sources import demo_source
        >>> prepared = prepare(demo_source(), "/tmp/demo-corpus", force=True, lowercase=True)
        >>> prepared.ids.dtype
        dtype('uint8')
    """
    if not str(output):
        raise UsageError("no output: name the directory to write")
    corpora, values = take_documents(corpora, options, labels)
    names = CorpusOptions.__annotations__.keys()
    corpus_options = {name: values[name] for name in values if name in names}
    window_options = {name: values[name] for name in values if name not in names}
    preparation = Preparation.build(
        corpus_options, window_options, one_hot=one_hot, force=force, jobs=jobs
    )
    return write_prepared(corpora, Path(output), preparation, on_progress or (lambda *_: None))


def check_windows(prepared: Prepared) -> None:
    """Check that a prepared corpus is long enough for its windows.

    Raises:
        CorpusError: it is too short, or has one distinct character.
    """
    prepared.tokens.check_length(prepared.windows)


def write_prepared(
    corpora: Corpora,
    output: Path,
    preparation: Preparation,
    on_progress: OnProgress,
    check: Callable[[Prepared], object] = check_windows,
) -> Prepared:
    """Do what `prepare` does, with another check before the output is replaced.

    Args:
        corpora, output, on_progress: As in `prepare`.
        preparation: How the corpus is prepared.
        check: Raises an error where the prepared corpus cannot be used.
    """
    windows = preparation.windows
    storage.check_target(output, PREPARED_KIND, force=preparation.force)
    sources = find_sources(corpora, preparation.corpus.glob)
    corpus = resolve_documents(sources, preparation.corpus)
    with storage.create_directory(output, PREPARED_KIND, force=preparation.force) as directory:
        ids = directory / IDS
        # Before reading: a source that changes meanwhile is read again the next time.
        fingerprints = [fingerprint(source) for source in sources]
        text = write_ids(ids, sources, corpus, windows, on_progress, preparation.sizes)
        bytes_written = ids.stat().st_size
        characters = bytes_written // text.vocabulary.dtype.itemsize
        complete_report(text.report, sources, preparation.corpus, corpus, characters)
        settings = {
            "corpus": corpus.to_json(),
            "windows": windows.to_json(),
            "chosen": list(preparation.chosen),
            "sources": fingerprints,
            "unknown": text.unknown,
            "reading": text.report.to_json(),
            "versions": {"textgen": __version__},
        }
        names = [VOCABULARY, SETTINGS]
        if text.documents is not None:
            settings["documents"] = list(text.documents)
            names += [
                name for name in (DOCUMENTS, LABEL_IDS, LABELS) if (directory / name).exists()
            ]
        (directory / VOCABULARY).write_bytes(text.vocabulary.to_bytes())
        (directory / SETTINGS).write_bytes(storage.encode_json(settings))
        files = {name: storage.describe_file(directory / name) for name in names}
        files[IDS] = storage.describe_blocks(bytes_written, text.digests)
        storage.write_manifest(directory, PREPARED_KIND, files)
        prepared = open_prepared(directory, check=False)
        if token_files := _write_subwords(prepared, preparation, on_progress):
            storage.write_manifest(directory, PREPARED_KIND, {**files, **token_files})
            prepared = open_prepared(directory, check=False)
        check(prepared)
        if preparation.one_hot:
            tokens = prepared.tokens
            parts = (*tokens.split(windows.validation), tokens.test)
            tensors = {
                suffix: tokens.cut_windows(part)
                for suffix, part in zip(("", "_validation", "_test"), parts, strict=True)
                if len(part)
            }
            write_one_hot(tensors, tokens.vocabulary, directory, on_progress)
            del tokens
        del prepared  # and its memory for documents, before they are read again
    return open_prepared(output, check=False)


def _write_subwords(
    prepared: Prepared, preparation: Preparation, on_progress: OnProgress
) -> dict[str, dict[str, Any]]:
    """Write the subwords of a prepared corpus, if it is to have any.

    Returns:
        The entries of the manifest for the files, by name.
    """
    merges = _find_merges(prepared, preparation)
    if merges is None:
        return {}
    width = prepared.vocabulary.dtype.itemsize
    return write_tokens(
        prepared.path,
        prepared.ids,
        replace(prepared.vocabulary, merges=merges),
        preparation.sizes.jobs,
        lambda done, total: on_progress("subwords", done * width, total * width),
    )


def _find_merges(prepared: Prepared, preparation: Preparation) -> tuple[Merge, ...] | None:
    """The merges of a corpus: given, or learned from its training text; None for characters."""
    choice, characters = preparation.tokens, prepared.vocabulary.characters
    if choice.merges is not None:
        return select_merges(choice.merges, characters) or None
    training, _, _ = prepared.ranges(preparation.windows.validation)
    size = choice.size(training.stop - training.start, len(characters))
    if size is None:
        return None
    merges = learn_merges(prepared.ids[training], prepared.vocabulary, size)
    choice.check(len(characters), len(list_subwords(merges)))
    return merges or None
