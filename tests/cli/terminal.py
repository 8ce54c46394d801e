"""A terminal for a program, and what a person would see on it."""

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.forking import Fork, Forks, program_after


class Terminal:
    """`textgen`, or another program, on a new terminal.

    With `forks`, textgen is started by them. Code of Python that is to run `before` it runs in its
    process.
    """

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        program: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        forks: Forks | None = None,
        before: str = "",
    ):
        self.screen, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = {
            **os.environ,
            "XDG_STATE_HOME": str(cwd / "state"),
            "TERM": "xterm",
            **(environment or {}),
        }
        words = [str(argument) for argument in arguments]
        self.process: Fork | subprocess.Popen[bytes]
        if forks is not None and forks.can_start(words, variables):
            self.process = forks.start(words, cwd, variables, [other] * 3, before)
        else:
            self.process = subprocess.Popen(
                [*(program or program_after(before)), *words],
                cwd=cwd,
                stdin=other,
                stdout=other,
                stderr=other,
                start_new_session=True,
                env=variables,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        os.close(other)
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> bytes:
        try:
            data = os.read(self.screen, 1 << 16)
        except OSError:  # the program has closed its end
            data = b""
        self.seen += self._decoder.decode(data)
        return data

    def wait_for(self, pattern: str) -> str:
        """Read until something is on the screen; returns what was shown since the last time."""
        while not (match := re.search(pattern, self.seen)):
            assert self.read(), f"ended without {pattern!r}: {self.seen}"
        shown, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        return shown

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def end(self) -> str:
        """All that is shown until the program ends."""
        while self.read():
            pass
        self.process.wait(20)
        return self.seen


class Screen:
    """The lines on a terminal that understands what our display uses; it has enough rows."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = 0
        self.cursor = True

    def show(self, text: str) -> "Screen":
        for part in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
            self._take(part)
        return self

    def _take(self, part: str) -> None:
        if part == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif part.endswith("A") and part[0] == "\x1b":
            self.row = max(0, self.row - int(part[2:-1]))
        elif part == "\x1b[2K":
            self.lines[self.row] = ""
        elif part in ("\x1b[?25h", "\x1b[?25l"):
            self.cursor = part.endswith("h")
        elif part[0] not in "\x1b\r":
            self.lines[self.row] += part
