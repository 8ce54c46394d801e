"""Searching texts for a regular expression, with a limit on the time that a text takes."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

from textgen.errors import SettingsError

SECONDS = 2.0  # of processor time for a text: most take microseconds
_MAX_SECONDS = 30.0  # on the clock, where there is no timer of processor time
_WORKER = Path(__file__).with_name("match_worker.py")


class Matcher:
    """Searches texts for a regular expression in another process, which `close` ends.

    Args:
        expression: A valid regular expression.
        seconds: Processor time for a text.
    """

    def __init__(self, expression: str, seconds: float = SECONDS):
        self._seconds = seconds
        command = [sys.executable, "-I", "-S", str(_WORKER), str(seconds)]
        self._process = subprocess.Popen(  # noqa: S603 our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        assert self._process.stdout is not None  # noqa: S101 for mypy: it is a pipe
        Thread(target=self._receive, args=(self._process.stdout,), daemon=True).start()
        self._send(expression)

    def search(self, texts: Sequence[str]) -> list[bool]:
        """Whether the expression matches somewhere in each text.

        Raises:
            SettingsError: it takes too long on one of them.
        """
        self._send(list(texts))
        found = []
        for text in texts:
            try:
                answer = self._answers.get(timeout=_MAX_SECONDS)
            except Empty:
                answer = b""
            if not answer:
                self.close()
                raise SettingsError(
                    "match",
                    f"takes more than {self._seconds:g} seconds on a document of {len(text):,} "
                    "characters; write it without repetitions of repetitions, as in (a+)+",
                )
            found.append(answer == b"1")
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def _send(self, value: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 for mypy: it is a pipe
        with suppress(BrokenPipeError):  # if the process has ended, `search` finds no answer
            self._process.stdin.write(json.dumps(value).encode("ascii") + b"\n")
            self._process.stdin.flush()

    def _receive(self, pipe: IO[bytes]) -> None:
        """Pass on each answer as it comes, and an empty one at the end."""
        with pipe:
            while answer := pipe.read(1):
                self._answers.put(answer)
        self._answers.put(b"")
