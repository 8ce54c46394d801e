"""The prepared corpus on disk: ids, vocabulary, split and settings.

A prepared corpus holds

    ids.npy          the ids of the whole text, 8, 16 or 32 bits each; np.load can map it
    vocabulary.json  the characters in the order of their ids
    prepared.json    settings, sources and counts
    X.npy, y.npy, X_validation.npy, y_validation.npy   one-hot tensors (optional)
    manifest.json    size and SHA-256 of the first three; of ids.npy in blocks
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textgen import storage
from textgen.errors import PreparedError, SettingsError, UsageError
from textgen.settings import CorpusConfig, WindowConfig, check_integer
from textgen.text.fingerprints import matches
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, Source, list_corpora
from textgen.text.split import split_position
from textgen.text.vocabulary import Ids, Vocabulary
from textgen.text.windows import count_windows

PREPARED_KIND = storage.DirectoryKind(
    "prepared corpus",
    version=1,
    error=PreparedError,
    remedy="make it again with `textgen prepare`",
)

IDS, VOCABULARY, SETTINGS = "ids.npy", "vocabulary.json", "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """An open prepared corpus.

    Attributes:
        path: Its directory.
        ids: Ids of the whole text, mapped from the disk, shape (characters,).
        vocabulary: The characters of these ids.
        corpus: How the text was read.
        windows: Settings of its windows.
        sources: The sources' fingerprints: name, size, time of last change and, if there is one,
            a hash of their content.
        unknown: How many characters of the text have the unknown id.
        chosen: Names of the settings of `corpus` and `windows` that the user chose. A training
            may choose the others, which have their defaults.
        digest: A hash that two prepared corpora of the same text have in common.
        reading: What was found and changed when the text was read.
    """

    path: Path
    ids: Ids = field(repr=False)
    vocabulary: Vocabulary
    corpus: CorpusConfig
    windows: WindowConfig
    sources: tuple[dict[str, Any], ...]
    unknown: int
    chosen: tuple[str, ...]
    digest: str
    reading: ReadingReport = field(default_factory=ReadingReport)

    def split(self, validation: float) -> tuple[Ids, Ids]:
        """The ids for training and the ids for validation: the text's last part."""
        cut = split_position(len(self.ids), validation)
        return self.ids[:cut], self.ids[cut:]

    def read(self, start: int, stop: int) -> Ids:
        """Copy a range of ids into memory.

        Pages of the mapped file would count as the process's memory once they are read.
        """
        ids: Any = self.ids
        count = max(0, min(stop, len(ids)) - start)
        offset: int = ids.offset + start * ids.itemsize
        return np.fromfile(ids.filename, ids.dtype, count, offset=offset)

    def verify(self, parts: Sequence[slice]) -> None:
        """Compare parts of the ids with the manifest and with the vocabulary; reads them once.

        Args:
            parts: Ranges of characters.

        Raises:
            PreparedError: they have changed since they were written.
        """
        ids: Any = self.ids
        start, width, size = ids.offset, ids.itemsize, self.vocabulary.size
        ranges = [slice(start + part.start * width, start + part.stop * width) for part in parts]
        path, has_others = Path(ids.filename), False

        def check_chunk(place: int, chunk: bytes) -> None:
            nonlocal has_others
            values = np.frombuffer(chunk[max(0, start - place) :], ids.dtype)
            if values.max(initial=0) >= size:
                has_others = True

        try:
            entry = storage.read_manifest(self.path, PREPARED_KIND)[IDS]
            storage.verify_parts(path, entry, [slice(0, start), *ranges], check_chunk)
            if has_others:
                raise storage.DamageError("ids that the vocabulary does not have")
        except storage.DAMAGE_ERRORS as error:
            problem = storage.describe_damage(error)
            raise PreparedError(f"{path}: {problem}; {PREPARED_KIND.remedy}") from error

    def summary(self) -> dict[str, Any]:
        """What `textgen prepare` reports: counts, vocabulary, windows, files with their bytes."""
        maxlen, step = self.windows.maxlen, self.windows.step
        train, validation = self.split(self.windows.validation)
        return {
            "directory": str(self.path),
            "characters": len(self.ids),
            "unknown_characters": self.unknown,
            "reading": self.reading.to_json(),
            "vocabulary_size": self.vocabulary.size,
            "vocabulary": self.vocabulary.characters,
            "maxlen": maxlen,
            "step": step,
            "targets": self.windows.targets,
            "training_characters": len(train),
            "validation_characters": len(validation),
            "training_windows": count_windows(len(train), maxlen, step),
            "validation_windows": count_windows(len(validation), maxlen, step),
            "files": {path.name: path.stat().st_size for path in sorted(self.path.iterdir())},
        }


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
        version = storage.get_item(settings, "versions", dict, {}).get("textgen")
        windows = WindowConfig.from_json(storage.get_item(settings, "windows", dict), version)
        corpus = CorpusConfig.from_json(storage.get_item(settings, "corpus", dict), version)
        # Version 0.1.0 did not record this; a maxlen other than its default was chosen.
        legacy_chosen = ["maxlen"] if windows.maxlen != 40 else []
        return Prepared(
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
        )


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
    return hashlib.sha256(
        "".join(files[name]["sha256"] for name in (IDS, VOCABULARY)).encode()
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


def is_up_to_date(path: Path, sources: Sequence[Source], corpus: CorpusConfig) -> bool:
    """Whether a directory is a prepared corpus of exactly these sources, read in this way.

    False for a directory that version 0.1.0 wrote, without hashes of the sources.
    """
    try:
        settings = json.loads(storage.read_bytes(path / SETTINGS))
        return (
            storage.read_kind(path) == PREPARED_KIND.name
            and CorpusConfig.from_json(settings["corpus"]) == corpus
            and matches(settings["sources"], list(sources))
            and "reading" in settings  # version 0.1.0 joined files without a final line end
        )
    except (*storage.DAMAGE_ERRORS, SettingsError):
        return False
