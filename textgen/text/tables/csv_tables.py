"""Documents and labels from tables of lines: CSV and TSV."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from textgen.settings import CorpusConfig
from textgen.text.reading_report import ReadingReport
from textgen.text.tables.columns import Columns, are_names, first_values, has_header
from textgen.text.tables.csv_rows import (
    BrokenRow,
    Dialect,
    count_lines,
    detect_dialect,
    parse_rows,
    parse_sample,
)
from textgen.text.tables.rows import BadRows, Batch, find_bad_character

_SAMPLE = 1 << 16  # characters from which delimiter and header are detected
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True)
class Layout:
    """How a table is read.

    Attributes:
        dialect: How its rows are written.
        header: Its first row, if that names the columns; else None.
        width: Fields of a row.
        text: The index of the column with the text.
        labels: The index of each column with labels.
    """

    dialect: Dialect
    header: list[str] | None
    width: int
    text: int
    labels: tuple[int, ...]


def read_csv_rows(
    name: str, kind: str, texts: Iterator[str], config: CorpusConfig, report: ReadingReport
) -> Iterator[Batch]:
    """Read the documents of a table.

    Args:
        name: The table's name.
        kind: `csv` or `tsv`.
        texts: The table, in texts that end with a line end, except the last one.
        config: Which columns are read, and how.
        report: Records the delimiter, and counts rows that are left out.

    Raises:
        CorpusError: no such column, or a bad row that is not to be left out.
    """
    sample = ""
    for text in texts:
        sample += text
        if len(sample) >= _SAMPLE:
            break
    layout = detect_layout(name, kind, sample, config)
    if layout is None:  # the table has no rows
        return
    if not report.delimiter:
        report.delimiter = _describe_detected(layout, kind, config)
    yield from _read_rows(chain([sample], texts), layout, BadRows(name, config, report))


def _describe_detected(layout: Layout, kind: str, config: CorpusConfig) -> str:
    """What was detected in a table, for people."""
    found = []
    if kind == "csv" and not config.delimiter and layout.width > 1:
        found.append(_DELIMITERS[layout.dialect.delimiter])
    if not layout.dialect.has_quotes:
        found.append("quotes are part of the text")
    if config.header == "auto" and layout.header is None:
        found.append("no header")
    elif config.header == "auto" and config.column.isdecimal():
        found.append("the first row is the header")
    return ", ".join(found)


def detect_layout(name: str, kind: str, sample: str, config: CorpusConfig) -> Layout | None:
    """How a table is read, from its first lines; None where they have no rows.

    Raises:
        CorpusError: no such column.
    """
    wanted = [column for column in (config.column, *config.label) if column]
    if config.delimiter:
        delimiters = [config.delimiter]
    else:
        delimiters = ["\t"] if kind == "tsv" else list(_DELIMITERS)
    dialects = [Dialect(delimiter) for delimiter in delimiters]
    if "\t" in delimiters:  # programs that write tabs often write no quotes
        dialects.append(Dialect("\t", has_quotes=False))
    dialect = detect_dialect(sample, dialects, wanted)
    rows, _ = parse_sample(sample, dialect)
    if not rows:
        return None
    width = len(rows[0])
    is_header = config.header == "yes"
    if config.header == "auto":  # who gives no number believes that the columns have names
        is_header = has_header(rows, wanted) or (
            not config.column.isdecimal() and are_names(rows[0])
        )
    names = [str(number) for number in range(1, width + 1)]
    if is_header:
        names = [field.strip() or number for field, number in zip(rows[0], names, strict=True)]
    columns = Columns(name, names, first_values(rows[is_header:], width))
    text = columns.find_text(config.column)
    labels = tuple(map(columns.find, config.label))
    return Layout(dialect, rows[0] if is_header else None, width, text, labels)


def _read_rows(texts: Iterable[str], layout: Layout, bad_rows: BadRows) -> Iterator[Batch]:
    """The documents of all rows after the header."""
    columns = [itemgetter(place) for place in (layout.text, *layout.labels)]
    line, number, is_first = 1, 1, True
    for part in parse_rows(texts, layout.dialect):
        if isinstance(part, BrokenRow):
            bad_rows.add(number, line, part.reason)
            line, number = line + 1, number + 1
            continue
        rows, next_line = part.rows, line + part.lines
        count = len(rows)
        if is_first and layout.header is not None:
            place = next(place for place, row in enumerate(rows) if row)
            rows, line, is_first = rows[place + 1 :], line + count_lines(rows[: place + 1]), False
            count = len(rows)
        is_good = {layout.width} == set(map(len, rows)) and layout.header not in rows
        if part.may_be_bad or not is_good:
            rows, count = _leave_out(rows, layout, bad_rows, (number, line))
        line, number = next_line, number + count
        texts, *labels = (list(map(column, rows)) for column in columns)
        yield Batch(texts, tuple(list(map(str.strip, column)) for column in labels))


def _leave_out(
    rows: list[list[str]], layout: Layout, bad_rows: BadRows, place: tuple[int, int]
) -> tuple[list[list[str]], int]:
    """Leave out blank lines and bad rows.

    Args:
        rows: Rows.
        layout: What is expected of them.
        bad_rows: Handles bad rows.
        place: The number and the line of the first row.

    Returns:
        The other rows; how many rows there were, without blank lines.
    """
    good, (first, line) = list[list[str]](), place
    number = first
    for row in rows:
        if row:
            reason = ""
            if row == layout.header:
                reason = "is the header again"
            elif len(row) != layout.width:
                fields = "1 field" if len(row) == 1 else f"{len(row):,} fields"
                reason = find_bad_character("".join(row)) or f"has {fields}, not {layout.width:,}"
            else:
                reason = find_bad_character("".join(row))
            if reason:
                bad_rows.add(number, line, reason, is_harmless=row == layout.header)
            else:
                good.append(row)
            number += 1
        line += count_lines([row])
    return good, number - first
