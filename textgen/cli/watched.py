"""A process that trains beside others, watched by the one that was started.

Knows processes, signals and exit statuses; knows nothing of training. JAX ends a process at once,
in the middle of a step and without a word that helps, when it has lost the others; the process
that the user started lives on and says what happened.
"""

import os
import signal
import sys
import threading
import time
from typing import NoReturn

from textgen.cli import console, signals
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import PROCESS_LOST
from textgen.distributed.joining import describe_missing
from textgen.errors import TrainingError

_TWICE = 1.0  # seconds after which a second Ctrl-C is one of its own
_BEGUN: int | None = None  # in a watched process, whom to tell that it has begun


def in_another(cluster: Cluster) -> None:
    """Go on in a new process, and wait for it in this one, which ends as that one does.

    Args:
        cluster: The processes that are to train together.

    Returns:
        In the new process alone.

    Raises:
        TrainingError: the system ended the new process.
    """
    global _BEGUN
    lives, begins = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(lives[1])
        _BEGUN = begins[1]
        threading.Thread(target=_end_with_the_other, args=(lives[0],), daemon=True).start()
        return
    os.close(begins[1])
    heard: list[float] = []

    def hand_on(number: int, _frame: object) -> None:
        heard.append(time.monotonic())
        if heard[-1] - heard[0] > _TWICE:  # should it not end by itself, as where the network hangs
            patience = threading.Timer(_TWICE, os.kill, [child, signal.SIGKILL])
            patience.daemon = True  # and when it has ended, so does this one
            patience.start()
        elif number != signal.SIGINT or not console.in_front(
            sys.stderr
        ):  # Ctrl-C there reaches both
            os.kill(child, number)

    signals.handle(hand_on)
    _, status = os.waitpid(child, 0)
    lost = PROCESS_LOST if os.read(begins[0], 1) else describe_missing(cluster)
    _end(os.waitstatus_to_exitcode(status), lost, bool(heard))


def begun() -> None:
    """Say that the processes are together and training begins."""
    if _BEGUN is not None:
        os.write(_BEGUN, b"+")


def leave(status: int) -> None:
    """End this process at once if it is a watched one that failed.

    At a normal end JAX waits for the others, which would wait for this one.
    """
    if _BEGUN is not None and status:
        sys.stderr.flush()
        os._exit(status)


def _end(code: int, lost: str, asked: bool) -> NoReturn:  # noqa: FBT001
    if code >= 0 or -code in signals.ENDING:
        raise SystemExit(code if code >= 0 else 128 - code)
    if asked and -code == signal.SIGKILL:
        raise SystemExit(128 + signal.SIGINT)
    if -code == signal.SIGABRT:
        raise TrainingError(lost)
    raise TrainingError(
        f"the process that trained was ended by {signal.Signals(-code).name}, as the system does "
        "where memory runs out; start the same command again on every host: it goes on from the "
        "last checkpoint"
    )


def _end_with_the_other(pipe: int) -> None:
    """Where the watching process was killed, nothing is to go on behind the user's back."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)
