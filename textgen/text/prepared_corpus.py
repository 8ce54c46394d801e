"""An open prepared corpus: its ids, its parts and documents, and what `textgen prepare` tells."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import PreparedError
from textgen.settings import CorpusConfig, WindowConfig
from textgen.text.documents.index import DOCUMENTS, TEST, TRAINING, VALIDATION, Documents
from textgen.text.reading_report import ReadingReport
from textgen.text.split import check_documents, check_length, check_token_counts, split_positions
from textgen.text.tokens.encode import IdFile, find_token
from textgen.text.vocabulary import Ids, Vocabulary
from textgen.text.windows import Windows

PREPARED_KIND = storage.DirectoryKind(
    "prepared corpus",
    version=1,
    error=PreparedError,
    remedy="make it again with `textgen prepare`",
)

IDS, VOCABULARY, SETTINGS = "ids.npy", "vocabulary.json", "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """An open prepared corpus: its characters, or its tokens.

    Attributes:
        path: Its directory.
        ids: Ids of the whole text, mapped from the disk, shape (tokens,).
        vocabulary: The vocabulary of these ids.
        corpus: How the text was read.
        windows: Settings of its windows.
        sources: The sources' fingerprints: name, size, time of last change and, if there is one,
            a hash of their content.
        unknown: How many characters of the text have the unknown id.
        chosen: Names of the settings of `corpus` and `windows` that the user chose. A training
            may choose the others, which have their defaults.
        digest: A hash that two prepared corpora of the same text have in common.
        reading: What was found and changed when the text was read.
        documents: Where each document is; None for a continuous text.
        subwords: The same corpus with ids of subwords; None for a corpus of characters alone.
        chunks: Of a corpus with ids of subwords, characters and tokens before each chunk of it,
            shape (chunks + 1, 2).
        ids_name: The name of the file with the ids.
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
    documents: Documents | None = field(default=None, repr=False)
    subwords: "Prepared | None" = field(default=None, repr=False)
    chunks: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    ids_name: str = IDS

    @property
    def tokens(self) -> "Prepared":
        """The corpus with the ids that a network reads: of subwords, if it has any."""
        return self.subwords or self

    @property
    def characters(self) -> int:
        """The number of characters, with the ends of documents."""
        return len(self.ids) if self.chunks is None else int(self.chunks[-1, 0])

    def split(self, validation: float) -> tuple[Ids, Ids]:
        """The ids for training and for validation, without those for the test.

        Args:
            validation: The share of a continuous text that is for validation. The documents for
                validation were chosen when the corpus was prepared.
        """
        training, validating, _ = self.ranges(validation)
        return self.ids[training], self.ids[validating]

    @property
    def test(self) -> Ids:
        """The ids that are held out for a test; empty if none are."""
        return self.ids[self.ranges(self.windows.validation)[2]]

    def ranges(self, validation: float) -> tuple[slice, slice, slice]:
        """The places of the ids for training, validation and test, as `split` and `test` do.

        Those of documents begin with the end of the document before them.
        """
        if self.documents is not None:
            training, validating, test = map(self.documents.ids_of, (TRAINING, VALIDATION, TEST))
            return training, validating, test
        end = len(self.ids)
        first, second = split_positions(self.characters, validation, self.windows.test)
        if self.chunks is not None:  # at the same characters as without subwords
            lengths = self.vocabulary.lengths
            first, second = (
                find_token(place, self.chunks, self.read, lengths) for place in (first, second)
            )
        return slice(0, first), slice(first, second), slice(second, end)

    def cut_windows(self, ids: Ids) -> Windows:
        """The windows of a part, those of documents with zeros before its first document."""
        options = self.windows
        lead = options.maxlen - 1 if self.documents is not None else 0
        return Windows(ids, options.maxlen, options.step, options.targets, lead)

    def read(self, start: int, stop: int) -> Ids:
        """Copy a range of ids into memory.

        Pages of the mapped file would count as the process's memory once they are read.
        """
        return IdFile.of(self.ids).read(start, stop)

    def verify(self, parts: Sequence[slice]) -> None:
        """Compare parts of the ids with the manifest and with the vocabulary; reads them once.

        Args:
            parts: Ranges of ids.

        Raises:
            PreparedError: they have changed since they were written.
        """
        ids: Any = self.ids
        start, width, size = ids.offset, ids.itemsize, self.vocabulary.size
        ranges = [slice(start + part.start * width, start + part.stop * width) for part in parts]
        path, problem = Path(ids.filename), ""

        def check_chunk(place: int, chunk: bytes) -> None:
            nonlocal problem
            values = np.frombuffer(chunk[max(0, start - place) :], ids.dtype)
            if values.max(initial=0) >= size:
                problem = "ids that the vocabulary does not have"
            elif not self._has_ends((max(place, start) - start) // width, values):
                problem = f"document ends elsewhere than in {DOCUMENTS}"

        try:
            entry = storage.read_manifest(self.path, PREPARED_KIND)[self.ids_name]
            storage.verify_parts(path, entry, [slice(0, start), *ranges], check_chunk)
            if problem:
                raise storage.DamageError(problem)
        except storage.DAMAGE_ERRORS as error:
            problem = storage.describe_damage(error)
            raise PreparedError(f"{path}: {problem}; {PREPARED_KIND.remedy}") from error

    def check_length(self, windows: WindowConfig, streams: int = 1) -> None:
        """Check that the corpus is long enough to train on.

        Args:
            windows: Windows and split.
            streams: How many streams of windows the training part must have.

        Raises:
            CorpusError: it is too short, or has one distinct character.
        """
        training, validating, _ = self.ranges(windows.validation)
        if self.documents is not None:
            unit = "tokens" if self.vocabulary.merges else "characters"
            check_documents(training.stop, windows, streams, unit)
            return
        check_length(self.characters, self.vocabulary.character_vocabulary, windows, streams)
        if self.vocabulary.merges:
            count = validating.stop - validating.start
            check_token_counts(training.stop, count, windows, streams)

    def _has_ends(self, first: int, ids: Ids) -> bool:
        """Whether ids, from the place `first` on, have document ends just where they are to be."""
        if self.documents is None:
            return True
        starts = self.documents.starts
        expected = starts[slice(*np.searchsorted(starts, (first + 1, first + len(ids) + 1)))] - 1
        ends = np.flatnonzero(ids == self.vocabulary.document_end_id) + first
        return np.array_equal(ends, expected)

    def summary(self) -> dict[str, Any]:
        """What `textgen prepare` reports: counts, vocabulary, windows, files with their bytes."""
        train, validation = self.split(self.windows.validation)
        token_parts = self.tokens.split(self.windows.validation)
        others: dict[str, Any] = {}
        if self.documents is not None:
            counts = zip(("training", "validation", "test"), self.documents.counts, strict=True)
            others |= {f"{part}_documents": count for part, count in counts}
            others["labels"] = (
                asdict(self.documents.labels)["fields"] if self.documents.labels else []
            )
        if self.subwords is not None:
            others["tokens"] = len(self.subwords.ids)
            others["token_vocabulary_size"] = self.subwords.vocabulary.size
            others["subwords"] = list(self.subwords.vocabulary.subwords)
        return {
            "directory": str(self.path),
            "characters": len(self.ids),
            "unknown_characters": self.unknown,
            "reading": self.reading.to_json(),
            "vocabulary_size": self.vocabulary.size,
            "vocabulary": self.vocabulary.characters,
            "maxlen": self.windows.maxlen,
            "step": self.windows.step,
            "targets": self.windows.targets,
            "training_characters": len(train),
            "validation_characters": len(validation),
            "test_characters": len(self.test),
            **others,
            "training_windows": len(self.cut_windows(token_parts[0])),
            "validation_windows": len(self.cut_windows(token_parts[1])),
            "files": {path.name: path.stat().st_size for path in sorted(self.path.iterdir())},
        }
