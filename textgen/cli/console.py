"""What goes to standard error, lines and a progress bar on a terminal, and to standard output.

Knows terminals and file descriptors; knows nothing of training or corpora.
"""

import io
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from textgen.text.reading_report import ReadingReport

EVERY = 10.0  # seconds between progress lines where there is no terminal
_BLOCK = 512  # characters written at a time where nobody watches
_REFRESH = 0.1  # seconds between two updates of the bar: steady to the eye, and cheap
# Control characters, line separators, surrogates, and what turns the direction of writing round.
_ACTING = re.compile(
    r"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def redraws() -> bool:
    """Whether standard error is a terminal where what was written can be replaced."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def in_front(file: IO[str]) -> bool | None:
    """Whether the terminal that a file is belongs to this program now; None where it is none."""
    try:
        return os.tcgetpgrp(file.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return None


def note(text: str) -> None:
    """Write a line to standard error, above the progress bar if one is shown."""
    if _Bar.shown is not None:
        print_above(_Bar.shown.console, text)
    else:
        click.echo(printable(text), err=True)


def note_reading(report: "ReadingReport") -> None:
    """Write what was found and changed when texts were read, where there is something to tell."""
    for line in reading_lines(report):
        note(f"textgen: {line}")


def reading_lines(report: "ReadingReport") -> Iterator[str]:
    """What was found and changed when texts were read, in a line each."""
    encodings = report.to_json()["encodings"]
    if encodings.keys() - {"utf-8"}:
        yield f"encodings: {encodings_in_words(encodings)}"
    if number := report.line_ends_added:
        yield f"{count(number, 'line end')} added between files that lacked it"
    if number := report.byte_order_marks_removed:
        yield f"{count(number, 'byte order mark')} (U+FEFF) removed from the text"
    for number, done in (
        (report.undecodable_replaced, "replaced by U+FFFD"),
        (report.undecodable_skipped, "skipped"),
    ):
        if number:
            yield f"{count(number, 'byte sequence')} not text in the encoding: {done}"


def encodings_in_words(encodings: Mapping[str, int]) -> str:
    """How many files have which encoding.

    Example:
        >>> encodings_in_words({"utf-8": 2, "cp1252": 1})
        'utf-8 (2 files), cp1252 (1 file)'
    """
    return ", ".join(f"{name} ({count(files, 'file')})" for name, files in encodings.items())


def print_above(display: Any, text: str) -> None:
    """Write a line above what a console of rich shows."""
    display.print(printable(text), markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Bar:
    shown: Any = None


class Progress:
    """A bar with a text beside it on a terminal; elsewhere that text as a line now and then."""

    def __init__(self) -> None:
        self._on_terminal = redraws()
        self._task: Any = None
        self._last = time.monotonic()

    def update(self, label: str, done: int, total: int | None, text: str) -> None:
        """Show how far something is.

        Args:
            label: What is being done.
            done: Units done.
            total: Units in all, None where that is not known.
            text: Figures to show beside the bar.
        """
        now = time.monotonic()
        if now - self._last < (_REFRESH if self._on_terminal else EVERY):
            return
        self._last = now
        if not self._on_terminal:
            share = f" {done / total:.0%}" if total else ""
            note(f"{label}{share}: {text}")
            return
        if in_front(sys.stderr) is False:
            return  # the terminal is another program's now
        if _Bar.shown is None:
            self._open()
        _Bar.shown.update(
            self._task, refresh=True, description=label, completed=done, total=total, text=text
        )

    def close(self) -> None:
        """Take the bar away."""
        if _Bar.shown is not None:
            _Bar.shown.stop()
            _Bar.shown = None

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Rich

        _Bar.shown = Rich(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(file=sys.stderr),
            transient=True,
            auto_refresh=False,
        )
        self._task = _Bar.shown.add_task("", total=None, text="")
        _Bar.shown.start()
        _Bar.shown.console.show_cursor()  # else Ctrl-Z would leave the shell without one


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display that is gone when the block ends, however it ends."""
    display = Progress()
    try:
        yield display
    finally:
        display.close()


def standard_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        from textgen.errors import UsageError

        raise UsageError("standard input is closed; send it a file or a pipe")
    return sys.stdin.buffer


class _Steady(io.FileIO):
    """A file descriptor that may be lost, or full: the work goes on without what is written."""

    def write(self, data: Any) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(data) if written is None else written


def steady_errors(descriptor: int = 2) -> None:
    """Let no work end because its log cannot be written any more, or is closed from the start.

    Args:
        descriptor: Where standard error goes from here on.
    """
    encoding = "utf-8"
    if sys.stderr is None:
        discard(descriptor)
    else:
        sys.stderr.flush()
        encoding = sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Steady(descriptor, "w", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def silence_frameworks() -> None:
    """Keep what deep-learning frameworks write to file descriptor 2 off the terminal.

    Their C++ parts log there before any setting of theirs can be heard. Our own lines go on
    through a copy of the descriptor.
    """
    warnings.simplefilter("ignore")
    for name in ("tensorflow", "absl", "jax", "tf2onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    steady_errors(os.dup(2))
    discard(2)


def discard(descriptor: int) -> None:
    """Let all that is written to a file descriptor from here on go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere == descriptor:  # that one was closed
        os.set_inheritable(nowhere, True)  # noqa: FBT003
    else:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def size(count: float) -> str:
    """Bytes for people: 1.1 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def count(number: int, what: str) -> str:
    """A number of things.

    Example:
        >>> count(1, "line"), count(2000, "line")
        ('1 line', '2,000 lines')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def left_out(characters: int) -> str:
    """What to say of characters of a seed that a model cannot read."""
    return f"left out {count(characters, 'character')} that the model does not know"


def duration(seconds: float) -> str:
    """A time for people: 1:05, 2:03:20."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    from rich.cells import cell_len

    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    for row in (head, *rows):
        fills = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [row[0] + fills[0]]
        cells += [fill + cell for cell, fill in zip(row[1:], fills[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def printable(text: str) -> str:
    r"""A text that cannot move the cursor, change colours or turn the direction of others round.

    Example:
        >>> printable("caf\u00e9\x1b[2J") == "caf\u00e9\ufffd[2J"
        True
    """
    return _ACTING.sub("\ufffd", text)


class Transfer:
    """Shows a stage of reading or writing bytes: how much, how quickly, how long still."""

    _LABELS = {"read": "reading", "encode": "encoding", "one-hot": "writing tensors"}  # noqa: RUF012

    def __init__(self, display: Progress):
        self._display = display
        self._stage = ""
        self._began = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self._stage, self._began = stage, time.monotonic()
            if stage == "one-hot" and total is not None:
                note(f"one-hot tensors: {size(total)}")
        rate = done / max(time.monotonic() - self._began, 1e-6)
        text = f"{size(done)}, {size(rate)}/s"
        if total and rate:
            text = f"{size(done)} of {size(total)}, {size(rate)}/s"
            text += f", {duration((total - done) / rate)} left"
        self._display.update(self._LABELS[stage], done, total, text)


class Output:
    """Standard output: at once where somebody waits for it, in blocks elsewhere."""

    def __init__(self, separator: str | None = None, *, at_once: bool = False):
        from textgen.errors import OutputError

        if sys.stdout is None:
            raise OutputError("standard output is closed; send it to a file, a pipe or a terminal")
        self.on_terminal = sys.stdout.isatty()
        self.coloured = self.on_terminal and not os.environ.get("NO_COLOR")  # no-color.org
        self._separator = separator
        self._at_once = at_once or self.on_terminal
        # A model may have learned, or be made to write, what moves a terminal's cursor.
        self.shown = printable if self.on_terminal else str

    def write(self, text: str) -> None:
        """Write in UTF-8; bytes of the command line that are none, as they came."""
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        if self._at_once:
            sys.stdout.buffer.flush()

    def text(self, seed: str, pieces: Iterable[str]) -> None:
        """Write a text and what comes after it."""
        self.write(self.shown(seed))
        piece = ""
        for piece in self._blocks(pieces):
            self.write(self.shown(piece))
        if self._separator is not None:
            self.write(self._separator)
        elif not piece.endswith("\n"):
            self.write("\n")

    def stream(self, pieces: Iterable[str]) -> None:
        """Write pieces that are fit to be shown."""
        for block in self._blocks(pieces):
            self.write(block)

    def _blocks(self, pieces: Iterable[str]) -> Iterator[str]:
        every = iter(pieces)
        while block := "".join(islice(every, 1 if self._at_once else _BLOCK)):
            yield block


def page_writer(output: str, *, force: bool) -> Callable[[str], None]:
    """What writes a page, whole or not at all.

    Raises:
        OutputError: something is there, or there is no such directory to write it in.
    """
    from textgen import storage
    from textgen.errors import OutputError

    path = Path(output)

    def write(html: str) -> None:
        if output == "-":
            out = Output(at_once=True)
            out.write(printable(html) if out.on_terminal else html)
            return
        try:
            storage.write_atomic(path.resolve(), html.encode())
        except OSError as error:
            raise OutputError(
                f"{output}: cannot be written: {error.strerror or error}; name another file, or "
                "make room"
            ) from error
        note(f"textgen: wrote {output} ({size(len(html.encode()))})")

    if output != "-":
        if (path.exists() and not path.is_file()) or not path.parent.is_dir():
            raise OutputError(f"{output}: is not a file in an existing directory; name another one")
        if path.exists() and not force:
            raise OutputError(f"{output}: exists; name another file, or replace it with --force")
    return write
