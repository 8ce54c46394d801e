"""The prepared corpus on disk: ids, vocabulary, split and settings.

Knows how a directory of ids is made and how it is read back; knows nothing of how text becomes
ids, of models or of training. A prepared corpus holds

    ids.npy          the ids of the whole text, 8, 16 or 32 bits each; np.load can map it
    vocabulary.json  characters in the order of their ids
    prepared.json    settings, sources and counts
    X.npy, y.npy, X_validation.npy, y_validation.npy   one-hot tensors, where asked for
    manifest.json    size and SHA-256 of the first three, of ids.npy by blocks
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from textgen import __version__, storage
from textgen.errors import (
    NewerVersionError,
    PreparedError,
    SettingsError,
    UsageError,
    first_line,
)
from textgen.settings import CorpusConfig, WindowConfig, build_config, check_integer
from textgen.text.encode import OnProgress, write_ids
from textgen.text.one_hot import write_one_hot
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, Source, find_sources, list_corpora
from textgen.text.split import check_length, split_position
from textgen.text.vocabulary import Ids, Vocabulary
from textgen.text.windows import (
    Windows,
    count_windows,
)

KIND = storage.DirectoryKind(
    "prepared corpus",
    version=1,
    error=PreparedError,
    remedy="make it anew with `textgen prepare`",
)

_IDS, _VOCABULARY, _SETTINGS = "ids.npy", "vocabulary.json", "prepared.json"
_PIECES, _PIECE = 16, 1 << 16  # that a large source is hashed in, and bytes of one


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus that has been opened.

    Attributes:
        path: Its directory.
        ids: Ids of the whole text, mapped from the disk, shape (characters,).
        vocabulary: Whose ids they are.
        corpus: How the text was read.
        windows: Settings of its windows.
        sources: Names of the sources with size, time of last change and a hash of their content,
            where they had one.
        unknown: How many characters of the text have the unknown id.
        chosen: Names of the settings of `corpus` and `windows` that the user chose; the others
            have default values, in whose place a training may choose its own.
        digest: What tells whether two prepared corpora are of the same text.
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

    def read(self, first: int, last: int) -> Ids:
        """The ids from one place to another, in memory of their own.

        Pages of the map itself count as the process's memory once they have been looked at.
        """
        return _read(self.ids, first, last)

    def check(self, parts: Sequence[slice]) -> None:
        """Compare parts of the ids with the manifest and with the vocabulary; reads them once.

        Args:
            parts: Characters, from first to last: the ones that are going to be read.

        Raises:
            PreparedError: they are not as they were written.
        """
        ids: Any = self.ids
        start, width, size = ids.offset, ids.itemsize, self.vocabulary.size
        places = [slice(start + one.start * width, start + one.stop * width) for one in parts]
        path, unknown = Path(ids.filename), False

        def look(place: int, piece: bytes) -> None:
            nonlocal unknown
            found = np.frombuffer(piece[max(0, start - place) :], ids.dtype)
            if found.max(initial=0) >= size:
                unknown = True

        try:
            entry = storage.read_manifest(self.path, KIND)[_IDS]
            storage.verify_parts(path, entry, [slice(0, start), *places], look)
            if unknown:
                raise ValueError("ids that the vocabulary does not have")
        except storage.DAMAGE_ERRORS as error:
            raise PreparedError(f"{path}: {error}; {KIND.remedy}") from error

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


def prepare(
    corpora: Sequence[str | Path | Source],
    output: str | Path,
    corpus: CorpusConfig | Mapping[str, Any] | None = None,
    windows: WindowConfig | Mapping[str, Any] | None = None,
    *,
    one_hot: bool = False,
    force: bool = False,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Prepared:
    """Turn a corpus into a prepared corpus on disk, in bounded memory.

    Args:
        corpora: Paths of files and directories, `-` for standard input, or sources.
        output: The directory to make; it is there whole, or not at all.
        corpus: How the text is read: a CorpusConfig, or some of its settings by name.
        windows: Windows, targets and split to record: a WindowConfig, or some of its settings by
            name. A training from the prepared corpus uses those that are given, and may choose
            others for the rest; a WindowConfig gives all of them.
        one_hot: Also write X.npy and y.npy (and X_validation.npy, y_validation.npy): bool
            tensors of shape (windows, maxlen, vocabulary) and, for y, (windows, vocabulary) with
            targets `last`, (windows, maxlen, vocabulary) with targets `sequence`.
        force: Replace a prepared corpus that is there.
        jobs: Processes that share the work where the corpus is large; None for as many as there
            are processors, up to 8. What is made is the same for any number.
        on_progress: Called with a stage (`read`, `number`, `one-hot`), the bytes done in it and
            the bytes it has, None where that is not known.

    Raises:
        CorpusError: no text, unreadable text, or too little of it for a window.
        OutputError: the output exists, cannot be written, or does not fit on the disk.
        SettingsError: fewer jobs than one, or an unknown setting.
        WorkerError: one of several processes could not be started, or was ended from outside.

    Example:
        >>> from textgen.text.sources import demo_source
        >>> prepared = prepare([demo_source()], "/tmp/demo-corpus", force=True)
        >>> prepared.ids.dtype
        dtype('uint8')
    """
    if jobs is not None:
        check_integer("jobs", jobs, at_least=1)
    return prepare_checked(
        corpora,
        Path(output),
        corpus,
        windows,
        lambda made: check_length(len(made.ids), made.vocabulary, made.windows),
        one_hot=one_hot,
        force=force,
        jobs=jobs,
        progress=on_progress or (lambda *_: None),
    )


def prepare_checked(
    corpora: Sequence[str | Path | Source],
    output: Path,
    corpus: CorpusConfig | Mapping[str, Any] | None,
    windows: WindowConfig | Mapping[str, Any] | None,
    check: Callable[[Prepared], object],
    *,
    one_hot: bool = False,
    force: bool = False,
    jobs: int | None = None,
    progress: OnProgress,
) -> Prepared:
    """Do what `prepare` does, with a check of one's own before anything is replaced.

    Args:
        corpora, output, corpus, windows, one_hot, force, jobs, progress: As `prepare` takes them.
        check: Raises an error where the prepared corpus is not good enough.
    """
    corpus, corpus_chosen = build_config(CorpusConfig, corpus)
    windows, windows_chosen = build_config(WindowConfig, windows)
    storage.check_target(output, KIND, force=force)
    sources = find_sources(corpora, corpus.glob)
    with storage.create_directory(output, KIND, force=force) as directory:
        ids = directory / _IDS
        # Before reading: what changes meanwhile is read again the next time.
        prints = [fingerprint(source) for source in sources]
        vocabulary, unknown, digests, reading = write_ids(ids, sources, corpus, jobs, progress)
        settings = {
            "corpus": corpus.to_json(),
            "windows": windows.to_json(),
            "chosen": [*corpus_chosen, *windows_chosen],
            "sources": prints,
            "unknown": unknown,
            "reading": reading.to_json(),
            "versions": {"textgen": __version__},
        }
        (directory / _VOCABULARY).write_bytes(vocabulary_json(vocabulary))
        (directory / _SETTINGS).write_bytes(storage.encode_json(settings))
        files = {name: storage.describe_file(directory / name) for name in (_VOCABULARY, _SETTINGS)}
        files[_IDS] = storage.describe_blocks(ids.stat().st_size, digests)
        storage.write_manifest(directory, KIND, files)
        made = open_prepared(directory, check=False)
        check(made)
        if one_hot:
            parts = zip(("", "_validation"), made.split(windows.validation), strict=True)
            tensors = {
                suffix: Windows(part, windows.maxlen, windows.step, windows.targets)
                for suffix, part in parts
                if len(part)
            }
            write_one_hot(tensors, vocabulary.size, directory, progress)
    return open_prepared(output, check=False)


def open_prepared(path: str | Path, *, check: bool = True) -> Prepared:
    """Open a prepared corpus.

    Args:
        path: Its directory.
        check: Whether to compare all ids with the manifest, which reads them once; else whoever
            reads some of them checks those by `Prepared.check`. The other files always are.

    Raises:
        PreparedError: it is missing, of another version, truncated or edited.
    """
    path = Path(path)
    while True:
        state = storage.read_state(path, KIND)
        try:
            found = _open(path, state[0])
        except PreparedError:
            if state == storage.read_state(path, KIND):
                raise
        else:
            if state == storage.read_state(path, KIND):
                break
        # Another one has just taken its place, and what was read may be parts of both.
    if check:
        found.check([slice(0, len(found.ids))])
    return found


def _open(path: Path, manifest: dict[str, dict[str, Any]]) -> Prepared:
    try:
        small = storage.read_files(path, KIND, (_VOCABULARY, _SETTINGS))
        settings = json.loads(small[_SETTINGS])
        vocabulary = vocabulary_from_json(small[_VOCABULARY])
        ids_at = storage.locate_files(path, KIND, [_IDS])[_IDS]
        with ids_at.open("rb") as file:
            # In others a header may claim to have gigabytes, for which NumPy would make room.
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("ids of another format")
        mapped = np.lib.format.open_memmap(ids_at, mode="r")
        if mapped.ndim != 1 or mapped.dtype != vocabulary.dtype or not len(mapped):
            raise ValueError(f"ids of shape {mapped.shape} and type {mapped.dtype}")
        check_integer("unknown", settings["unknown"], at_least=0)
        version = settings.get("versions", {}).get("textgen")
        windows = WindowConfig.from_json(settings["windows"], version)
        # 0.1.0 did not record this; a maxlen other than its default was chosen.
        chosen = settings.get("chosen", ["maxlen"] if windows.maxlen != 40 else [])
        return Prepared(
            path=path,
            ids=mapped,
            vocabulary=vocabulary,
            corpus=CorpusConfig.from_json(settings["corpus"], version),
            windows=windows,
            sources=tuple(settings["sources"]),
            unknown=settings["unknown"],
            chosen=tuple(map(str, chosen)),
            digest=_digest(manifest),
            reading=ReadingReport.from_json(settings.get("reading", {})),
        )
    except NewerVersionError as error:
        raise PreparedError(f"{path}: {error}") from error
    except (
        *storage.DAMAGE_ERRORS,
        SettingsError,
    ) as error:
        raise PreparedError(
            f"{path}: damaged prepared corpus ({first_line(error)}); {KIND.remedy}"
        ) from error


def _digest(files: dict[str, dict[str, Any]]) -> str:
    return hashlib.sha256(
        "".join(files[name]["sha256"] for name in (_IDS, _VOCABULARY)).encode()
    ).hexdigest()


def _read(ids: Any, first: int, last: int) -> Ids:
    """Ids of a mapped file, read by themselves."""
    count = max(0, min(last, len(ids)) - first)
    start: int = ids.offset + first * ids.itemsize
    return np.fromfile(ids.filename, ids.dtype, count, offset=start)


def only_prepared(corpora: Corpora) -> Path | None:
    """The prepared corpus that is named alone; None where texts are named.

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
    """Whether a path is a prepared corpus, in order or not."""
    return storage.read_kind(Path(path)) == KIND.name


