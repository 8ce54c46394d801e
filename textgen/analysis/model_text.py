"""A text as a model reads it: one that a user named, or a part of the corpus it was trained on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textgen.analysis.document_reader import (
    Document,
    DocumentReader,
    document_config,
    is_documents,
    resolve_config,
)
from textgen.analysis.document_sample import sample_documents
from textgen.analysis.text_reader import reading_config
from textgen.analysis.training_text import open_cached_corpus
from textgen.errors import ModelError
from textgen.model.model_dir import TrainedModel
from textgen.model.record import ModelRecord
from textgen.text.documents.index import TEST
from textgen.text.documents.modes import check_label_from
from textgen.text.prepared_corpus import Prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, Source, find_sources
from textgen.text.vocabulary import Ids

_NAME_TEXT = "name a text, as in `textgen evaluate held-out.txt`"
_BLOCK = 1 << 18  # ids of a prepared corpus in memory at a time


@dataclass(frozen=True)
class ModelText:
    """A text as a model reads it. It can be read once, unless `shorten` made it.

    Attributes:
        reader: Reads it, and counts what it reads.
        has_documents: Whether it is read as documents; else it is one text.
        names: What messages call its files, or it.
        read_documents: Its documents.
        read_texts: One text, in blocks.
        length: Its characters, if they are known before it is read.
        size: The bytes of its files, if they are known.
    """

    reader: DocumentReader
    has_documents: bool
    names: tuple[str, ...]
    read_documents: Callable[[], Iterator[Document]]
    read_texts: Callable[[], Iterator[str]]
    length: int | None = None
    size: int | None = None

    @property
    def expected_characters(self) -> int | None:
        """About how many characters it has; None if that is not known."""
        if self.length is not None or not self.size:
            return self.length
        read = self.reader.bytes_read
        return round(self.reader.text.characters * self.size / read) if read else None

    @property
    def note(self) -> str:
        """How it is read, where that is not what the model was trained on; else empty."""
        if self.has_documents == self.reader.text.vocabulary.has_document_end:
            return ""
        if not self.has_documents:
            return (
                "the model was trained on documents; it reads this text as the inside of one, "
                "which never ends"
            )
        if not len(self.reader.end):
            return (
                "the model was trained on continuous text without line ends; it reads nothing "
                "before a document, and predicts no end and no first character"
            )
        between = self.reader.text.vocabulary.decode(self.reader.end.tolist())
        name = "a line end" if between == "\n" else repr(between)
        return (
            f"the model was trained on continuous text; it reads {name} before each document, and "
            "predicts another one as its end"
        )

    def read_ids(self) -> Iterator[Ids]:
        """The ids of one text, in pieces; a model of documents reads it as the inside of one."""
        vocabulary = self.reader.text.vocabulary
        if vocabulary.document_end_id is not None:
            yield np.array([vocabulary.document_end_id])
        yield from self.reader.text.encode_blocks(self.read_texts())


def named_text(
    record: ModelRecord,
    model: str | Path,
    corpora: Corpora,
    reading: Mapping[str, Any],
    report: ReadingReport | None = None,
    *,
    as_documents: bool = False,
) -> ModelText:
    """A text that a user named.

    Args:
        record: The model.
        model: Its directory, for messages.
        corpora: Paths of files and directories, `-`, or sources.
        reading: How they are read, if not as the model's training text was: `ReadingOptions`.
        report: Counts what is found and changed.
        as_documents: Whether to read a text as lines that would else be one text.

    Raises:
        CorpusError: a file does not exist or cannot be read.
        ModelError: the model does not record how its text was read.
        SettingsError: settings that exclude each other or these sources, or there are not as many
            labels as the model has.
    """
    config = reading_config(record, model, **reading)
    sources = find_sources(corpora, config.glob)
    if reading.get("label_from"):
        check_label_from(sources)
    resolve = document_config if as_documents else resolve_config
    config = resolve(config, sources, record)
    reader = DocumentReader(record, config, report)
    return ModelText(
        reader,
        is_documents(config),
        tuple(source.name for source in sources),
        lambda: reader.read(sources),
        lambda: reader.read_text(sources),
        size=_total_size(sources),
    )


def _total_size(sources: Sequence[Source]) -> int | None:
    sizes = [source.size for source in sources]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def corpus_part(trained: TrainedModel, directory: Path, part: int) -> ModelText:
    """The validation or test part of the corpus that a model was trained on.

    Args:
        trained: The model.
        directory: Its directory.
        part: `VALIDATION` or `TEST`.

    Raises:
        ModelError: the directory does not have the corpus, or that has no such part.
        PreparedError: the corpus is damaged.
    """
    prepared = open_cached_corpus(trained, directory, _NAME_TEXT)
    text = part_text(trained.record, prepared, part)
    if text is None:
        name, option = ("test", "--test") if part == TEST else ("validation", "--validation")
        raise ModelError(
            f"{directory}: no part of the corpus is for {name}; {_NAME_TEXT}, or train with "
            f"{option} 0.1"
        )
    return text


def part_text(record: ModelRecord, prepared: Prepared, part: int) -> ModelText | None:
    """A part of a prepared corpus; None if it has fewer than two ids.

    Args:
        record: The model that reads it.
        prepared: The corpus that the model was trained on.
        part: `TRAINING`, `VALIDATION` or `TEST`.
    """
    ids = prepared.ranges(record.settings.windows.validation)[part]
    if ids.stop - ids.start < 2:
        return None
    reader, documents = DocumentReader(record, prepared.corpus), prepared.documents
    return ModelText(
        reader,
        documents is not None,
        (f"the {('training', 'validation', 'test')[part]} part of the corpus",),
        lambda: iter(()) if documents is None else reader.read_part(prepared, documents, part),
        lambda: _read_blocks(prepared, ids),
        length=ids.stop - ids.start,
    )


def shorten(text: ModelText, length: int) -> ModelText:
    """The beginning of a text; of documents, a random sample. It can be read again and again.

    Args:
        text: The text, of which as much as is needed is read now.
        length: Its characters, at most (tokens, for documents); but one document is always read.
    """
    if text.has_documents:
        documents, _ = sample_documents(text.read_documents(), length, length)
        return replace(text, read_documents=lambda: iter(documents))
    blocks, characters = list[str](), 0
    for block in text.read_texts():
        blocks.append(block[: length - characters])
        characters += len(blocks[-1])
        if characters >= length:
            break
    return replace(text, read_texts=lambda: iter(blocks))


def _read_blocks(prepared: Prepared, ids: slice) -> Iterator[str]:
    # With --init-from the model has more characters than its corpus, and other ids.
    for first in range(ids.start, ids.stop, _BLOCK):
        block = prepared.read(first, min(first + _BLOCK, ids.stop))
        yield prepared.vocabulary.decode(block.tolist())
