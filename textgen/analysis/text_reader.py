"""Reading a text for a trained model, as its training text was read."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from textgen.errors import CorpusError
from textgen.model.record import ModelRecord
from textgen.settings import CorpusConfig, normalize_options
from textgen.text.documents.modes import TABLE_SETTINGS
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.tokens.words import WordSplitter
from textgen.text.vocabulary import Ids, Vocabulary


class UnlabelledReadingOptions(TypedDict, total=False):
    """All of `ReadingOptions` but `label`."""

    encoding: str | None
    decoding_errors: str | None
    glob: Sequence[str]
    documents: str | Iterable[str] | None
    separator: str | None
    input_format: str | None
    column: str | None
    label_from: str | None
    delimiter: str | None
    header: str | None
    bad_rows: str | None


class ReadingOptions(UnlabelledReadingOptions, total=False):
    """How a text is read, if not as the model's training text was; None as that was.

    Attributes:
        encoding: The text's encoding, or `auto`.
        decoding_errors: `strict`, `replace` or `skip`.
        glob: Patterns for the names of files in directories; all files by default.
        documents: What is a document: `lines`, `paragraphs`, `files`, or `none` for one text; or
            the documents themselves, where a function takes a list.
        separator: Text between the documents of a file, instead of `documents`.
        input_format: `text`, `csv`, `tsv`, `jsonl`, or `auto` for what a file's name says.
        column: The column of a table, or the key of JSON objects, that has the text.
        label: Columns with labels, in the order of the model's labels; empty for none.
        label_from: Where else a label is taken from: `folder` or `file`; empty for nowhere.
        delimiter: What separates the fields of a row; empty to detect it.
        header: Whether the first row names the columns: `yes`, `no` or `auto`.
        bad_rows: `error`, or `skip` to leave out rows that cannot be read.
    """

    label: str | Sequence[str] | None


# Named by the user, these say that a text is a table.
_OF_TABLES = ("input_format", "column", "delimiter", "header")
NO_TABLE: dict[str, Any] = {
    "input_format": "text",
    **{name: getattr(CorpusConfig(), name) for name in TABLE_SETTINGS},
}


def reading_config(
    record: ModelRecord, model: str | Path, **options: Unpack[ReadingOptions]
) -> CorpusConfig:
    """How a text is read for a model.

    Raises:
        ModelError: as in `ModelRecord.corpus_config`.
        SettingsError: a value out of its bounds, or options that exclude each other.
    """
    config = replace(record.corpus_config(model), glob=CorpusConfig.glob)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if config.documents in ("rows", "separator"):
        config = replace(config, documents="auto")  # follows from the text and the other settings
    if given.get("documents", "auto") != "auto":  # another kind of text than that of the training
        config = replace(config, **{"separator": "", **NO_TABLE})
        if given["documents"] == "none":
            config = replace(config, label_from="")
    elif given.get("separator") or given.get("input_format") == "text":
        config = replace(config, documents="auto", **NO_TABLE)
    elif any(given.get(name) for name in _OF_TABLES):
        config = replace(config, documents="rows", separator="")
    if "label" in given and not given["label"]:
        given["label"] = ()
    return replace(config, **normalize_options(given))


class TextReader:
    """Turns texts into ids of a model's vocabulary, and counts characters.

    Attributes:
        vocabulary: The vocabulary.
        characters: Characters read.
        unknown: How many of them are outside the vocabulary. They are read as the unknown id; if
            the vocabulary has none, they are left out.
        tokens: Ids that these characters are.
        report: What was found and changed when they were read.
    """

    def __init__(self, vocabulary: Vocabulary, report: ReadingReport | None = None):
        self.vocabulary = vocabulary
        self._hash = hashlib.blake2b(digest_size=16)
        self.characters = self.unknown = self.tokens = 0
        self.report = ReadingReport() if report is None else report

    @property
    def digest(self) -> bytes:
        """A hash of the characters read so far."""
        return self._hash.digest()

    def read(self, sources: Sequence[Source], config: CorpusConfig) -> Iterator[Ids]:
        """The ids of sources, in pieces."""
        return self.encode_blocks(text for text, _ in read_texts(sources, config, self.report))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[Ids]:
        """The ids of one text, in pieces; they do not depend on where its blocks end."""
        return map(self.encode, self.whole_words(blocks))

    def whole_words(self, blocks: Iterable[str]) -> Iterator[str]:
        """One text in blocks none of which ends inside a word, whose subwords it would change.

        Without subwords, blocks stay as they are.
        """
        if not self.vocabulary.merges:
            yield from blocks
            return
        splitter, word = WordSplitter(self.vocabulary.characters), ""
        for block in blocks:
            text = word + block
            starts = splitter.starts(self.vocabulary.encode_characters(text))
            last = int(starts[-1]) if len(starts) else 0
            if last:
                yield text[:last]
            word = text[last:]  # of LONGEST_WORD characters, at most
        if word:
            yield word

    def encode(self, text: str) -> Ids:
        """The ids of a text of whole words."""
        self._hash.update(text.encode("utf-8", "surrogatepass"))
        ids = self.vocabulary.encode(text)
        missing = ids < 0
        self.characters += len(text)
        self.unknown += int(missing.sum())
        if self.vocabulary.unknown_id is None:
            ids = ids[~missing]
        else:
            ids = np.where(missing, self.vocabulary.unknown_id, ids)
        self.tokens += len(ids)
        return ids


def too_short_error(characters: int, unknown: int) -> CorpusError:
    """The error for a text with fewer than two known characters, or of a single subword."""
    if characters - unknown > 1:
        return CorpusError(
            f"the text is a single subword of the model, of {characters - unknown:,} characters, "
            "and nothing predicts the first one; give a longer text"
        )
    return CorpusError(
        f"the text has {characters:,} characters, {unknown:,} of them unknown to the model; "
        "at least two characters that the model knows are needed"
    )
