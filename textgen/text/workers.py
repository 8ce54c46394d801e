"""Processes that work for this one: tasks go out, results come back, and none of them stays.

Knows processes and pipes; knows nothing of what the tasks are about. A worker is a new Python that
imports what its tasks need and nothing else. The worker processes of multiprocessing and
concurrent.futures would import the program's main module once more, so that a script without a
guard would run twice, and would outlive a program that is killed; these find their pipe closed.
What goes through a pipe is pickled: no stranger can write to it.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

from textgen.errors import WorkerError

T = TypeVar("T")

# A library that starts threads when it is imported would start as many in each worker.
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Worker:
    """A process that waits for tasks, and the pipe to it."""

    process: "subprocess.Popen[bytes]"
    pipe: "Connection[Any, Any]"


@contextmanager
def team() -> Iterator[list[Worker]]:
    """No workers yet; `run` adds those that it needs. All are ended when the block is left.

    Example:
        >>> with team() as workers:
        ...     list(run(workers, 1, range, [(2,), (1,)]))
        [0, 1, 0]
    """
    workers: list[Worker] = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.wait()
            worker.pipe.close()


def run(
    workers: list[Worker],
    jobs: int,
    function: Callable[..., Iterable[T]],
    tasks: Iterable[tuple[Any, ...]],
) -> Iterator[T]:
    """Call a function for each task and hand on what it yields, as that comes.

    Args:
        workers: Of a `team`; as many as are missing are started when there are tasks for them.
        jobs: How many of them work; with 1 this process works by itself, task after task.
        function: One of a module, which workers import; gives what can be pickled.
        tasks: Arguments for each call; taken when a worker is free for them.

    Yields:
        One thing that the function gave.

    Raises:
        WorkerError: a worker could not be started, or was ended from outside.
        Exception: what the first of the tasks, in their order, raised. No other is begun then.
    """
    if jobs <= 1:
        for task in tasks:
            yield from function(*task)
        return
    waiting = enumerate(tasks)
    idle, busy = workers[:jobs], dict[Any, tuple[int, Worker]]()
    failed: tuple[int, Exception] | None = None
    while True:
        while len(busy) < jobs and failed is None and (following := next(waiting, None)):
            if not idle:
                workers.append(_start())
                idle = workers[-1:]
            worker = idle.pop()
            busy[worker.pipe] = following[0], worker
            with _watched(worker):
                worker.pipe.send((function, following[1]))
        if failed is not None and all(number > failed[0] for number, _ in busy.values()):
            raise failed[1]
        if not busy:
            return
        for pipe in wait(list(busy)):
            number, worker = busy[pipe]
            with _watched(worker):
                finished, result = worker.pipe.recv()
            if not finished:
                yield result
                continue
            idle.append(busy.pop(pipe)[1])
            if result is not None and (failed is None or number < failed[0]):
                failed = number, result


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def serve(handle: int) -> None:
    """What a worker does until its pipe is closed; the function's own errors are sent back.

    Args:
        handle: The file descriptor of its end of the pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    with Connection(handle) as pipe, suppress(EOFError, ConnectionError):
        while True:
            function, task = pipe.recv()
            failure = None
            try:
                for result in function(*task):
                    pipe.send((False, result))
            except Exception as error:  # noqa: BLE001 it is raised on the other side
                error.add_note(traceback.format_exc())
                failure = error
            pipe.send((True, failure))


def _start() -> Worker:
    here, there = Pipe()
    path = [str(folder) for folder in sys.path]
    code = f"import sys; sys.path[:] = {path!r}; from textgen.text.workers import serve; "
    with there:
        try:
            process = subprocess.Popen(  # noqa: S603 Python itself
                [sys.executable, "-c", f"{code}serve({there.fileno()})"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                process_group=0,  # Ctrl-C on a terminal is for this process alone
                env={**os.environ, **_ONE_THREAD},
            )
        except OSError as error:
            here.close()
            raise WorkerError(
                f"no other process can be started: {error.strerror or error}; give fewer --jobs"
            ) from error
    return Worker(process, here)


@contextmanager
def _watched(worker: Worker) -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError) as error:
        status = worker.process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        raise WorkerError(
            f"a process that did part of the work was ended ({how}), perhaps because memory ran "
            "out; give fewer --jobs"
        ) from error
