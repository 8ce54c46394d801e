"""What the rows of a table give: documents with labels, and rows that cannot be read."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.markers import DOCUMENT_END
from textgen.text.reading_report import ReadingReport

LONGEST_ROW = 1 << 24  # characters: longer than documents are, and short enough for any memory
_BAD_CHARACTER = re.compile("[\0\ud800-\udfff]")
_TOO_LONG = DOCUMENT_END * 3  # what is left of a line that is too long


@dataclass(frozen=True)
class Batch:
    """Documents of a table.

    Attributes:
        texts: Their texts.
        labels: For each column of labels, the label of each document; empty without one.
    """

    texts: Sequence[str]
    labels: tuple[Sequence[str], ...]


def split_lines(blocks: Iterable[str]) -> Iterator[str]:
    """The text of blocks in other ones, each of which ends with a line end, except the last one.

    Lines longer than `LONGEST_ROW` are replaced by something that `find_bad_character` finds.
    """
    held, size = list[str](), 0
    for block in blocks:
        end = block.rfind("\n") + 1
        if end:
            yield "".join([*held, block[:end]]) if held else block[:end]
            held, size = [], 0
        held.append(block[end:])
        size += len(block) - end
        if size > LONGEST_ROW:
            held, size = [_TOO_LONG], LONGEST_ROW
    if last := "".join(held):
        yield last


def find_bad_character(text: str) -> str:
    """What is wrong with the characters of a text, to be read after its place; empty if nothing is.

    Example:
        >>> find_bad_character("a\\0b"), find_bad_character("text")
        ('has a NUL, which no text has', '')
    """
    try:
        text.encode()  # finds half of a surrogate pair faster
        if "\0" not in text:
            return ""
    except UnicodeEncodeError:
        pass
    match = _BAD_CHARACTER.search(text)
    if match is None:
        return ""
    if match[0] == "\0":
        return "has a NUL, which no text has"
    if _TOO_LONG in text:
        return f"has a line of more than {LONGEST_ROW >> 20} MB"
    return f"has U+{ord(match[0]):04X}, half of a surrogate pair, which is no character"


class BadRows:
    """What happens with the bad rows of a table.

    Args:
        source: The table's name.
        config: Says whether they are an error.
        report: Counts them.
    """

    def __init__(self, source: str, config: CorpusConfig, report: ReadingReport):
        self._source, self._report = source, report
        self._is_error = config.bad_rows == "error"

    def add(self, row: int, line: int | None, reason: str, *, is_harmless: bool = False) -> None:
        """Leave out a row.

        Args:
            row: Its number, from 1 on.
            line: Its first line, if it has lines.
            reason: What is wrong with it, to be read after its place.
            is_harmless: Whether it has no text, so that it is never an error.

        Raises:
            CorpusError: bad rows are an error.
        """
        place = f"{self._source}: row {row:,}" + (f" (line {line:,})" if line else "")
        if self._is_error and not is_harmless:
            raise CorpusError(
                f"{place} {reason}; correct it, or leave such rows out by --bad-rows skip"
            )
        self._report.bad_rows += 1
        self._report.first_bad_row = self._report.first_bad_row or f"{place} {reason}"
