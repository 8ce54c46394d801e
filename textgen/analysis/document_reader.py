"""Reading documents for a trained model, one at a time, as its training text was read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from textgen.analysis.text_reader import NO_TABLE, TextReader
from textgen.errors import CorpusError, SettingsError
from textgen.model.record import ModelRecord
from textgen.settings import CorpusConfig
from textgen.text.documents.document_list import DocumentList
from textgen.text.documents.index import Documents
from textgen.text.documents.labels import NO_LABEL, Labels
from textgen.text.documents.modes import check_found, resolve_documents
from textgen.text.documents.reading import DOCUMENT_END, TextBlock, read_documents
from textgen.text.prepared_corpus import Prepared
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.tables.marker import table_format
from textgen.text.vocabulary import Ids, Vocabulary

MAX_DOCUMENT = 1 << 26  # characters of a document, which is in memory while it is scored
_BETWEEN = {"paragraphs": "\n\n"}  # what a continuous text has between documents, if no line end
_CACHE_BLOCK = 1 << 18  # ids of a prepared corpus in memory at a time


@dataclass(frozen=True)
class Document:
    """A document as a model reads it.

    Attributes:
        text: Its text.
        ids: Its ids, with those that end it.
        unknown: Characters of the text that the model does not know.
        labels: Its label of each kind, empty where it has none or is not known to have one.
        label_ids: Their ids for the model, shape (fields,).
    """

    text: str
    ids: Ids
    unknown: int
    labels: tuple[str, ...]
    label_ids: npt.NDArray[np.int64]

    def targets(self, logs: npt.NDArray[np.float64]) -> Ids:
        """The ids that log-probabilities are of: all, or all but the first."""
        return self.ids[len(self.ids) - len(logs) :]

    def with_labels(self, label_ids: npt.NDArray[np.int64]) -> "Document":
        """The same document with ids of other labels."""
        return replace(self, label_ids=label_ids)


def is_documents(config: CorpusConfig) -> bool:
    """Whether texts are read as documents; else they are one text."""
    return config.documents != "none"


def resolve_config(
    config: CorpusConfig, sources: Sequence[Source], record: ModelRecord
) -> CorpusConfig:
    """How sources are read, with what they are in place of `auto`.

    A text that is no table is read as lines for a model that was trained on a table.

    Args:
        config: How they are to be read.
        sources: The sources.
        record: The model that reads them.

    Raises:
        SettingsError: settings that these sources exclude, or other labels than the model has.
    """
    if any(isinstance(source, DocumentList) for source in sources):
        config = CorpusConfig(
            lowercase=config.lowercase, normalize=config.normalize, bad_rows=config.bad_rows
        )
    elif (
        config.documents == "auto"
        and not config.separator
        and not any(table_format(source.name, config) for source in sources)
    ):
        config = replace(config, **NO_TABLE)
    if not any(source.on_disk for source in sources):
        config = replace(config, label_from="")  # standard input has no folder
    is_open = config.documents == "auto"
    config = resolve_documents(sources, config)
    if is_open and record.vocabulary.has_document_end and not is_documents(config):
        config = replace(config, documents="lines")
    names, known = label_names(config), record.labels.names if record.labels else ()
    if known and not set(names) <= set(known) and len(names) != len(known):
        raise SettingsError(
            "label", f"must name a column for each of the model's labels ({', '.join(known)})"
        )
    return config


def document_config(
    config: CorpusConfig, sources: Sequence[Source], record: ModelRecord
) -> CorpusConfig:
    """The same for sources that are documents in any case: lines, unless they are something else.

    Raises:
        SettingsError: as for `resolve_config`.
    """
    config = resolve_config(config, sources, record)
    return config if is_documents(config) else replace(config, documents="lines")


def label_names(config: CorpusConfig) -> tuple[str, ...]:
    """The names of the labels that documents are read with."""
    return (*config.label, *([config.label_from] if config.label_from else []))


class DocumentReader:
    """Turns documents into ids of a model's vocabulary and labels, and counts them.

    A model of continuous text knows no document end. Instead, it reads before and after each
    document what is between documents in such a text, a line end for example.

    Args:
        record: The model.
        config: How documents are read.
        report: Counts what is found and changed.

    Attributes:
        end: The ids that end each document. They are also read before each document.
        label_names: The names of the documents' labels; those of the model, if it has labels.
        text: The reader of the text, which counts characters.
        documents: Documents read, without empty ones.
        bytes_read: Bytes of sources that were read.
    """

    def __init__(
        self, record: ModelRecord, config: CorpusConfig, report: ReadingReport | None = None
    ):
        self._config = config
        self._labels = record.labels or Labels(())
        self.text = TextReader(record.vocabulary, report)
        self.documents = self.bytes_read = 0
        names, known = label_names(config), self._labels.names
        # Labels with the model's names are those, in any order; others are in its order.
        by_name = set(names) <= set(known)
        self.label_names = names if by_name or not known else known
        self._places = [known.index(name) for name in names] if by_name else range(len(known))
        self.end = _end_ids(record.vocabulary, config)

    @property
    def report(self) -> ReadingReport:
        """What was found and changed when documents were read."""
        return self.text.report

    def read(self, sources: Sequence[Source]) -> Iterator[Document]:
        """The documents of sources, in order, without empty ones.

        Raises:
            CorpusError: a source cannot be read, or a document is longer than `MAX_DOCUMENT`.
        """
        blocks = read_documents(sources, self._config, self.report)
        for text, labels in split_documents(self._count(blocks)):
            if text:
                self.report.documents += 1
                yield self.make(text, labels)
            else:
                self.report.empty_documents += 1
        check_found(self.report, sources, self._config)

    def _count(self, blocks: Iterable[TextBlock]) -> Iterator[TextBlock]:
        for block in blocks:
            self.bytes_read += block.read
            yield block

    def read_text(self, sources: Sequence[Source]) -> Iterator[str]:
        """Sources as one text, in blocks.

        Raises:
            CorpusError: a source cannot be read.
        """
        for text, count in read_texts(sources, self._config, self.report):
            self.bytes_read += count
            yield text

    def read_part(self, prepared: Prepared, corpus: Documents, part: int) -> Iterator[Document]:
        """The documents of a part of a prepared corpus: training, validation or test.

        Args:
            prepared: The corpus.
            corpus: Its documents.
            part: `TRAINING`, `VALIDATION` or `TEST`.
        """
        documents, first, labels = corpus.part(part), corpus.ids_of(part).start, corpus.labels
        for begin, end in _spans(documents.starts, _CACHE_BLOCK):
            starts = documents.starts[begin : end + 1] - documents.starts[begin]
            offset = first + int(documents.starts[begin])
            ids = prepared.read(offset, offset + int(starts[-1]))
            for number in range(end - begin):
                text = prepared.vocabulary.decode(ids[starts[number] : starts[number + 1]].tolist())
                label_ids = documents.label_ids[begin + number]
                fields = labels.fields if labels else ()
                yield self.make(
                    text,
                    tuple(
                        field.decode(int(label_id))
                        for field, label_id in zip(fields, label_ids, strict=True)
                    ),
                    np.asarray(label_ids, np.int64) if fields else None,
                )

    def make(
        self,
        text: str,
        labels: Sequence[str] = (),
        label_ids: npt.NDArray[np.int64] | None = None,
    ) -> Document:
        """A document of a text and its labels."""
        fields = self._labels.fields
        if label_ids is None:
            label_ids = np.zeros(len(fields), np.int64)
            for place, value in zip(self._places, labels, strict=False):
                label_ids[place] = fields[place].find(value)
                if value and label_ids[place] == NO_LABEL:
                    self.report.unknown_labels += 1
        self.documents += 1
        unknown = self.text.unknown
        ids = np.concatenate([self.text.encode(text), self.end])
        return Document(text, ids, self.text.unknown - unknown, tuple(labels), label_ids)


def _end_ids(vocabulary: Vocabulary, config: CorpusConfig) -> npt.NDArray[np.int64]:
    """The ids that end a document."""
    if vocabulary.document_end_id is not None:
        return np.array([vocabulary.document_end_id])
    ids = vocabulary.encode(config.separator or _BETWEEN.get(config.documents, "\n"))
    return ids[ids >= 0]


def split_documents(blocks: Iterable[TextBlock]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The text of each document and its labels.

    Raises:
        CorpusError: a document has more than `MAX_DOCUMENT` characters.

    Example:
        >>> blocks = [TextBlock("on", 2), TextBlock(f"e{DOCUMENT_END}two{DOCUMENT_END}", 5)]
        >>> [text for text, _ in split_documents(blocks)]
        ['one', 'two']
    """
    parts: list[str] = []  # of a document that has not ended
    length = count = 0
    for block in blocks:
        *ended, rest = block.text.split(DOCUMENT_END)
        for number, text in enumerate(ended):
            whole = "".join([*parts, text]) if parts else text
            yield whole, tuple(labels[number] for labels in block.labels)
            parts, length = [], 0
        count += len(ended)
        if rest:
            parts.append(rest)
            length += len(rest)
        if length > MAX_DOCUMENT:
            raise CorpusError(
                f"document {count + 1:,} has more than {MAX_DOCUMENT:,} characters, too many to "
                "score as one; name what separates documents, as in --documents lines"
            )


def _spans(starts: npt.NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of documents that have about `size` ids together, at least one document each."""
    begin, count = 0, len(starts) - 1
    while begin < count:
        end = int(np.searchsorted(starts, starts[begin] + size, side="right")) - 1
        end = min(max(end, begin + 1), count)
        yield begin, end
        begin = end
