"""A process that trains beside others, watched by the one that was started.

Knows processes, signals and exit statuses; knows nothing of training. JAX ends a process at once,
in the middle of a step and without a word that helps, when it has lost the others; the process
that the user started lives on and says what happened.
"""

import os
import signal
import threading
from typing import NoReturn

from textgen.errors import TrainingError


def watched(lost: str) -> None:
    """Go on in a new process, and wait for it in this one, which ends as that one does.

    Args:
        lost: What the `TrainingError` says where the new process was ended by a signal.

    Returns:
        In the new process alone.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        threading.Thread(target=_end_with_the_other, args=(read,), daemon=True).start()
        return
    os.close(read)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    _ended(os.waitstatus_to_exitcode(status), lost)


def _ended(code: int, lost: str) -> NoReturn:
    if code < 0 and -code in (signal.SIGABRT, signal.SIGSEGV):
        raise TrainingError(lost)
    raise SystemExit(code if code >= 0 else 128 - code)


def _end_with_the_other(pipe: int) -> None:
    """Where the watching process was killed, nothing is to go on behind the user's back."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)
