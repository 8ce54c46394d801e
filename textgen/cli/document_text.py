"""Documents as plain text: written such that the text can be split into the documents again.

Documents without line ends are written one on each line. Between others is a blank line. Inside a
document, a line that is empty or has nothing but spaces gets one more space, so that no line of it
is empty: splitting the text at its empty lines, and removing one space from lines of spaces, gives
exactly the documents. With a separator, it is written after each document, and nothing is
changed; documents that contain it are counted.
"""

from collections.abc import Iterable, Iterator

from textgen.cli.output import Output
from textgen.sampling import Sampler


class DocumentText:
    """Writes documents as plain text.

    Args:
        out: Standard output.
        separator: Written after each document; None for a line end or blank line.
        has_line_ends: Whether documents may have line ends.
        several: Whether more than one is written.

    Attributes:
        ambiguous: How many documents contained the separator.
    """

    def __init__(self, out: Output, separator: str | None, *, has_line_ends: bool, several: bool):
        self._out, self._separator = out, separator
        self._is_spaced = separator is None and has_line_ends and several
        self._count = self.ambiguous = 0

    def write(self, pieces: Iterable[str]) -> None:
        """Write the next document."""
        if self._is_spaced:
            if self._count:
                self._out.write("\n")
            pieces = pad_blank_lines(pieces)
        elif self._separator:
            pieces = self._check(pieces, self._separator)
        self._count += 1
        self._out.write_text("", pieces)

    def _check(self, pieces: Iterable[str], separator: str) -> Iterator[str]:
        """Count a document that looks like several."""
        document = ""
        for piece in pieces:
            document += piece
            yield piece
        self.ambiguous += (document + separator).find(separator) != len(document)


def has_line_ends(sampler: Sampler) -> bool:
    """Whether a model may generate line ends."""
    return any(
        end in sampler.vocabulary.characters and end not in sampler.excluded for end in "\n\r"
    )


def pad_blank_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Add a space to each line that has nothing but spaces.

    Example:
        >>> "".join(pad_blank_lines(["a\\n", "\\nb\\n  \\n"]))
        'a\\n \\nb\\n   \\n '
    """
    is_blank = True
    for piece in pieces:
        padded = ""
        for character in piece:
            if is_blank and character == "\n":
                padded += " "
            padded += character
            is_blank = character == "\n" or (is_blank and character == " ")
        yield padded
    if is_blank:
        yield " "
