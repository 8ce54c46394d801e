"""Numbers, tables and reports as text for people."""

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgen.text.documents.labels import LabelField
    from textgen.text.reading_report import ReadingReport

# Control characters, line separators, surrogates, and marks that reverse the writing direction.
_UNSAFE = re.compile(
    r"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def make_printable(text: str) -> str:
    r"""Replace what could move a terminal's cursor, change its colours or reverse its text.

    Example:
        >>> make_printable("caf\u00e9\x1b[2J") == "caf\u00e9\ufffd[2J"
        True
    """
    return _UNSAFE.sub("\ufffd", text)


def format_size(size: float) -> str:
    """Bytes for people: 1.1 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def format_count(number: int, noun: str) -> str:
    """A number of things.

    Example:
        >>> format_count(1, "line"), format_count(2000, "line")
        ('1 line', '2,000 lines')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_duration(seconds: float) -> str:
    """A time for people: 1:05, 2:03:20."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def format_time_option(seconds: float) -> str:
    """A time as options such as --time take it.

    Example:
        >>> format_time_option(600), format_time_option(90)
        ('10m', '90s')
    """
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds:g}s"


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table: the first column is aligned to the left, the others to the right."""
    from rich.cells import cell_len

    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    for row in (head, *rows):
        fills = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [row[0] + fills[0]]
        cells += [fill + cell for cell, fill in zip(row[1:], fills[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def format_labels(labels: Mapping[str, str]) -> str:
    """Labels of a document as `--label` takes them.

    Example:
        >>> format_labels({"genre": "horror", "author": "Ann"})
        'genre=horror, author=Ann'
    """
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def describe_mode(report: "ReadingReport") -> Iterator[str]:
    """Lines about how the input was read, and how else it could be."""
    if report.mode:
        yield f"read as {report.mode}"
    if report.suggestion:
        yield report.suggestion
    if report.delimiter:
        yield f"delimiter: {report.delimiter}"
    if number := report.duplicate_documents:
        yield f"{format_count(number, 'document')} equal to an earlier one, and kept"
    if report.rare_labels:
        yield make_printable(f"rare labels: {report.rare_labels}")


def describe_label(field: "LabelField", shown: int = 10) -> str:
    """A kind of labels, with the most frequent values and how many documents have each."""
    counts = sorted(zip(field.values, field.counts, strict=True), key=itemgetter(1), reverse=True)
    values = [f"{value} {count:,}" for value, count in counts[:shown]]
    if len(counts) > shown:
        values.append(f"{len(counts) - shown:,} more values")
    if field.rare:
        values.append(f"rare ones {field.rare:,}")
    if field.unlabelled:
        values.append(f"none {field.unlabelled:,}")
    return make_printable(f"{field.name}: {', '.join(values)}")


def describe_reading(report: "ReadingReport") -> Iterator[str]:
    """A line for each kind of thing that was detected or changed when texts were read."""
    if number := report.empty_documents:
        yield f"{format_count(number, 'empty document')} left out"
    if number := report.bad_rows:
        yield f"{format_count(number, 'bad row')} left out; the first: {report.first_bad_row}"
    if number := report.unknown_labels:
        yield f"{format_count(number, 'label')} left out, which the model does not know"
    encodings = report.to_json()["encodings"]
    if encodings.keys() - {"utf-8"}:
        yield f"encodings: {describe_encodings(encodings)}"
    if number := report.line_ends_added:
        yield f"{format_count(number, 'line end')} added between files that lacked it"
    if number := report.byte_order_marks_removed:
        yield f"{format_count(number, 'byte order mark')} (U+FEFF) removed from the text"
    for number, action in (
        (report.undecodable_replaced, "replaced by U+FFFD"),
        (report.undecodable_skipped, "skipped"),
    ):
        if number:
            yield f"{format_count(number, 'byte sequence')} not text in the encoding: {action}"


def describe_encodings(encodings: Mapping[str, int]) -> str:
    """How many files have which encoding.

    Example:
        >>> describe_encodings({"utf-8": 2, "cp1252": 1})
        'utf-8 (2 files), cp1252 (1 file)'
    """
    return ", ".join(f"{name} ({format_count(files, 'file')})" for name, files in encodings.items())


def describe_skipped(characters: int) -> str:
    """The note about characters of a seed that a model cannot read."""
    return f"left out {format_count(characters, 'character')} that the model does not know"


def flatten_labels(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with a column for each label; `label_NAME` if another column has its name.

    Example:
        >>> flatten_labels({"text": "Boo", "labels": {"genre": "horror", "text": "a"}})
        {'text': 'Boo', 'genre': 'horror', 'label_text': 'a'}
    """
    columns: dict[str, Any] = {}
    for name, value in record.items():
        if name == "labels":
            taken = record.keys()
            columns |= {f"label_{key}" if key in taken else key: value[key] for key in value}
        else:
            columns[name] = value
    return columns
