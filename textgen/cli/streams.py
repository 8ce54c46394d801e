"""The standard streams of the process: closed, redirected, or a terminal."""

import io
import logging
import os
import sys
import warnings
from typing import IO, Any, BinaryIO

from textgen.settings import BACKENDS


def can_redraw() -> bool:
    """Whether standard error is a terminal on which written text can be replaced."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def in_foreground(file: IO[str]) -> bool | None:
    """Whether a file is a terminal that belongs to this program now; None if it is no terminal."""
    try:
        return os.tcgetpgrp(file.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return None


def standard_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        from textgen.errors import UsageError

        raise UsageError("standard input is closed; send it a file or a pipe")
    return sys.stdin.buffer


class _LossyFile(io.FileIO):
    """A file descriptor that ignores write errors, as when the disk is full or a pipe is closed."""

    def write(self, data: Any) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(data) if written is None else written


def make_stderr_lossy(descriptor: int = 2) -> None:
    """Let standard error ignore write errors and being closed, so that no work ends because of it.

    Args:
        descriptor: Where standard error is written from now on.
    """
    encoding = "utf-8"
    if sys.stderr is None:
        discard_output(descriptor)
    else:
        sys.stderr.flush()
        encoding = sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_LossyFile(descriptor, "w", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def silence_frameworks() -> None:
    """Discard what deep-learning frameworks write to file descriptor 2.

    Their C++ parts write there before any setting of theirs can be made. What textgen writes goes
    through a copy of the descriptor.
    """
    warnings.simplefilter("ignore")
    for name in (*BACKENDS, "absl", "tf2onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    make_stderr_lossy(os.dup(2))
    discard_output(2)


def discard_output(descriptor: int) -> None:
    """Discard all that is written to a file descriptor from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere == descriptor:  # it was closed
        os.set_inheritable(nowhere, True)  # noqa: FBT003
    else:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
