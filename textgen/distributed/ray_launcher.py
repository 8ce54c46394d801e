"""Start the processes of a training on the hosts of a Ray cluster."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textgen.distributed.signals import handle_ending_signals
from textgen.errors import TrainingError, UsageError, first_line

_CONNECT_TIMEOUT = 10.0  # seconds in which a cluster's address answers
_PLACEMENT_TIMEOUT = 60.0  # seconds in which the cluster finds room for all processes
_FORWARDED = ("TEXTGEN_", "KERAS_", "JAX_", "XLA_")  # environment variables, by their prefixes


def launch_on_ray(
    arguments: list[str], processes: int | None, on_line: Callable[[str], object]
) -> int:
    """Run `textgen` with some arguments once for each process, spread over the hosts.

    The directory and the files that are named must be on every host. Each process gets a core, and
    a GPU if the cluster has any.

    Args:
        arguments: Of `textgen`, the command first.
        processes: How many.
        on_line: Called with each line that a process writes to standard error.

    Returns:
        The exit status: 128 and more after a signal, else the first one that is not 0, else 0.

    Raises:
        UsageError: the number of processes is missing.
        TrainingError: Ray is not installed, no cluster can be reached, or it has too little room.
    """
    if processes is None or processes < 1:
        raise UsageError("--coordinator ray needs --processes, the number of processes")
    ray = _connect()
    gpu = bool(ray.cluster_resources().get("GPU"))
    hosts = _place(ray, processes, gpu=gpu)
    try:
        addresses = ray.get([host.address.remote() for host in hosts], timeout=_PLACEMENT_TIMEOUT)
    except ray.exceptions.GetTimeoutError as error:
        raise TrainingError(
            f"the Ray cluster has no room for {processes} processes with a "
            f"{'GPU' if gpu else 'core'} each, one of them on this host; give fewer --processes, "
            "or wait until others end"
        ) from error
    command, *rest = _without("--coordinator", arguments)
    statuses = [1] * processes
    environment = {name: value for name, value in os.environ.items() if name.startswith(_FORWARDED)}

    def follow(process: int) -> None:
        words = [command, "--coordinator", addresses[0], "--process", str(process), *rest]
        run = hosts[process].run.options(num_returns="streaming")
        try:
            for reference in run.remote(words, str(Path.cwd()), environment):
                line_or_status = ray.get(reference)
                if isinstance(line_or_status, int):
                    statuses[process] = line_or_status
                else:
                    on_line(line_or_status)
        except ray.exceptions.RayError as error:
            on_line(f"textgen: process {process} was lost by Ray: {first_line(error)}")

    threads = [threading.Thread(target=follow, args=(process,)) for process in range(processes)]
    signals: list[int] = []

    def end(number: int, _frame: Any) -> None:
        signals.append(number)
        for host in hosts:
            host.end.remote()

    handle_ending_signals(end)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if signals:
        return 128 + signals[0]
    return next((status for status in statuses if status), 0)


def _connect() -> Any:
    """The module of Ray, connected to the cluster."""
    try:
        import ray
    except ImportError as error:
        raise TrainingError("Ray is not installed: pip install 'keras-textgen[ray]'") from error
    try:
        _check_listener(os.environ.get("RAY_ADDRESS", ""))
        ray.init(address="auto", logging_level="error", log_to_driver=False)
    except OSError as error:
        raise TrainingError(
            "no Ray cluster can be reached from here; start one by `ray start --head`, or run this "
            "by `ray job submit`"
        ) from error
    return ray


def _check_listener(address: str) -> None:
    """Raise `OSError` if nothing listens at HOST:PORT; Ray would wait for it for minutes."""
    if match := re.fullmatch(r"([^/]+):(\d+)", address):
        host, port = match[1].strip("[]"), int(match[2])
        socket.create_connection((host, port), _CONNECT_TIMEOUT).close()


def _place(ray: Any, processes: int, *, gpu: bool) -> list[Any]:
    """An actor for each process."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # Several calls at a time: one waits for the program, another may end it.
    actor = ray.remote(
        num_cpus=1, num_gpus=int(gpu), scheduling_strategy="SPREAD", max_concurrency=3
    )(_Host)
    # Process 0 on this host, where the model directory is that the same command resumes from.
    this_host = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    main = actor.options(scheduling_strategy=this_host)
    return [factory.remote() for factory in (main, *[actor] * (processes - 1))]


def _without(option: str, arguments: list[str]) -> list[str]:
    """Arguments without an option and its value."""
    left, words = [], iter(arguments)
    for word in words:
        if word == option:
            next(words, None)
        elif not word.startswith(f"{option}="):
            left.append(word)
    return left


class _Host:
    """The actor that runs one process of the training on a host of the cluster."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None
        self._ended = False

    def address(self) -> str:
        """An address of this host with a free port."""
        import ray

        with socket.socket() as listener:
            listener.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{listener.getsockname()[1]}"

    def run(
        self, arguments: list[str], directory: str, environment: dict[str, str]
    ) -> Iterator[str | int]:
        """The lines of `textgen`, then its exit status."""
        if self._ended:
            return
        self._program = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "textgen", *arguments],
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self._program.stderr or ():
            yield line.rstrip("\n")
        yield self._program.wait()

    def end(self) -> None:
        self._ended = True
        if self._program is not None:
            self._program.terminate()
