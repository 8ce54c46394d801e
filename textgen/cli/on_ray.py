"""The processes of a training on the hosts of a Ray cluster.

Knows how Ray starts programs and brings back what they write; knows nothing of training.
"""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textgen.cli import console, signals
from textgen.errors import TrainingError, UsageError, first_line

_ANSWER = 10.0  # seconds in which whoever has a cluster answers
_ROOM = 60.0  # seconds in which the cluster must have found room for all
_PASSED_ON = ("TEXTGEN_", "KERAS_", "JAX_", "XLA_")  # environment variables


def train(arguments: list[str], processes: int | None) -> int:
    """Run `textgen` with some arguments once for each process, spread over the hosts.

    The directory and the files that are named must be on every host. Each process has a core, and
    a GPU where the cluster has some. What they write to standard error comes here.

    Args:
        arguments: Of `textgen`, the command first.
        processes: How many.

    Returns:
        The exit status: 128 and more after a signal, else that of the first process that did not
        end well, else 0.

    Raises:
        UsageError: it was not said how many.
        TrainingError: Ray is not installed, no cluster can be reached, or it has too little room.
    """
    if processes is None or processes < 1:
        raise UsageError("--coordinator ray wants --processes, how many there are to be")
    try:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    except ImportError as error:
        raise TrainingError("Ray is not installed: pip install 'keras-textgen[ray]'") from error
    try:
        _reach(os.environ.get("RAY_ADDRESS", ""))
        ray.init(address="auto", logging_level="error", log_to_driver=False)
    except OSError as error:
        raise TrainingError(
            "no Ray cluster can be reached from here; start one by `ray start --head`, or run this "
            "by `ray job submit`"
        ) from error
    gpu = bool(ray.cluster_resources().get("GPU"))
    # Several calls at a time: one waits for the program, another may end it.
    actor: Any = ray.remote(
        num_cpus=1, num_gpus=int(gpu), scheduling_strategy="SPREAD", max_concurrency=3
    )(_Host)
    # Process 0 here, where the model directory is that the same command goes on from.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    first = actor.options(scheduling_strategy=here)
    hosts = [one.remote() for one in (first, *[actor] * (processes - 1))]
    try:
        at = ray.get([host.address.remote() for host in hosts], timeout=_ROOM)[0]
    except ray.exceptions.GetTimeoutError as error:
        raise TrainingError(
            f"the Ray cluster has no room for {processes} processes with a "
            f"{'GPU' if gpu else 'core'} each, one of them on this host; give fewer --processes, "
            "or wait until others end"
        ) from error
    command, *given = _without("--coordinator", arguments)
    statuses = [1] * processes
    environment = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}

    def follow(number: int) -> None:
        place = [command, "--coordinator", at, "--process", str(number), *given]
        run = hosts[number].run.options(num_returns="streaming")
        try:
            for reference in run.remote(place, str(Path.cwd()), environment):
                said = ray.get(reference)
                if isinstance(said, int):
                    statuses[number] = said
                else:
                    console.note(said)
        except ray.exceptions.RayError as error:
            console.note(f"textgen: process {number} was lost by Ray: {first_line(error)}")

    followers = [threading.Thread(target=follow, args=(number,)) for number in range(processes)]
    heard: list[int] = []

    def end(number: int, _frame: Any) -> None:
        heard.append(number)
        for host in hosts:
            host.end.remote()

    signals.handle(end)
    for one in followers:
        one.start()
    for one in followers:
        one.join()
    if heard:
        return 128 + heard[0]
    return next((status for status in statuses if status), 0)


def _reach(address: str) -> None:
    """Raise `OSError` where nobody listens at HOST:PORT, on which Ray would wait for minutes."""
    if found := re.fullmatch(r"([^/]+):(\d+)", address):
        socket.create_connection((found[1].strip("[]"), int(found[2])), _ANSWER).close()


def _without(option: str, arguments: list[str]) -> list[str]:
    """Arguments without an option and its value."""
    left, rest = [], iter(arguments)
    for one in rest:
        if one == option:
            next(rest, None)
        elif not one.startswith(f"{option}="):
            left.append(one)
    return left


class _Host:
    """What runs on one of Ray's hosts: one process of the training."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None
        self._ended = False

    def address(self) -> str:
        """An address of this host where nobody listens."""
        import ray

        with socket.socket() as one:
            one.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{one.getsockname()[1]}"

    def run(
        self, arguments: list[str], folder: str, environment: dict[str, str]
    ) -> Iterator[str | int]:
        """The lines of `textgen`, then its exit status."""
        if self._ended:
            return
        self._program = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "textgen", *arguments],
            cwd=folder,
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
