"""`textgen train --coordinator ray`, on a cluster of Ray's own on this machine."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from textgen.model.paths import checkpoint_path

TRAIN = (
    *("train", "prepared", "--coordinator", "ray", "--processes", "2", "--model", "model"),
    *("--units", "12", "--embedding", "6", "--maxlen", "10", "--batch-size", "4"),
    *("--sample-length", "20", "--checkpoint-every", "1s"),
)
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


@pytest.fixture
def folder(tmp_path, corpus, textgen):
    assert textgen("prepare", corpus, "-o", "prepared").returncode == 0
    return tmp_path


@pytest.fixture
def cluster():
    """With two cores, ended with all that it runs; a machine has one at a time."""
    program = str(Path(sys.executable).with_name("ray"))
    flags = ("--num-cpus=2", "--num-gpus=0", "--include-dashboard=false", "--disable-usage-stats")
    place = tempfile.mkdtemp(prefix="ray-")  # short, as names of sockets must be
    started = subprocess.run(
        [program, "start", "--head", "--port=0", f"--temp-dir={place}", *flags],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield
    subprocess.run([program, "stop", "--force"], capture_output=True, timeout=60)
    shutil.rmtree(place, ignore_errors=True)


def test_ray_wants_to_know_how_many_processes(folder, textgen):
    done = textgen("train", "prepared", "--coordinator", "ray")
    assert done.returncode == 2
    assert "--coordinator ray needs --processes" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_missing_ray_is_reported(folder, textgen):
    done = textgen(*TRAIN, "--epochs", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "textgen: error: Ray is not installed: pip install 'keras-textgen[ray]'"
    )


@needs_ray
def test_a_missing_ray_cluster_is_reported(folder, textgen):
    done = textgen(*TRAIN, "--epochs", "1", RAY_ADDRESS="127.0.0.1:1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "no Ray cluster can be reached from here; start one" in done.stderr.splitlines()[-1]


def start(folder, *more):
    return subprocess.Popen(
        [sys.executable, "-m", "textgen", *TRAIN, *more],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "KERAS_BACKEND": ""},
    )


def of_the_training(folder, process):
    """Processes that train there as this one; each process is watched by another."""
    processes = []
    for candidate in psutil.process_iter(["cmdline", "cwd"]):
        words, here = (
            candidate.info["cmdline"] or [],
            candidate.info["cwd"] == str(folder.resolve()),
        )
        if here and "--process" in words and words[words.index("--process") + 1] == str(process):
            processes.append(candidate)
    return processes


@needs_ray
def test_a_training_on_ray_ends_and_is_resumed(folder, textgen, cluster):
    first = start(folder, "--epochs", "400")
    deadline = time.monotonic() + 180
    while not checkpoint_path(folder / "model").exists():
        assert time.monotonic() < deadline and first.poll() is None, first.communicate()
        time.sleep(0.2)
    for process in of_the_training(folder, 1):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    message = first.communicate(timeout=90)[1]
    assert first.returncode == 1, message
    assert "from the last checkpoint" in message and "Traceback" not in message
    second = start(folder, "--epochs", "400")
    assert second.stderr is not None
    lines = iter(second.stderr)
    assert any(line.startswith("resuming: from the checkpoint") for line in lines)
    second.send_signal(signal.SIGINT)
    rest = "".join(lines)
    assert second.wait(90) == 130, rest
    assert "to resume: " in rest and not of_the_training(folder, 0) + of_the_training(folder, 1)
    assert textgen("sample", "--model", "model", "--length", "5").returncode == 0
    more = textgen(*TRAIN, "--processes", "3", "--epochs", "400", timeout=180)
    assert more.returncode == 1
    assert "the Ray cluster has no room for 3 processes with a core each" in more.stderr
