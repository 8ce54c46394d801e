"""The display of a training on a terminal: when it is drawn, and the lines that remain.

A thread draws it a few times a second, so that the clock runs during a long step or a validation.
When it is closed, lines take its place.
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
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from textgen.cli import console
from textgen.cli.display.frame import Canvas, draw_frame
from textgen.cli.display.messages import EventFormatter, describe_slowness
from textgen.cli.display.state import DisplayState
from textgen.cli.streams import in_foreground
from textgen.training import events

_DRAWS_PER_SECOND = 4
_DEFAULT_SIZE = os.terminal_size((80, 24))


class LiveDisplay:
    """Shows a training on the terminal that standard error is.

    Args:
        corpus_name: Name of the corpus.
        directory: Name of the model directory.
    """

    def __init__(self, corpus_name: str, directory: str):
        self._bar = console.ProgressBar()
        self._show_stage = console.StageProgress(self._bar)
        self._state = DisplayState(corpus_name, directory)
        self._last_step = time.monotonic()
        self._format, self._lines = EventFormatter(), list[str]()
        self._screen = _Screen(self._draw)

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self._show_stage(event.stage, event.bytes_done, event.bytes_total)
            return
        self._state(event)
        if isinstance(event, events.StepDone):
            now = time.monotonic()
            if int(now) != int(self._last_step):
                self._screen.show()
            self._last_step = now
            return
        if isinstance(event, events.CorpusOpened):
            self._bar.close()
            for line in self._format(event):  # how the text was read can be seen at once
                console.note(line)
            self._screen.open()
            return
        warnings = []
        if isinstance(event, events.StarterChecked):
            warnings = list(self._format(event))  # seen at once, too
        if isinstance(event, events.TrainingStarted):
            warnings = list(describe_slowness(event))
        for line in warnings:
            self._screen.note(line)
        if not isinstance(event, events.Sample | events.Stopping):
            self._lines += [line for line in self._format(event) if line not in warnings]

    def close(self) -> None:
        """Remove the display and write the lines that remain."""
        self._bar.close()
        self._screen.close()
        while self._lines:
            console.note(self._lines.pop(0))

    def _draw(self, canvas: Canvas) -> list[Text]:
        return draw_frame(self._state, canvas, time.monotonic() - self._last_step)


class _Screen:
    """Draws the same rows of a terminal again and again."""

    def __init__(self, draw: Callable[[Canvas], list[Text]]):
        self._draw = draw
        self._console = Console(file=sys.stderr, force_terminal=True, force_interactive=True)
        self._encoding = self._console.encoding
        self._ascii_only = not _can_draw(self._encoding)
        self._widths: list[int] = []  # columns of each row
        self._size = _DEFAULT_SIZE
        self._live: Live | None = None
        self._is_open = False

    def open(self) -> None:
        """Draw from now on, whenever the terminal belongs to this program."""
        self._is_open = True
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._resume)
        self.show()

    def show(self) -> None:
        """Start to draw if possible: after a shell's `fg` a program need not get a signal."""
        in_background = in_foreground(self._console.file) is False
        if in_background or not self._is_open or self._live is not None:
            return
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_DRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def note(self, line: str) -> None:
        """Write a line above the display."""
        console.print_above(self._console, line)

    def close(self) -> None:
        self._is_open = False
        self._stop()
        with suppress(ValueError):  # not in the main thread: a second Ctrl-C ends the program
            for number in (signal.SIGTSTP, signal.SIGCONT):
                signal.signal(number, signal.SIG_DFL)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _suspend(self, number: int, _frame: object) -> None:
        """Ctrl-Z: restore the terminal, then stop as usual."""
        self._stop()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _resume(self, _number: int, _frame: object) -> None:
        """`fg` or `bg`."""
        signal.signal(signal.SIGTSTP, self._suspend)
        self.show()

    def _render(self) -> Group:
        self._update_size()
        columns, rows = self._size
        drawn = self._draw(Canvas(columns, rows, self._ascii_only, self._encoding))
        self._widths = [row.cell_len for row in drawn]
        return Group(*drawn)

    def _update_size(self) -> None:
        """Read the size of the terminal, and undo the damage of a smaller one."""
        size = _read_size(self._console.file)
        if size.columns < self._size.columns:
            # Most terminals have wrapped the rows that are too long now.
            wrapped = sum(max(0, width - 1) // size.columns for width in self._widths)
            up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *(up * wrapped)))
        self._size = size
        self._console.size = size


def _read_size(file: IO[str]) -> os.terminal_size:
    try:
        size = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):
        return _DEFAULT_SIZE
    return size if size.columns and size.lines else _DEFAULT_SIZE


def _can_draw(encoding: str) -> bool:
    """Whether a terminal can show the characters of curve and rules."""
    try:
        "─━│╰⣀●".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return os.environ.get("TERM") != "linux"  # its font has few characters
