"""Documents that Python code gives: a list, a column of a data frame, a generator."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from textgen.errors import CorpusError, UsageError
from textgen.settings import CorpusConfig, to_python_value
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, Source, list_corpora
from textgen.text.tables.json_rows import BadRowError, label_text, normalize_line_ends
from textgen.text.tables.rows import BadRows, Batch, find_bad_character

NAME = "documents"
_BATCH = 256  # documents in memory at a time


@dataclass(frozen=True)
class DocumentList(Source):
    """Documents that are no file.

    Attributes:
        documents: The texts, which are read once.
        labels: For each kind of label, the labels of all documents.
    """

    documents: Iterable[Any] = field(default=(), repr=False, compare=False)
    labels: Mapping[str, Iterable[Any]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The name of each kind of label."""
        return tuple(self.labels)


def documents_source(
    documents: Iterable[Any],
    labels: Iterable[Any] | Mapping[str, Iterable[Any]] | None = None,
) -> DocumentList:
    """Make a source for `prepare` and `train` from documents that Python code gives.

    They are read once, one after the other, and never all held in memory.

    Args:
        documents: Texts: a list, a column of a data frame, a generator. None and NaN are bad rows.
        labels: The label of each document; or for each kind of label, by its name, the label of
            each document. None and NaN are no label.

    Raises:
        UsageError: a single text instead of several.

    Example:
        >>> source = documents_source(["Emma", "Hamlet"], {"genre": ["novel", "play"]})
        >>> source.label_names
        ('genre',)
    """
    if labels is None:
        labels = {}
    elif not isinstance(labels, Mapping):
        labels = {"label": labels}
    for name, values in {NAME: documents, **labels}.items():
        is_list = isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)
        if not is_list or getattr(values, "ndim", 1) != 1:  # a data frame's items are its columns
            raise UsageError(f"{name} must be a list of texts, not {type(values).__name__}")
    return DocumentList(NAME, io.BytesIO, documents=documents, labels=dict(labels))


def take_documents(
    corpora: Corpora, options: Mapping[str, Any], labels: Any = None
) -> tuple[Corpora, dict[str, Any]]:
    """What `prepare` and `train` read: the documents among the options, if they are given there.

    Args:
        corpora: As for `prepare`.
        options: Settings by name, with `documents` a list of texts, or a way to read `corpora`.
        labels: As for `documents_source`.

    Returns:
        The corpora, and the options without documents.

    Raises:
        UsageError: corpora together with documents, or labels without documents.

    Example:
        >>> corpora, options = take_documents((), {"documents": ["Emma", "Ida"], "maxlen": 4})
        >>> corpora[0].documents, options
        (['Emma', 'Ida'], {'maxlen': 4})
    """
    documents = options.get("documents")
    if documents is None or isinstance(documents, str):
        if labels is not None:
            raise UsageError(
                "labels belong to documents that are given as a list; name the columns of a table "
                "by label"
            )
        return corpora, dict(options)
    if list_corpora(corpora):
        raise UsageError("corpora and a list of documents exclude each other; give one of them")
    rest = {name: value for name, value in options.items() if name != "documents"}
    return [documents_source(documents, labels)], rest


def read_document_list(
    source: DocumentList, config: CorpusConfig, report: ReadingReport
) -> Iterator[Batch]:
    """Read documents that Python code gives.

    Raises:
        CorpusError: fewer or more labels than documents, or a document that is no text and not to
            be left out.
    """
    bad_rows = BadRows(source.name, config, report)
    columns: Sequence[Iterator[Any]] = [
        iter(values) for values in (source.documents, *source.labels.values())
    ]
    number = 1
    while True:
        batch = [list(islice(column, _BATCH)) for column in columns]
        if len(set(map(len, batch))) > 1:
            lengths = zip((NAME, *source.labels), map(len, batch), strict=True)
            shortest = min(lengths, key=lambda item: item[1])[0]
            raise CorpusError(
                f"{shortest} has fewer items than it should; give a label, or None, for each "
                "document"
            )
        if not batch[0]:
            return
        rows = []
        for row in zip(*batch, strict=True):
            try:
                rows.append(_check_row(row))
            except BadRowError as error:
                bad_rows.add(number, None, str(error))
            number += 1
        texts, *labels = ([row[place] for row in rows] for place in range(len(columns)))
        yield Batch(texts, tuple(labels))


def _check_row(row: Sequence[Any]) -> tuple[str, ...]:
    """A text and its labels.

    Raises:
        BadRowError: they are no texts.
    """
    text, *labels = row
    if not isinstance(text, str):
        raise BadRowError(f"is no text, but {type(text).__name__}")
    values = (normalize_line_ends(str(text)), *map(_label, labels))
    if reason := find_bad_character("".join(values)):
        raise BadRowError(reason)
    return values


def _label(value: Any) -> str:
    value = to_python_value(value)
    if type(value).__name__ in ("NAType", "NaTType"):  # what pandas has for no value
        return ""
    return label_text(value)
