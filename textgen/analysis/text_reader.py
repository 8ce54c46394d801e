"""Reading a text for a trained model, as its training text was read."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from textgen.errors import CorpusError
from textgen.model.record import ModelRecord
from textgen.settings import CorpusConfig
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.vocabulary import Ids, Vocabulary


class ReadingOptions(TypedDict, total=False):
    """How a text is read, if not as the model's training text was.

    Attributes:
        encoding: The text's encoding, or `auto`; None for that of the training text.
        decoding_errors: `strict`, `replace` or `skip`; None as for the training text.
        glob: Patterns for the names of files in directories; all files by default.
    """

    encoding: str | None
    decoding_errors: str | None
    glob: Sequence[str]


def reading_config(
    record: ModelRecord,
    model: str | Path,
    *,
    encoding: str | None = None,
    decoding_errors: str | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
) -> CorpusConfig:
    """How a text is read for a model; arguments as in `ReadingOptions`.

    Raises:
        ModelError: as in `ModelRecord.corpus_config`.
        SettingsError: an unknown encoding or way to treat decoding errors.
    """
    config = record.corpus_config(model)
    if encoding is not None:
        config = replace(config, encoding=encoding)
    if decoding_errors is not None:
        config = replace(config, decoding_errors=decoding_errors)
    return replace(config, glob=tuple(glob))


class TextReader:
    """Turns texts into ids of a model's vocabulary, and counts characters.

    Attributes:
        characters: Characters read.
        unknown: How many of them are outside the vocabulary. They are read as the unknown id; if
            the vocabulary has none, they are left out.
        report: What was found and changed when they were read.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._hash = hashlib.blake2b(digest_size=16)
        self.characters = self.unknown = 0
        self.report = ReadingReport()

    @property
    def digest(self) -> bytes:
        """A hash of the characters read so far."""
        return self._hash.digest()

    def read(self, sources: Sequence[Source], config: CorpusConfig) -> Iterator[Ids]:
        """The ids of sources, in pieces."""
        for text, _ in read_texts(sources, config, self.report):
            yield self.encode(text)

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        self._hash.update(text.encode("utf-8", "surrogatepass"))
        ids = self._vocabulary.encode(text)
        missing = ids < 0
        self.characters += len(ids)
        self.unknown += int(missing.sum())
        if self._vocabulary.unknown_id is None:
            return ids[~missing]
        return np.where(missing, self._vocabulary.unknown_id, ids)


def too_short_error(characters: int, unknown: int) -> CorpusError:
    """The error for a text with fewer than two known characters."""
    return CorpusError(
        f"the text has {characters:,} characters, {unknown:,} of them unknown to the model; "
        "at least two characters that the model knows are needed"
    )
