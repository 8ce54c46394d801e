"""Reading bytes and files, for the tests of this folder."""

import io
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.pieces import Piece
from textgen.text.reading import read_text, read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source, find_sources

# Blocks of three bytes end in every inconvenient place.
TINY = ReadingSizes(block=3)


def read(
    data: bytes,
    report: ReadingReport | None = None,
    sizes: ReadingSizes = READING_SIZES,
    **settings: Any,
) -> str:
    """The text of bytes."""
    source = Source("it", lambda: io.BytesIO(data), len(data))
    texts = read_text(source, CorpusConfig(**settings), report, sizes)
    return "".join(text for text, _ in texts)


def read_files(
    files: Sequence[bytes], sizes: ReadingSizes = READING_SIZES, **settings: Any
) -> tuple[str, dict[str, Any]]:
    """The text of several files, and the counts of the report that are not zero."""
    report = ReadingReport()
    sources = [
        Source(f"file {number}", partial(io.BytesIO, data), len(data))
        for number, data in enumerate(files)
    ]
    texts = read_texts(sources, CorpusConfig(**settings), report, sizes)
    text = "".join(text for text, _ in texts)
    assert ReadingReport.from_json(report.to_json()) == report
    return text, {name: count for name, count in report.to_json().items() if count}


def file_source(path: Path) -> Source:
    """The source of a file."""
    (source,) = find_sources(path)
    return source


def text_or_error(
    pieces: Iterable[Source | Piece],
    config: CorpusConfig,
    report: ReadingReport | None = None,
    sizes: ReadingSizes = READING_SIZES,
) -> str:
    """The text of pieces, or the first error."""
    try:
        return "".join(text for text, _ in read_texts(pieces, config, report, sizes))
    except CorpusError as error:
        return str(error)
