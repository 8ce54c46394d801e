"""Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end a command that does not handle them itself.

This module has their exit statuses, and raises again what a handler raised and Python dropped.
"""

import _thread
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from textgen.distributed.signals import ENDING_SIGNALS, handle_ending_signals

INTERRUPTED = 128 + signal.SIGINT
_came = 0


class Ended(SystemExit):
    """A signal ends the program.

    Attributes:
        status: Its exit status: 128 and the signal's number.
    """

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


def end_the_program() -> None:
    """Let the signals end the program from now on."""
    # By themselves they would leave terminals without a cursor, and half-made files.
    handle_ending_signals(_end)
    sys.unraisablehook = _signal_again


def raise_again() -> None:
    """Raise what a signal raised before and who was importing a package then has dropped."""
    if _came:
        _end(_came, None)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    global _came
    _came = number
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Ended(128 + number)


def _signal_again(lost: Any) -> None:
    """Where a signal came inside a callback, as of the garbage collector, its exception is lost."""
    interrupted = lost.exc_type is KeyboardInterrupt
    status = INTERRUPTED if interrupted else getattr(lost.exc_value, "code", None)
    if not isinstance(status, int) or status not in [128 + number for number in ENDING_SIGNALS]:
        sys.__unraisablehook__(lost)
        return
    number = status - 128
    if hasattr(signal, "pthread_kill"):  # which wakes it where it waits
        main_thread = threading.main_thread().ident
        again = threading.Timer(0.05, signal.pthread_kill, [main_thread, number])
    else:
        again = threading.Timer(0.05, _thread.interrupt_main, [number])
    again.daemon = True
    with suppress(RuntimeError):  # the program has ended
        again.start()
