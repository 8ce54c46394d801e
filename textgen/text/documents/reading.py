"""A corpus becomes documents, in blocks of text in which the end of each document is marked."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.document_list import DocumentList, read_document_list
from textgen.text.documents.markers import (
    DOCUMENT_END,
    mark_file,
    mark_lines,
    mark_paragraphs,
    mark_separated,
)
from textgen.text.normalization import normalize_blocks
from textgen.text.pieces import Piece
from textgen.text.reading import Mark, read_text, read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source
from textgen.text.tables.marker import TableMarker, table_format

__all__ = ["DOCUMENT_END", "TextBlock", "read_documents"]

_COMPRESSED = re.compile(r"(?i)(?<=.)\.(gz|bz2|xz)\Z")


@dataclass(frozen=True)
class TextBlock:
    """A block of text.

    Attributes:
        text: The text, with `DOCUMENT_END` after each document; of a continuous text as it is.
        read: Bytes read for it.
        labels: For each kind of label, the labels of the documents that end in this block.
    """

    text: str
    read: int
    labels: tuple[Sequence[str], ...] = ()


def read_documents(
    sources: Iterable[Source | Piece],
    config: CorpusConfig,
    report: ReadingReport | None = None,
    sizes: ReadingSizes = READING_SIZES,
) -> Iterator[TextBlock]:
    """The documents of several sources, or pieces of sources; or their text, where it is one.

    A document may be empty, and may span any number of blocks.

    Args:
        sources: Sources, or pieces of them in order.
        config: How they are read; `auto` documents, which `resolve_documents` replaces, are one
            text here.
        report: Counts what is found and changed.
        sizes: How much is read at a time.

    Raises:
        CorpusError: a source cannot be read, is damaged, or is not text in its encoding; a table
            lacks a column, or has a bad row that is not to be left out.

    Example:
        >>> import io
        >>> source = Source("names", lambda: io.BytesIO(b"Anna\\nBen\\n"))
        >>> blocks = read_documents([source], CorpusConfig(documents="lines"))
        >>> "".join(block.text for block in blocks).split(DOCUMENT_END)
        ['Anna', 'Ben', '']
    """
    report = ReadingReport() if report is None else report
    if config.documents in ("auto", "none"):
        for text, count in read_texts(sources, config, report, sizes):
            yield TextBlock(text, count)
        return
    for source in sources:
        yield from _read_source(source, config, report, sizes)


def _read_source(
    source: Source | Piece, config: CorpusConfig, report: ReadingReport, sizes: ReadingSizes
) -> Iterator[TextBlock]:
    """The documents of a source."""
    if isinstance(source, Piece) and isinstance(source.source, DocumentList):
        source = source.source
    if isinstance(source, DocumentList):
        for batch in read_document_list(source, config, report):
            block = "".join([text + DOCUMENT_END for text in batch.texts])
            blocks = normalize_blocks(source.name, [block], config, sizes.longest_uncut)
            yield TextBlock("".join(blocks), 0, batch.labels)
        return
    table, mark = None, _marker(config, report)
    if config.documents == "rows":
        mark = table = _make_table(source, config, report)
    label = find_label(source, config.label_from)
    bytes_before = 0
    # A table's rows may be bad; and a text may have NUL as the only separator, which leaves none.
    allow_nul = config.documents == "rows" or config.separator == "\0"
    for text, count in read_text(source, config, report, sizes, mark, allow_nul=allow_nul):
        ends = text.count(DOCUMENT_END) if config.label or label else 0
        labels = table.take_labels(ends) if table is not None else ()
        yield TextBlock(text, count - bytes_before, (*labels, *([name] * ends for name in label)))
        bytes_before = count


def _make_table(source: Source | Piece, config: CorpusConfig, report: ReadingReport) -> TableMarker:
    name = (source.source if isinstance(source, Piece) else source).name
    kind = table_format(name, config)
    if not kind:
        raise CorpusError(
            f"{name}: is no table by its name; name a .csv, .tsv or .jsonl file, or give its "
            "format by --input-format"
        )
    return TableMarker(name, kind, config, report)


def _marker(config: CorpusConfig, report: ReadingReport) -> Mark:
    """What marks the documents of a file."""

    def count_separators(count: int) -> None:
        report.separators += count

    match config.documents:
        case "lines":
            return mark_lines
        case "paragraphs":
            return mark_paragraphs
        case "separator":
            return partial(mark_separated, separator=config.separator, on_found=count_separators)
        case _:
            return mark_file


def find_label(source: Source | Piece, label_from: str) -> tuple[str, ...]:
    """The label of all documents of a source, where it is taken from the source's name.

    Example:
        >>> from textgen.text.sources import find_sources
        >>> (source,) = find_sources("textgen/text/documents/labels.py")
        >>> find_label(source, "folder"), find_label(source, "file"), find_label(source, "")
        (('text',), ('labels',), ())
    """
    if not label_from:
        return ()
    source = source.source if isinstance(source, Piece) else source
    if not source.on_disk:
        return ("",)
    path = Path(source.name)
    if label_from == "folder":
        return (path.absolute().parent.name,)
    return (Path(_COMPRESSED.sub("", path.name)).stem,)
