"""Ctrl-C, SIGTERM and SIGHUP in a training: the first stops it, the second ends the program."""

import os
import signal
import threading
import time
from collections.abc import Callable

from textgen.cli import signals
from textgen.distributed.signals import ENDING_SIGNALS, handle_ending_signals

_TWICE = 0.5  # seconds: a launcher's signal comes twice, from it and from the parent process


class StopSignals:
    """Whether a signal asked a training to stop.

    A thread waits for signals: Python handles them in the main thread only after a step is done.

    Attributes:
        number: The number of the first signal; 0 if there was none.
    """

    def __init__(self) -> None:
        self.number = 0

    def listen(self, close: Callable[[], object]) -> None:
        """Receive signals from now on. Before, there is nothing to save, and a signal ends all.

        Args:
            close: Called before the second signal ends the program, to restore the terminal.
        """
        pipe, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        threading.Thread(target=self._wait, args=(pipe, close), daemon=True).start()
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        handle_ending_signals(lambda *_: None)
        signals.raise_again()

    def received(self) -> bool:
        """Whether there was a signal."""
        return bool(self.number)

    def _wait(self, pipe: int, close: Callable[[], object]) -> None:
        first = 0.0
        while True:
            (number,) = os.read(pipe, 1)
            if number in ENDING_SIGNALS and not self.number:
                self.number, first = number, time.monotonic()
            elif number in ENDING_SIGNALS and time.monotonic() - first > _TWICE:
                threading.Timer(1, os._exit, [128 + number]).start()  # even if closing hangs
                try:
                    close()
                finally:
                    os._exit(128 + number)
