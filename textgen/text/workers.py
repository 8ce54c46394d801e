"""Worker processes: they receive tasks through a pipe, send results back, and end with this one.

A worker is a new Python process that imports only what its tasks need. The worker processes of
multiprocessing and concurrent.futures would import the program's main module again, so a script
without a guard would run twice. They would also outlive a program that is killed; a worker here
ends when its pipe is closed. Pickle is used only in these pipes, to which no other program can
write.
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
def worker_pool() -> Iterator[list[Worker]]:
    """A pool without workers, to which `run_tasks` adds. All are ended when the block is left.

    Example:
        >>> with worker_pool() as workers:
        ...     list(run_tasks(workers, 1, range, [(2,), (1,)]))
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


def run_tasks(
    workers: list[Worker],
    jobs: int,
    function: Callable[..., Iterable[T]],
    tasks: Iterable[tuple[Any, ...]],
) -> Iterator[T]:
    """Call a function for each task and yield its results, in the order in which they arrive.

    Args:
        workers: The workers of a `worker_pool`; missing ones are started when there are tasks.
        jobs: How many of them work; with 1, this process does one task after the other.
        function: A function of a module, which workers import; its results can be pickled.
        tasks: Arguments of each call; taken when a worker is free.

    Yields:
        A result of a call.

    Raises:
        WorkerError: a worker could not be started, or was ended from outside.
        Exception: the error of the first task, in their order, that failed. No task is started
            after an error.
    """
    if jobs <= 1:
        for arguments in tasks:
            yield from function(*arguments)
        return
    waiting = enumerate(tasks)
    idle, busy = workers[:jobs], dict[Any, tuple[int, Worker]]()
    failed: tuple[int, Exception] | None = None
    while True:
        while len(busy) < jobs and failed is None and (task := next(waiting, None)):
            if not idle:
                workers.append(_start_worker())
                idle = workers[-1:]
            worker = idle.pop()
            busy[worker.pipe] = task[0], worker
            with _report_end(worker):
                worker.pipe.send((function, task[1]))
        if failed is not None and all(number > failed[0] for number, _ in busy.values()):
            raise failed[1]
        if not busy:
            return
        for pipe in wait(list(busy)):
            number, worker = busy[pipe]
            with _report_end(worker):
                finished, result = worker.pipe.recv()
            if not finished:
                yield result
                continue
            idle.append(busy.pop(pipe)[1])
            if result is not None and (failed is None or number < failed[0]):
                failed = number, result


def processor_count() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def serve(handle: int) -> None:
    """Do tasks until the pipe is closed; this is what a worker runs. Errors are sent back.

    Args:
        handle: The file descriptor of its end of the pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
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


def _start_worker() -> Worker:
    pipe, child_end = Pipe()
    path = [str(folder) for folder in sys.path]
    code = f"import sys; sys.path[:] = {path!r}; from textgen.text.workers import serve; "
    with child_end:
        try:
            process = subprocess.Popen(  # noqa: S603 Python itself
                [sys.executable, "-c", f"{code}serve({child_end.fileno()})"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[child_end.fileno()],
                process_group=0,  # Ctrl-C on a terminal is for this process alone
                env={**os.environ, **_ONE_THREAD},
            )
        except OSError as error:
            pipe.close()
            raise WorkerError(
                f"no other process can be started: {error.strerror or error}; give fewer --jobs"
            ) from error
    return Worker(process, pipe)


@contextmanager
def _report_end(worker: Worker) -> Iterator[None]:
    """Raise `WorkerError` where a worker has ended."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        status = worker.process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        raise WorkerError(
            f"a process that did part of the work was ended ({how}), perhaps because memory ran "
            "out; give fewer --jobs"
        ) from error
