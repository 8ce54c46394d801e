"""The signals that end a program: Ctrl-C, SIGTERM and SIGHUP (a closed terminal)."""

import signal
from collections.abc import Callable
from types import FrameType

ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def handle_ending_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Set the handler of the signals that end a program, except those that are ignored.

    The shell ignores Ctrl-C for a program in the background, `nohup` a closed terminal.
    """
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
