"""Lines become rows of fields, by the csv module, in batches; also after a broken row."""

import csv
import io
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from textgen.text.documents.markers import DOCUMENT_END
from textgen.text.tables.rows import LONGEST_ROW

_limit_lock = threading.Lock()


@dataclass(frozen=True)
class Dialect:
    """How a row is written.

    Attributes:
        delimiter: The character between two fields.
        has_quotes: Whether a field may be in quotes, and a quote in it is written twice.
    """

    delimiter: str
    has_quotes: bool = True


@dataclass(frozen=True)
class Rows:
    """Rows of fields; a blank line is a row without fields.

    Attributes:
        rows: The rows.
        lines: How many lines they have.
        may_be_bad: Whether they may have a character for which `find_bad_character` searches.
    """

    rows: list[list[str]]
    lines: int
    may_be_bad: bool = False


@dataclass(frozen=True)
class BrokenRow:
    """A line with which no row begins that can be read; the next one is read as a new row.

    Attributes:
        reason: What is wrong with it, to be read after its place.
    """

    reason: str


def parse_rows(texts: Iterable[str], dialect: Dialect) -> Iterator[Rows | BrokenRow]:
    """Parse the rows of a table.

    Args:
        texts: The table, in texts that end with a line end, except the last one.
        dialect: How rows are written.

    Example:
        >>> parts = parse_rows(['a,b\\n"two\\n', 'lines",c\\n'], Dialect(","))
        >>> [part.rows for part in parts]
        [[['a', 'b']], [['two\\nlines', 'c']]]
    """
    lines, size, wanted, may_be_bad = list[str](), 0, 0, False
    for text in chain(texts, [None]):
        if text is not None:
            lines += io.StringIO(text, newline="\n").readlines()
            size += len(text)
            may_be_bad |= "\0" in text or DOCUMENT_END in text
            if size < wanted:
                continue
        while lines:
            rows, reason, is_open = _parse(lines, dialect)
            count = count_lines(rows) if reason else len(lines)
            if rows:
                yield Rows(rows, count, may_be_bad)
            del lines[:count]
            if reason:
                size = sum(map(len, lines))
                if is_open and text is not None and size <= LONGEST_ROW:
                    wanted = 2 * size  # so that a long row is parsed a few times only
                    break
                del lines[0]
                yield BrokenRow(reason)
        else:
            size, wanted, may_be_bad = 0, 0, False


def count_lines(rows: Iterable[list[str]]) -> int:
    """How many lines rows have."""
    return sum(1 + sum([field.count("\n") for field in row]) for row in rows)


def _parse(lines: list[str], dialect: Dialect) -> tuple[list[list[str]], str, bool]:
    """Parse lines up to the first error.

    Returns:
        The rows before it; what is wrong, if anything is; whether the lines end in a quoted field.
    """
    rows, is_at_end = list[list[str]](), False

    def note_end() -> Iterator[str]:
        nonlocal is_at_end
        is_at_end = True
        yield from ()

    reader = csv.reader(
        chain(lines, note_end()),
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.has_quotes else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        with _field_limit():
            rows.extend(reader)  # on an error, the rows before it are in the list
    except csv.Error as error:
        return rows, "has a quote that is not closed" if is_at_end else _describe(error), is_at_end
    return rows, "", False


def _describe(error: csv.Error) -> str:
    if "limit" in str(error):
        megabytes = LONGEST_ROW >> 20
        return f"has a field of more than {megabytes} MB; perhaps a quote is not closed"
    if "expected after" in str(error):
        return "has text after the closing quote of a field; quotes in a field are written twice"
    return f"is not written as a row: {error}"


@contextmanager
def _field_limit() -> Iterator[None]:
    """Let the csv module read long fields. Its limit is one of the whole process."""
    with _limit_lock:
        before = csv.field_size_limit(LONGEST_ROW)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def detect_dialect(sample: str, dialects: Iterable[Dialect], names: Iterable[str] = ()) -> Dialect:
    """The dialect in which the rows of a sample are most alike.

    It is one in which the first row has the names of columns that are asked for, if there is one;
    then one in which rows have several fields; then the one in which most rows have as many fields
    as the first; then the first one.

    Args:
        sample: The first lines of a table.
        dialects: To choose from.
        names: Names of columns that are asked for.

    Example:
        >>> detect_dialect("a;b\\n1,5;2\\n", [Dialect(","), Dialect(";")]).delimiter
        ';'
    """
    dialects, wanted = list(dialects), set(names)

    def score(dialect: Dialect) -> tuple[bool, bool, float]:
        rows, broken = parse_sample(sample, dialect)
        if not rows:
            return False, False, 0.0
        width = len(rows[0])
        alike = Counter(map(len, rows))[width] / (len(rows) + broken)
        has_names = bool(wanted) and wanted <= {name.strip() for name in rows[0]}
        return has_names, width > 1, alike

    return max(dialects, key=score)  # the first one of those with the highest score


def parse_sample(sample: str, dialect: Dialect) -> tuple[list[list[str]], int]:
    """The rows of a sample, without blank lines, and how many are broken."""
    rows, broken = list[list[str]](), 0
    for part in parse_rows([sample], dialect):
        if isinstance(part, BrokenRow):
            broken += 1
        else:
            rows += filter(None, part.rows)
    return rows, broken
