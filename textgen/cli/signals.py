"""Ctrl-C and SIGTERM where no command hears them itself: they end the program.

Knows the exit statuses, and that what a handler raises can be lost; knows nothing of commands.
"""

import _thread
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
_came = 0


def end_the_program() -> None:
    """Have both do so from now on, but for a Ctrl-C that is ignored, as in the background."""
    # By itself SIGTERM would leave terminals without a cursor, and half-made files.
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
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
    sys.exit(TERMINATED)


def _signal_again(lost: Any) -> None:
    """Where a signal came inside a callback, as of the garbage collector, its exception is lost."""
    interrupted = lost.exc_type is KeyboardInterrupt
    status = INTERRUPTED if interrupted else getattr(lost.exc_value, "code", None)
    if status not in (INTERRUPTED, TERMINATED):
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
