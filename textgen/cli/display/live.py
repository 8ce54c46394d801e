"""The display of a training on a terminal: when it is drawn, and what stays of it.

Knows the terminal and the clock; knows nothing of what stands in the display.

It is drawn a few times a second by a thread of its own, so that time goes on during a long step or
a validation, and it costs nothing in between. When it goes away, lines take its place.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from rich.console import Console, Group
from rich.control import Control
from rich.live import Live as Rich
from rich.segment import ControlType
from rich.text import Text

from textgen.cli import console, streams
from textgen.cli.display.figures import Figures
from textgen.cli.display.frame import Look, frame
from textgen.cli.display.lines import Record, warnings
from textgen.training import events

_PER_SECOND = 4
_USUAL = os.terminal_size((80, 24))


class Live:
    """Shows a training on the terminal that standard error is.

    Args:
        corpus: What the corpus is called.
        directory: What the model directory is called.
    """

    def __init__(self, corpus: str, directory: str):
        self._bar = console.ProgressBar()
        self._transfer = console.StageProgress(self._bar)
        self._figures = Figures(corpus, directory)
        self._told = time.monotonic()
        self._record, self._kept = Record(), list[str]()
        self._terminal = _Terminal(self._rows)

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self._transfer(event.stage, event.bytes_done, event.bytes_total)
            return
        self._figures(event)
        if isinstance(event, events.StepDone):
            now = time.monotonic()
            if int(now) != int(self._told):
                self._terminal.show()
            self._told = now
            return
        if isinstance(event, events.CorpusOpened):
            self._bar.close()
            self._terminal.open()
        warned = list(warnings(event)) if isinstance(event, events.TrainingStarted) else []
        for line in warned:
            self._terminal.note(line)
        if not isinstance(event, events.Sample | events.Stopping):
            self._kept += [line for line in self._record(event) if line not in warned]

    def close(self) -> None:
        """Take the display away and leave lines that tell how the training was."""
        self._bar.close()
        self._terminal.close()
        while self._kept:
            console.note(self._kept.pop(0))

    def _rows(self, look: Look) -> list[Text]:
        return frame(self._figures, look, time.monotonic() - self._told)


class _Terminal:
    """Draws the same place of a terminal again and again."""

    def __init__(self, rows: Callable[[Look], list[Text]]):
        self._rows = rows
        self._console = Console(file=sys.stderr, force_terminal=True, force_interactive=True)
        self._encoding = self._console.encoding
        self._plain = not _draws(self._encoding)
        self._drawn: list[int] = []  # columns of each row
        self._size = _USUAL
        self._live: Rich | None = None
        self._open = False

    def open(self) -> None:
        """Draw from here on, whenever the program is the one that the terminal belongs to."""
        self._open = True
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._go_on)
        self.show()

    def show(self) -> None:
        """Begin to draw where that is due: a shell's `fg` need not tell the program."""
        behind = streams.in_foreground(self._console.file) is False
        if behind or not self._open or self._live is not None:
            return
        self._live = Rich(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def note(self, line: str) -> None:
        """Write a line above the display."""
        console.print_above(self._console, line)

    def close(self) -> None:
        self._open = False
        self._stop()
        with suppress(ValueError):  # the thread that hears a second Ctrl-C, right before the end
            for number in (signal.SIGTSTP, signal.SIGCONT):
                signal.signal(number, signal.SIG_DFL)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _suspend(self, number: int, _frame: object) -> None:
        """Ctrl-Z: give the terminal back as it was, then be stopped as anyone would."""
        self._stop()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _go_on(self, _number: int, _frame: object) -> None:
        """`fg` or `bg`."""
        signal.signal(signal.SIGTSTP, self._suspend)
        self.show()

    def _draw(self) -> Group:
        self._measure()
        rows = self._rows(Look(self._size.columns, self._size.lines, self._plain, self._encoding))
        self._drawn = [row.cell_len for row in rows]
        return Group(*rows)

    def _measure(self) -> None:
        """See how large the terminal is, and make good what a change of that has done."""
        size = _size(self._console.file)
        if size.columns < self._size.columns:
            # Most terminals have broken the rows that are too long now.
            more = sum(max(0, width - 1) // size.columns for width in self._drawn)
            up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *(up * more)))
        self._size = size
        self._format_size = size


def _size(file: IO[str]) -> os.terminal_size:
    try:
        size = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):
        return _USUAL
    return size if size.columns and size.lines else _USUAL


def _draws(encoding: str) -> bool:
    """Whether a terminal can show the curve and the lines."""
    try:
        "─━│╰⣀●".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return os.environ.get("TERM") != "linux"  # its font has few characters
