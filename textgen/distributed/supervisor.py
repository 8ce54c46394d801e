"""A child process that trains with others, and the parent that says how it ended.

JAX ends a process at once, in the middle of a step and without a useful message, when it has lost
the others. The process that the user started is therefore the parent of the one that trains.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import PROCESS_LOST
from textgen.distributed.joining import describe_missing
from textgen.distributed.signals import ENDING_SIGNALS, handle_ending_signals
from textgen.errors import TrainingError

_TWICE = 1.0  # seconds: a launcher's signal may come twice, a user's second Ctrl-C comes later
_joined_pipe: int | None = None  # in the child: where it writes that the processes have joined


def continue_in_child(cluster: Cluster, in_foreground: Callable[[], bool]) -> None:
    """Return in a child process. The parent waits for it and exits with its status.

    Args:
        cluster: The processes that are to train together.
        in_foreground: Whether the terminal sends Ctrl-C to parent and child alike.

    Raises:
        TrainingError: in the parent: the others were lost, or the system ended the child.
    """
    global _joined_pipe
    parent_alive, joined = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(parent_alive[1])
        _joined_pipe = joined[1]
        threading.Thread(target=_end_with_parent, args=(parent_alive[0],), daemon=True).start()
        return
    os.close(joined[1])
    times: list[float] = []

    def forward(number: int, _frame: object) -> None:
        times.append(time.monotonic())
        if times[-1] - times[0] > _TWICE:  # the child may hang, as when the network does
            kill = threading.Timer(_TWICE, os.kill, [child, signal.SIGKILL])
            kill.daemon = True  # not needed if the child, and so the parent, ends first
            kill.start()
        elif number != signal.SIGINT or not in_foreground():
            os.kill(child, number)

    handle_ending_signals(forward)
    _, status = os.waitpid(child, 0)
    lost = PROCESS_LOST if os.read(joined[0], 1) else describe_missing(cluster)
    _exit_as_child(os.waitstatus_to_exitcode(status), lost, signalled=bool(times))


def report_joined() -> None:
    """Tell the parent that the processes have joined and training begins."""
    if _joined_pipe is not None:
        os.write(_joined_pipe, b"+")


def exit_if_child(status: int) -> None:
    """End the child at once if it failed.

    At a normal end JAX waits for the other processes, which would wait for this one.
    """
    if _joined_pipe is not None and status:
        sys.stderr.flush()
        os._exit(status)


def _exit_as_child(code: int, lost: str, *, signalled: bool) -> NoReturn:
    if code >= 0 or -code in ENDING_SIGNALS:
        raise SystemExit(code if code >= 0 else 128 - code)
    if signalled and -code == signal.SIGKILL:
        raise SystemExit(128 + signal.SIGINT)
    if -code == signal.SIGABRT:
        raise TrainingError(lost)
    raise TrainingError(
        f"the process that trained was ended by {signal.Signals(-code).name}, as the system does "
        "where memory runs out; start the same command again on every host: it resumes from the "
        "last checkpoint"
    )


def _end_with_parent(pipe: int) -> None:
    """If the parent is killed, nothing may continue behind the user's back."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)
