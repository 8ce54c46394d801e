"""The prepared corpus on disk: ids, vocabulary, split and settings.

A prepared corpus holds

    ids.npy          the ids of the whole text, 8, 16 or 32 bits each; np.load can map it
    vocabulary.json  the characters in the order of their ids
    prepared.json    settings, sources and counts
    documents.npy    where each document begins, and where the last one ends
    labels.npy       the ids of each document's labels
    labels.json      what these ids are
    tokens.npy       the ids of the whole text as subwords
    tokens.json      the vocabulary of these ids: characters, and subwords made of them
    token_chunks.npy, token_documents.npy   where chunks and documents begin in tokens.npy
    X.npy, y.npy, X_validation.npy, ...   one-hot tensors (optional)
    manifest.json    size and SHA-256 of all files but the tensors; of ids.npy in blocks

A continuous text has no files of documents, documents may have no labels, and most corpora have no
subwords.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from textgen import storage
from textgen.errors import PreparedError, SettingsError, UsageError
from textgen.settings import CorpusConfig, WindowConfig, check_integer
from textgen.text.documents.index import (
    DOCUMENTS,
    LABEL_IDS,
    LABELS,
    Documents,
    parse_array,
    parse_counts,
    parse_label_ids,
    parse_starts,
)
from textgen.text.documents.labels import Labels
from textgen.text.fingerprints import matches
from textgen.text.prepared_corpus import IDS, PREPARED_KIND, SETTINGS, VOCABULARY, Prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, Source, list_corpora
from textgen.text.tokens.encode import (
    TOKEN_CHUNKS,
    TOKEN_DOCUMENTS,
    TOKEN_VOCABULARY,
    TOKENS,
    check_chunks,
)
from textgen.text.vocabulary import Ids, Vocabulary

__all__ = [
    "IDS",
    "PREPARED_KIND",
    "SETTINGS",
    "VOCABULARY",
    "Prepared",
    "find_prepared",
    "is_prepared",
    "is_up_to_date",
    "open_prepared",
]


def open_prepared(path: str | Path, *, check: bool = True) -> Prepared:
    """Open a prepared corpus.

    Args:
        path: Its directory.
        check: Whether to compare all ids with the manifest, which reads them once. Otherwise, use
            `Prepared.verify` for those that you read. The other files are always compared.

    Raises:
        PreparedError: it is missing, of another version, truncated or edited.
    """
    path = Path(path)
    while True:
        state = storage.read_state(path, PREPARED_KIND)
        try:
            prepared = _open(path, state[0])
        except PreparedError:
            if state == storage.read_state(path, PREPARED_KIND):
                raise
        else:
            if state == storage.read_state(path, PREPARED_KIND):
                break
        # Another prepared corpus has just replaced it: parts of both may have been read.
    if check:
        prepared.verify([slice(0, len(prepared.ids))])
        if prepared.subwords is not None:
            prepared.subwords.verify([slice(0, len(prepared.subwords.ids))])
    return prepared


def _open(path: Path, manifest: dict[str, dict[str, Any]]) -> Prepared:
    files = storage.read_files(path, PREPARED_KIND, (VOCABULARY, SETTINGS))
    ids_path = storage.locate_files(path, PREPARED_KIND, [IDS])[IDS]
    with _report_damage(path / VOCABULARY):
        vocabulary = Vocabulary.from_bytes(files[VOCABULARY])
    with _report_damage(ids_path):
        ids = _map_ids(ids_path, vocabulary)
    with _report_damage(path / SETTINGS):
        settings = storage.parse_json(files[SETTINGS], dict)
        counts = None
        if vocabulary.has_document_end:
            counts = parse_counts(storage.get_item(settings, "documents", list))
    documents = None if counts is None else _read_documents(path, manifest, counts, len(ids))
    with _report_damage(path / SETTINGS):
        version = storage.get_item(settings, "versions", dict, {}).get("textgen")
        windows = WindowConfig.from_json(storage.get_item(settings, "windows", dict), version)
        corpus = CorpusConfig.from_json(storage.get_item(settings, "corpus", dict), version)
        # Version 0.1.0 did not record this; a maxlen other than its default was chosen.
        legacy_chosen = ["maxlen"] if windows.maxlen != 40 else []
        prepared = Prepared(
            path=path,
            ids=ids,
            vocabulary=vocabulary,
            corpus=corpus,
            windows=windows,
            sources=tuple(storage.get_item(settings, "sources", list)),
            unknown=check_integer("unknown", settings.get("unknown"), at_least=0),
            chosen=tuple(map(str, storage.get_item(settings, "chosen", list, legacy_chosen))),
            digest=_digest(manifest),
            reading=ReadingReport.from_json(storage.get_item(settings, "reading", dict, {})),
            documents=documents,
        )
    if TOKENS not in manifest:
        return prepared
    return replace(prepared, subwords=_open_subwords(prepared))


def _open_subwords(prepared: Prepared) -> Prepared:
    """A prepared corpus with ids of subwords."""
    path, documents = prepared.path, prepared.documents
    names = [TOKEN_VOCABULARY, TOKEN_CHUNKS, *([TOKEN_DOCUMENTS] if documents else [])]
    files = storage.read_files(path, PREPARED_KIND, names)
    ids_path = storage.locate_files(path, PREPARED_KIND, [TOKENS])[TOKENS]
    with _report_damage(path / TOKEN_VOCABULARY):
        vocabulary = Vocabulary.from_bytes(files[TOKEN_VOCABULARY])
        if vocabulary.character_vocabulary != prepared.vocabulary:
            raise storage.DamageError(f"characters of another {VOCABULARY}")
    with _report_damage(ids_path):
        ids = _map_ids(ids_path, vocabulary)
    with _report_damage(path / TOKEN_CHUNKS):
        chunks = parse_array(files[TOKEN_CHUNKS], None)
        check_chunks(chunks, len(prepared.ids), len(ids))
    if documents is not None:
        with _report_damage(path / TOKEN_DOCUMENTS):
            starts = parse_starts(files[TOKEN_DOCUMENTS], len(documents), len(ids))
        documents = replace(documents, starts=starts)
    return replace(
        prepared,
        ids=ids,
        vocabulary=vocabulary,
        documents=documents,
        chunks=chunks,
        ids_name=TOKENS,
    )


def _read_documents(
    path: Path, manifest: dict[str, dict[str, Any]], counts: tuple[int, int, int], characters: int
) -> Documents:
    """Where the documents are, with 8 bytes of memory for each, and their labels."""
    names = [DOCUMENTS, *([LABEL_IDS, LABELS] if LABELS in manifest else [])]
    files, labels = storage.read_files(path, PREPARED_KIND, names), None
    with _report_damage(path / DOCUMENTS):
        starts = parse_starts(files[DOCUMENTS], sum(counts), characters)
    label_ids = np.empty((sum(counts), 0), np.uint8)
    if LABELS in manifest:
        with _report_damage(path / LABELS):
            labels = Labels.from_bytes(files[LABELS])
        with _report_damage(path / LABEL_IDS):
            label_ids = parse_label_ids(files[LABEL_IDS], sum(counts), labels)
    return Documents(starts, counts, label_ids, labels)


def _report_damage(path: Path) -> AbstractContextManager[None]:
    return storage.report_damage(path, PREPARED_KIND.error, PREPARED_KIND.remedy)


def _map_ids(path: Path, vocabulary: Vocabulary) -> Ids:
    """The ids in a file, mapped from the disk.

    Raises:
        DamageError: they are not ids of the vocabulary.
    """
    with path.open("rb") as file:
        # A header of another version may claim gigabytes, which NumPy would allocate.
        if np.lib.format.read_magic(file) != (1, 0):
            raise storage.DamageError("ids of another format")
    ids = np.lib.format.open_memmap(path, mode="r")
    if ids.ndim != 1 or ids.dtype != vocabulary.dtype or not len(ids):
        raise storage.DamageError(f"ids of shape {ids.shape} and type {ids.dtype}")
    return ids


def _digest(files: dict[str, dict[str, Any]]) -> str:
    names = (IDS, VOCABULARY, DOCUMENTS, LABEL_IDS, LABELS, TOKENS, TOKEN_VOCABULARY)
    return hashlib.sha256(
        "".join(files[name]["sha256"] for name in names if name in files).encode()
    ).hexdigest()


def find_prepared(corpora: Corpora) -> Path | None:
    """The prepared corpus that a user named instead of texts; None where texts are named.

    Raises:
        UsageError: it is named together with others.
    """
    names = list_corpora(corpora)
    paths = [Path(name) for name in names if not isinstance(name, Source)]
    named = next(filter(is_prepared, paths), None)
    if named is not None and len(names) > 1:
        raise UsageError(f"{named}: is a prepared corpus; name it alone, or name texts only")
    return named


def is_prepared(path: str | Path) -> bool:
    """Whether a path is a prepared corpus, damaged or not."""
    return storage.read_kind(Path(path)) == PREPARED_KIND.name


def is_up_to_date(
    path: Path, sources: Sequence[Source], corpus: CorpusConfig, windows: WindowConfig
) -> bool:
    """Whether a directory is a prepared corpus of exactly these sources, read and split like this.

    False for a directory that version 0.1.0 wrote, without hashes of the sources.
    """
    try:
        settings = json.loads(storage.read_bytes(path / SETTINGS))
        recorded = WindowConfig.from_json(settings["windows"])
        return (
            storage.read_kind(path) == PREPARED_KIND.name
            and recorded.test == windows.test
            and ("documents" not in settings or recorded.validation == windows.validation)
            and CorpusConfig.from_json(settings["corpus"]) == corpus
            and matches(settings["sources"], list(sources))
            and "reading" in settings  # version 0.1.0 joined files without a final line end
        )
    except (*storage.DAMAGE_ERRORS, SettingsError):
        return False
