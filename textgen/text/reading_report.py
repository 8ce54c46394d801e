"""What reading a corpus found, and what it changed in the text."""

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from textgen.errors import SettingsError
from textgen.settings import check_integer


@dataclass
class ReadingReport:
    """What reading found, and what it changed in the text.

    Attributes:
        encodings: How many files were in which encoding; empty files are not counted.
        line_ends_added: Line ends inserted between files, where the first one lacks its last.
        byte_order_marks_removed: Characters U+FEFF removed elsewhere than at the start of a file.
        undecodable_replaced: Byte sequences that are not text in the encoding, replaced by U+FFFD.
        undecodable_skipped: Byte sequences that are not text in the encoding, left out.
        documents: Documents read, without empty ones; 0 for one continuous text.
        empty_documents: Documents without a character, left out.
        duplicate_documents: Documents that are equal to an earlier one; they are kept.
        separators: Separators between documents that were found.
        bad_rows: Rows of tables that could not be read, left out.
        first_bad_row: Where the first of them is, and what is wrong with it.
        unknown_labels: Labels that a model does not know; it reads these documents without one.
        rare_labels: Which values of labels are so rare that they are learned as one, for people.
        mode: How the input was read, for people.
        delimiter: What separates the fields of a table, where it was detected.
        suggestion: Another way to read the input that would fit, for people; empty if none would.

    Example:
        >>> report = ReadingReport()
        >>> report.count_file("UTF8")
        >>> report.encodings
        {'utf-8': 1}
    """

    encodings: dict[str, int] = field(default_factory=dict)
    line_ends_added: int = 0
    byte_order_marks_removed: int = 0
    undecodable_replaced: int = 0
    undecodable_skipped: int = 0
    documents: int = 0
    empty_documents: int = 0
    duplicate_documents: int = 0
    separators: int = 0
    bad_rows: int = 0
    first_bad_row: str = ""
    unknown_labels: int = 0
    rare_labels: str = ""
    mode: str = ""
    delimiter: str = ""
    suggestion: str = ""

    def count_file(self, encoding: str, files: int = 1) -> None:
        """Add files to those that were in an encoding."""
        name = codecs.lookup(encoding).name
        self.encodings[name] = self.encodings.get(name, 0) + files

    def add(self, other: "ReadingReport") -> None:
        """Add the counts of another report to this one; of texts, the first one is kept."""
        for encoding, files in other.encodings.items():
            self.count_file(encoding, files)
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _TEXTS:
            setattr(self, name, getattr(self, name) or getattr(other, name))

    def to_json(self) -> dict[str, Any]:
        """The counts as a JSON object, the most frequent encoding first."""
        encodings = sorted(self.encodings.items(), key=lambda item: (-item[1], item[0]))
        return {**asdict(self), "encodings": dict(encodings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ReadingReport":
        """The report that `to_json` gave; counts that are missing are zero.

        Raises:
            SettingsError: a count is not a whole number.
        """
        encodings = data.get("encodings", {})
        if not isinstance(encodings, dict):
            raise SettingsError("encodings", "must be an object")
        report = cls(dict(encodings))
        for name in _COUNTS:
            setattr(report, name, data.get(name, 0))
            check_integer(name, getattr(report, name), at_least=0)
        for name in _TEXTS:
            if not isinstance(text := data.get(name, ""), str):
                raise SettingsError(name, "must be a text")
            setattr(report, name, text)
        for encoding, files in report.encodings.items():
            check_integer(encoding, files, at_least=0)
        return report


_COUNTS = tuple(field.name for field in fields(ReadingReport) if field.type is int)
_TEXTS = tuple(field.name for field in fields(ReadingReport) if field.type is str)
