"""Processes that train together, each started as a user would start it."""

import importlib.util
import os
import socket
import subprocess
import sys
import time

import pytest

from textgen.model import model_dir
from textgen.model.paths import checkpoint_path

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="pip install 'keras-textgen[jax]'"
)
QUICK = (
    *("--units", "12", "--embedding", "6", "--maxlen", "10", "--batch-size", "4"),
    *("--random-seed", "5", "--sample-length", "20"),
)


def free_address():
    """A port of this machine where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def start(folder, *command, **variables):
    """A process in a folder and in a session of itself, with these environment variables."""
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "KERAS_BACKEND": "", **variables},
    )


class Together:
    """Two processes of one training on the prepared corpus of a folder.

    Args:
        folder: Where they run.
        options: Of both.
        options_of: More options of a process, by its number.
        address: The coordinator's.
        inside: Commands to start each process by, such as `ip netns exec`.
    """

    def __init__(self, folder, *options, options_of=None, address=None, inside=((), ())):
        address = address or free_address()
        self.processes = []
        for number in range(2):
            cluster = ("--coordinator", address, "--processes", "2", "--process", str(number))
            command = (*inside[number], sys.executable, "-m", "textgen", "train", "prepared")
            more = (options_of or {}).get(number, ())
            self.processes.append(start(folder, *command, *cluster, *options, *more))

    def wait(self, timeout=240):
        """Exit status and last line of each."""
        outputs = [process.communicate(timeout=timeout) for process in self.processes]
        assert not any(out for out, _ in outputs)
        return [
            (process.returncode, (err.splitlines() or [""])[-1])
            for process, (_, err) in zip(self.processes, outputs, strict=True)
        ]


def epochs(directory):
    """The history of a model."""
    return model_dir.read_model(directory).record.history["epochs"]


def losses(directory):
    return [[epoch["loss"], epoch["validation_loss"]] for epoch in epochs(directory)]


def wait_for_checkpoint(directory):
    deadline = time.monotonic() + 120
    while not checkpoint_path(directory).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
