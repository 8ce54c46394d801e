"""Which column of a table has the text, and which ones have labels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textgen.errors import CorpusError

_SHOWN_COLUMNS, _SHOWN_CHARACTERS = 20, 30  # in a message
_NAME = re.compile(r"[^\W\d][\w.:/-]{0,39}( [\w.:/-]{1,40}){0,2}")
_SAME = 0.9  # share of the rows of a sample


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Attributes:
        source: The table's name.
        names: Their names; numbers from 1 on, where the table names none.
        examples: A value of each, possibly empty.
    """

    source: str
    names: Sequence[str]
    examples: Sequence[str]

    def find(self, name: str) -> int:
        """The index of the column with a name, or else with a number, from 1 on.

        Raises:
            CorpusError: there is no such column, or two have that name.

        Example:
            >>> columns = Columns("a.csv", ["title", "genre"], ["Emma", "novel"])
            >>> columns.find("genre"), columns.find("1")
            (1, 0)
        """
        places = [place for place, other in enumerate(self.names) if other == name]
        if len(places) > 1:
            numbers = " and ".join(str(place + 1) for place in places)
            raise CorpusError(
                f"{self.source}: two columns have the name {shorten(name)}, the columns {numbers}; "
                "give the number of one of them and --header yes, or rename one"
            )
        if places:
            return places[0]
        if name.isdecimal() and 1 <= int(name) <= len(self.names):
            return int(name) - 1
        raise CorpusError(
            f"{self.source}: there is no column {shorten(name)}; the columns are {self.describe()}"
        )

    def find_text(self, name: str) -> int:
        """The index of the column with the text.

        Raises:
            CorpusError: no name is given, or as `find` does.
        """
        if not name:
            raise CorpusError(
                f"{self.source}: is a table: choose the column with the text by --column NAME; the "
                f"columns are {self.describe()}"
            )
        return self.find(name)

    def describe(self) -> str:
        """The columns, each with an example of its values."""
        pairs = list(zip(self.names, self.examples, strict=True))
        shown = [f"{name} ({shorten(value)})" for name, value in pairs[:_SHOWN_COLUMNS]]
        more = len(pairs) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")


def shorten(text: str) -> str:
    """The beginning of a text in quotes, with escapes for characters that are not printed.

    Example:
        >>> shorten("two\\nlines"), shorten("a" * 50)
        ("'two\\\\nlines'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...'")
    """
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return repr(text)


def first_values(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A value of each column that is not empty, or an empty one."""
    return [
        next((row[place] for row in rows if len(row) > place and row[place].strip()), "")
        for place in range(width)
    ]


def has_header(rows: Sequence[Sequence[str]], names: Sequence[str]) -> bool:
    """Whether the first row of a table names its columns.

    It does if one of the names that are asked for is in it. Otherwise, it does if its fields are
    different and look like names (at most three words, no punctuation), and a column has something
    else in nearly all other rows: numbers or longer texts.

    Args:
        rows: The first rows of the table.
        names: Names of columns that are asked for.

    Example:
        >>> has_header([["name", "born"], ["Ada", "1815"]], [])
        True
        >>> has_header([["Ada", "1815"], ["Alan", "1912"]], [])
        False
    """
    first, *rows = [[field.strip() for field in row] for row in rows]
    if set(names) & set(first):
        return True
    if not are_names(first):
        return False
    rows = [row for row in rows if len(row) == len(first)]
    for column in zip(*rows, strict=True):
        values = [value for value in column if value]
        others = [value for value in values if not _is_name(value)]
        if values and len(others) >= _SAME * len(values):
            return True
    return False


def are_names(row: Sequence[str]) -> bool:
    """Whether the fields of a row could name columns: they are different and look like names.

    Some may be empty: data frames write no name above row numbers, spreadsheets none above an empty
    column.
    """
    names = [name for field in row if (name := field.strip())]
    return bool(names) and len(set(names)) == len(names) and all(map(_is_name, names))


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
