"""The processes of a training on the hosts of a Ray cluster.

Knows how Ray starts programs and brings back what they write; knows nothing of training.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from textgen.cli import console
from textgen.errors import TrainingError, UsageError


def train(arguments: list[str], processes: int | None) -> int:
    """Run `textgen` with some arguments once for each process, spread over the hosts.

    The directory and the files that are named must be on every host. Each process has a core, and
    a GPU where the cluster has some. What they write to standard error comes here.

    Args:
        arguments: Of `textgen`; the coordinator's address and the process's number are added.
        processes: How many.

    Returns:
        The exit status: that of the first process that did not end well, else 0.

    Raises:
        UsageError: it was not said how many.
        TrainingError: Ray is not installed, no cluster can be reached, or it has too little room.
    """
    if processes is None or processes < 1:
        raise UsageError("--coordinator ray wants --processes, how many there are to be")
    try:
        import ray
    except ImportError as error:
        raise TrainingError("Ray is not installed: pip install 'keras-textgen[ray]'") from error
    try:
        ray.init(address="auto", logging_level="error")
    except ConnectionError as error:
        raise TrainingError(
            "no Ray cluster can be reached from here; start one by `ray start --head`, or run this "
            "by `ray job submit`"
        ) from error
    room = ray.cluster_resources()
    kind = "GPU" if room.get("GPU") else "CPU"
    if room.get(kind, 0) < processes:
        raise TrainingError(
            f"the Ray cluster has {room.get(kind, 0):g} {kind}s for {processes} processes; give "
            "fewer --processes"
        )
    # Two calls at a time: one waits for the program, the other may end it.
    actor = ray.remote(
        num_cpus=1,
        num_gpus=1 if kind == "GPU" else 0,
        scheduling_strategy="SPREAD",
        max_concurrency=2,
    )(_Host)
    hosts = [actor.remote() for _ in range(processes)]
    at = ray.get(hosts[0].address.remote())
    here = str(Path.cwd())
    running = [
        host.run.remote([*arguments, "--coordinator", at, "--process", str(number)], here)
        for number, host in enumerate(hosts)
    ]

    def end(number: int, _frame: Any) -> None:
        console.note("textgen: ending the processes")
        for host in hosts:
            host.end.remote()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return next((status for status in ray.get(running) if status), 0)


class _Host:
    """What runs on one of Ray's hosts: one process of the training."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None

    def address(self) -> str:
        """An address of this host where nobody listens."""
        import socket

        import ray

        with socket.socket() as one:
            one.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{one.getsockname()[1]}"

    def run(self, arguments: list[str], folder: str) -> int:
        """The exit status of `textgen`, whose lines Ray brings to the one who asked."""
        self._program = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "textgen", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self._program.stderr or ():
            print(line, end="", file=sys.stderr, flush=True)  # noqa: T201
        return self._program.wait()

    def end(self) -> None:
        if self._program is not None:
            self._program.terminate()
