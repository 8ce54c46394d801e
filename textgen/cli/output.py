"""Results: text on standard output, and pages in files."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from textgen.cli import console
from textgen.cli.formatting import format_size, make_printable
from textgen.errors import OutputError

_BLOCK = 512  # characters written at a time if nobody waits for each


class Output:
    """Standard output: written at once on a terminal, in blocks elsewhere.

    Args:
        separator: Written after each text; None for a line end, unless the text ends with one.
        at_once: Whether somebody waits for each character, even if there is no terminal.

    Attributes:
        on_terminal: Whether it is a terminal.
        has_colors: Whether colours are to be written: on a terminal, unless NO_COLOR is set.
        clean: Makes text safe for this output. A model may generate what moves a terminal's cursor.

    Raises:
        OutputError: it is closed.
    """

    def __init__(self, separator: str | None = None, *, at_once: bool = False):
        if sys.stdout is None:
            raise OutputError("standard output is closed; send it to a file, a pipe or a terminal")
        self.on_terminal = sys.stdout.isatty()
        self.has_colors = self.on_terminal and not os.environ.get("NO_COLOR")  # no-color.org
        self.clean: Callable[[str], str] = make_printable if self.on_terminal else str
        self._separator = separator
        self._at_once = at_once or self.on_terminal

    def write(self, text: str) -> None:
        """Write UTF-8. Bytes of the command line that are not UTF-8 are written unchanged."""
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        if self._at_once:
            sys.stdout.buffer.flush()

    def write_text(self, seed: str, pieces: Iterable[str]) -> None:
        """Write a seed, the text that follows it, and the separator."""
        self.write(self.clean(seed))
        block = ""
        for block in self._blocks(pieces):
            self.write(self.clean(block))
        if self._separator is not None:
            self.write(self._separator)
        elif not block.endswith("\n"):
            self.write("\n")

    def write_clean(self, pieces: Iterable[str]) -> None:
        """Write pieces that are safe for this output already."""
        for block in self._blocks(pieces):
            self.write(block)

    def _blocks(self, pieces: Iterable[str]) -> Iterator[str]:
        iterator = iter(pieces)
        while block := "".join(islice(iterator, 1 if self._at_once else _BLOCK)):
            yield block


def open_page(output: str, *, force: bool) -> Callable[[str], None]:
    """A function that writes a page, complete or not at all.

    Args:
        output: Path of the page; - for standard output.
        force: Whether to replace an existing file.

    Raises:
        OutputError: the file exists, or its directory does not.
    """
    from textgen import storage

    path = Path(output)

    def write(html: str) -> None:
        if output == "-":
            out = Output(at_once=True)
            out.write(out.clean(html))
            return
        storage.write_file(path, html.encode(), force=force)
        console.note(f"textgen: wrote {output} ({format_size(len(html.encode()))})")

    if output != "-":
        storage.check_file_target(path, force=force)
    return write
