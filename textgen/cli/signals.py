"""Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end a command that does not handle them itself.

A handler raises an exception. Python drops it if it is raised in a callback or while a package is
imported, so it is raised again.
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
_last_signal = 0


class ProgramEnd(SystemExit):
    """A signal ends the program.

    Attributes:
        status: Its exit status: 128 and the signal's number.
    """

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


def install_handlers() -> None:
    """Let the signals end the program from now on.

    Without handlers they would leave terminals without a cursor, and half-written files.
    """
    handle_ending_signals(_end)
    sys.unraisablehook = _send_again


def raise_again() -> None:
    """Raise the exception of an earlier signal again, if an import dropped it."""
    if _last_signal:
        _end(_last_signal, None)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    global _last_signal
    _last_signal = number
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise ProgramEnd(128 + number)


def _send_again(unraisable: Any) -> None:
    """Send a signal again if its exception was raised in a callback, such as a finalizer."""
    is_interrupt = unraisable.exc_type is KeyboardInterrupt
    status = INTERRUPTED if is_interrupt else getattr(unraisable.exc_value, "code", None)
    if not isinstance(status, int) or status not in [128 + number for number in ENDING_SIGNALS]:
        sys.__unraisablehook__(unraisable)
        return
    number = status - 128
    if hasattr(signal, "pthread_kill"):  # it also ends a system call that waits
        main_thread = threading.main_thread().ident
        timer = threading.Timer(0.05, signal.pthread_kill, [main_thread, number])
    else:
        timer = threading.Timer(0.05, _thread.interrupt_main, [number])
    timer.daemon = True
    with suppress(RuntimeError):  # the program has ended
        timer.start()
