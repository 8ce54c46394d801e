"""Lines and a progress bar on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import click

from textgen.cli.formatting import (
    describe_reading,
    format_duration,
    format_size,
    make_printable,
)
from textgen.cli.streams import can_redraw, in_foreground

if TYPE_CHECKING:
    from textgen.text.reading_report import ReadingReport

INTERVAL = 10.0  # seconds between progress lines if standard error is no terminal
_REFRESH = 0.1  # seconds between two updates of the bar: steady to the eye, and cheap


def note(text: str) -> None:
    """Write a line to standard error, above the progress bar if one is shown."""
    if _Shown.bar is not None:
        print_above(_Shown.bar.console, text)
    else:
        click.echo(make_printable(text), err=True)


def note_compilation() -> None:
    """Write a line if code has to be compiled, for which a text stops."""
    from textgen.sampling.compiled import on_compilation

    line = "textgen: compiling for this processor, which takes some seconds, once"
    on_compilation.append(lambda: note(line))


def note_reading(report: "ReadingReport") -> None:
    """Write what was detected and changed when texts were read, if anything."""
    for line in describe_reading(report):
        note(f"textgen: {line}")


def print_above(display: Any, text: str) -> None:
    """Write a line above what a console of rich shows."""
    display.print(make_printable(text), markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Shown:
    bar: Any = None


class ProgressBar:
    """A bar with text on a terminal; elsewhere the text as a line every ten seconds.

    Attributes:
        on_terminal: Whether standard error is a terminal.
    """

    def __init__(self) -> None:
        self.on_terminal = can_redraw()
        self._task: Any = None
        self._last = time.monotonic()

    def update(self, label: str, done: int, total: int | None, text: str) -> None:
        """Show the progress of something.

        Args:
            label: What is being done.
            done: Units done.
            total: Units in all, None if that is not known.
            text: Figures to show next to the bar.
        """
        now = time.monotonic()
        if now - self._last < (_REFRESH if self.on_terminal else INTERVAL):
            return
        self._last = now
        if not self.on_terminal:
            share = f" {done / total:.0%}" if total else ""
            note(f"{label}{share}: {text}")
            return
        if in_foreground(sys.stderr) is False:
            return  # the terminal belongs to another program now
        if _Shown.bar is None:
            self._open()
        _Shown.bar.update(
            self._task, refresh=True, description=label, completed=done, total=total, text=text
        )

    def close(self) -> None:
        """Remove the bar."""
        if _Shown.bar is not None:
            _Shown.bar.stop()
            _Shown.bar = None

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        _Shown.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(file=sys.stderr),
            transient=True,
            auto_refresh=False,
        )
        self._task = _Shown.bar.add_task("", total=None, text="")
        _Shown.bar.start()
        _Shown.bar.console.show_cursor()  # else Ctrl-Z would leave the shell without one


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """A progress bar that is removed when the block ends, however it ends."""
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.close()


class StageProgress:
    """Shows a stage of reading or writing bytes: bytes, speed, time left."""

    _LABELS: ClassVar[dict[str, str]] = {
        "read": "reading",
        "encode": "encoding",
        "subwords": "finding subwords",
        "one-hot": "writing tensors",
    }

    def __init__(self, bar: ProgressBar):
        self._bar = bar
        self._stage = ""
        self._start = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self._stage, self._start = stage, time.monotonic()
            if stage == "one-hot" and total is not None:
                note(f"one-hot tensors: {format_size(total)}")
        rate = done / max(time.monotonic() - self._start, 1e-6)
        text = f"{format_size(done)}, {format_size(rate)}/s"
        if total and rate:
            text = f"{format_size(done)} of {format_size(total)}, {format_size(rate)}/s"
            text += f", {format_duration((total - done) / rate)} left"
        self._bar.update(self._LABELS[stage], done, total, text)


class CharacterProgress:
    """Shows on a terminal how much of a text has been read: characters, speed, time left.

    Args:
        bar: Shows it.
        label: What is being done.
    """

    def __init__(self, bar: ProgressBar, label: str):
        self._bar, self._label = bar, label
        self._first: tuple[float, int] | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Show the characters that have been read, and how many there are, if that is known."""
        if not self._bar.on_terminal:
            return
        now = time.monotonic()
        start, before = self._first = self._first or (now, done)
        rate = (done - before) / max(now - start, 1e-6)
        text = f"{done:,} characters, {rate:,.0f}/s"
        if total is not None and rate:
            text = f"{done:,} of {total:,} characters, {rate:,.0f}/s"
            text += f", {format_duration(max(0, total - done) / rate)} left"
        self._bar.update(self._label, done, total, text)