def fingerprint(source: Source) -> dict[str, Any]:
    """What identifies a source and its content: name, size, time of last change and a hash.

    A file of up to a megabyte is hashed whole, a larger one in pieces of that size together, spread
    evenly from its first byte to its last. Standard input and pipes, which can be read only once,
    have neither time nor hash.
    """
    return {
        "name": source.name,
        "bytes": source.size,
        "modified": source.modified,
        "sha256": _hash(source),
    }


def _hash(source: Source) -> str | None:
    if source.modified is None or source.size is None:
        return None
    digest, size = hashlib.sha256(), source.size
    try:
        with source.open() as file:
            if size <= _PIECES * _PIECE:
                digest.update(file.read(size + 1))
            else:
                for number in range(_PIECES):
                    file.seek((size - _PIECE) * number // (_PIECES - 1))
                    digest.update(file.read(_PIECE))
    except OSError:
        return None  # reading the text says what is wrong
    return digest.hexdigest()


def unchanged(path: Path, sources: Iterable[Source], corpus: CorpusConfig) -> bool:
    """Whether a directory is a prepared corpus of just these sources, read in just this way.

    False for one that version 0.1.0 wrote, without hashes of the sources.
    """
    try:
        settings = json.loads(storage.read_bytes(path / _SETTINGS))
        pairs = list(zip(settings["sources"], sources, strict=True))
        return (
            storage.read_kind(path) == KIND.name
            and CorpusConfig.from_json(settings["corpus"]) == corpus
            and all(
                (entry["name"], entry["bytes"], entry["modified"])
                == (source.name, source.size, source.modified)
                for entry, source in pairs
            )
            and all(
                entry["sha256"] is not None and entry["sha256"] == _hash(source)
                for entry, source in pairs
            )
            and "reading" in settings  # version 0.1.0 joined files without a final line end
        )
    except (*storage.DAMAGE_ERRORS, SettingsError):
        return False


def same_sources(one: object, other: object) -> bool:
    """Whether two records of sources name the same ones.

    A hash that only one of them has does not count: version 0.1.0 recorded none.
    """
    names = (_without_hashes(one), _without_hashes(other))
    return one == other or (names[0] == names[1] and (one in names or other in names))


def _without_hashes(sources: Any) -> Any:
    try:
        return [{key: entry[key] for key in entry if key != "sha256"} for entry in sources]
    except (TypeError, LookupError):
        return sources


def vocabulary_json(vocabulary: Vocabulary) -> bytes:
    """A vocabulary as the JSON that stands in vocabulary.json."""
    data = {field.name: getattr(vocabulary, field.name) for field in fields(vocabulary)}
    return storage.encode_json(data)


def vocabulary_from_json(data: bytes) -> Vocabulary:
    """The vocabulary that `vocabulary_json` wrote.

    Raises:
        ValueError: it is something else, or its characters are not distinct and sorted.
    """
    loaded = json.loads(data)
    if not isinstance(loaded, dict) or loaded.keys() != {"characters", "has_unknown"}:
        raise ValueError("not a vocabulary")
    characters, has_unknown = loaded["characters"], loaded["has_unknown"]
    if not isinstance(characters, str) or not isinstance(has_unknown, bool) or not characters:
        raise ValueError("not a vocabulary")
    if any(a >= b for a, b in pairwise(characters)):
        raise ValueError("vocabulary not sorted")
    check_text(characters)
    return Vocabulary(characters, has_unknown)


def check_text(text: str) -> None:
    """Raise `ValueError` where a text has code points that are no characters (JSON may)."""
    text.encode()
