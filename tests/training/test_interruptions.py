"""Trainings that are killed, lose their device or fill the disk, and are resumed."""

import os
import random
import shutil
import signal
import time
from typing import Any

import keras
import pytest

from tests.cli.terminal import Terminal
from tests.training.stopping import (
    OPTIONS,
    QUICK,
    SETTINGS,
    Stop,
    history,
    losses,
    read_until,
    steps_per_epoch,
    weights,
)
from textgen.api import train
from textgen.compute.backends.keras_networks import KerasTrainer
from textgen.errors import (
    TrainingError,
)
from textgen.model import model_dir
from textgen.model.paths import cache_path, checkpoint_path, pending_cache_path
from textgen.text.prepare import prepare
from textgen.training import checkpoint, events

KILLS = int(os.environ.get("TEXTGEN_TEST_KILLS", "4"))
SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
"""
# Takes from root the right to write anywhere; the numbers are those of linux/capability.h.
AS_ANYONE = """
import ctypes, os
if os.geteuid() == 0:
    libc, words = ctypes.CDLL(None), ctypes.c_uint32
    version, override = (words * 2)(0x20080522, 0), 1
    rights = (words * 6)()
    assert libc.capget(version, rights) == 0
    rights[0] &= ~(1 << override)
    assert libc.capset(version, rights) == 0
"""


def test_files_that_killed_trainings_left_are_removed(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    aside = pending_cache_path(directory)
    for name in (aside.name, f".{aside.name}.textgen-abc", ".cache.textgen-abc"):
        shutil.copytree(cache_path(directory), directory / name)
    cache_path(directory).rename(directory / ".cache.textgen-abd.old")  # as if between renames
    (directory / ".checkpoint.npz.abc").write_bytes(b"half")
    train(model=directory, resume=True)
    names = {path.name for path in directory.iterdir()}
    assert not [name for name in names if name.startswith(".")], names


@pytest.mark.timeout(900)  # the program starts again and again
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, corpus, textgen, start):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train([str(corpus)], model=whole, **SETTINGS)

    def check():
        assert (weights(killed), losses(killed)) == (weights(whole), losses(whole))
        left = {path.name for path in killed.iterdir()}
        assert not [
            name for name in left if name.startswith((".checkpoint", ".manifest", ".pending"))
        ]

    chance = random.Random(KILLS)
    kills = resumed = 0
    while kills < KILLS:
        process = start("train", *OPTIONS, "--model", killed)
        if kills % 4 != 2:
            read_until(process, "training:")
            while process.poll() is None and not checkpoint_path(killed).exists():
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.7))
        else:
            time.sleep(chance.uniform(0, 5))
        process.kill()
        resumed += "resuming: from the checkpoint" in process.stderr.read()
        process.wait(10)
        # Once the checkpoint is gone it came to its end before, if not to that of the process.
        if (killed / "manifest.json").exists() and not checkpoint_path(killed).exists():
            check()
            shutil.rmtree(killed)
            continue
        kills += 1
        if (killed / "manifest.json").exists():
            model_dir.load(killed).generate("The", length=5)
    done = textgen("train", *OPTIONS, "--model", killed)
    resumed += "resuming: from the checkpoint" in done.stderr
    assert done.returncode == 0 or "holds a trained model" in done.stderr, done.stderr
    assert resumed >= kills // 2
    check()


def test_a_signal_leaves_a_checkpoint_and_the_command_that_resumes(
    tmp_path, corpus, textgen, start
):
    arguments = [*OPTIONS, "--model", "here"]
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start("train", *arguments)
        read_until(process, "training:")
        if number == signal.SIGTERM:
            read_until(process, "resuming: from the checkpoint at epoch")
        else:
            second = textgen("train", *arguments)
            assert second.returncode == 1 and second.stderr.splitlines()[-1] == (
                "textgen: error: here: another training is writing to it; wait, or name another one"
            )
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(60) == status and "Traceback" not in rest
        assert "to resume: textgen train --resume --model here" in rest
        arguments = ["--resume", "--model", "here"]
    done = textgen("train", *arguments)
    assert done.returncode == 0 and "resuming: from the checkpoint at epoch" in done.stderr
    assert textgen("sample", "--model", "here", "--length", "5").returncode == 0


def test_a_closed_terminal_leaves_a_checkpoint(tmp_path, corpus, forks):
    terminal = Terminal("train", *OPTIONS, "--model", "here", cwd=tmp_path, forks=forks)
    terminal.wait_for("epoch 2")
    os.close(terminal.screen)
    assert terminal.process.wait(60) == 129
    assert checkpoint_path(tmp_path / "here").exists()


@pytest.mark.parametrize("moment", ["before the model", "after the model"])
def test_by_time_no_worse_model_is_saved_after_a_kill_while_saving(tmp_path, corpus, start, moment):
    """A validation has found a better model; the process is killed while it saves that."""
    options: dict[str, Any] = {
        **QUICK,
        "epochs": 0,
        "time": 60.0,
        "sample_length": 0,
        "learning_rate": 0.01,
    }
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(3), **options)
    script = f"""
import os
from textgen.model import model_dir
save = model_dir.save

def killed(*of, **how):
    if {moment!r} == "after the model":
        save(*of, **how)
    os._exit(9)

model_dir.save = killed
"""
    arguments = ("train", "--resume", "--model", directory, "--checkpoint-every", "1000s")
    process = start(*arguments, before=script)
    rest = process.stderr.read()
    assert process.wait(60) == 9, rest
    if moment == "after the model":
        reached = min(entry["validation_loss"] for entry in history(directory)["epochs"])
        best = weights(directory)
    else:
        snapshot = checkpoint.read_checkpoint(checkpoint_path(directory)).snapshot
        reached = snapshot.state["best_loss"]
        best = [array.tobytes() for array in snapshot.arrays["best"]]
    finished = train(model=directory, resume=True, stop=Stop(2))
    assert finished.best_loss < reached or (
        finished.best_loss == reached and weights(directory) == best
    )


def device_error():
    """What this backend raises where a device is lost."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.errors.InternalError(None, None, "device lost")
    if keras.backend.backend() == "jax":
        import jax

        return jax.errors.JaxRuntimeError("INTERNAL: device lost")
    return RuntimeError("device lost")


def test_a_device_that_is_lost_leaves_the_last_checkpoint(tmp_path, corpus, monkeypatch):
    train([str(corpus)], model=tmp_path / "whole", **QUICK)
    left = iter(range(steps_per_epoch(tmp_path / "whole") + 10))
    step = KerasTrainer.step

    def step_or_fail(*arguments):
        if next(left, None) is None:
            raise device_error()
        return step(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(KerasTrainer, "step", step_or_fail)
        with pytest.raises(TrainingError, match=r"training failed on cpu .*device lost.*--force"):
            train([str(corpus)], model=tmp_path / "model", **QUICK)
    assert model_dir.load(tmp_path / "model").generate("The", length=5)
    received: list[events.Event] = []
    train([str(corpus)], model=tmp_path / "model", on_event=received.append, **QUICK)
    assert next(
        event for event in received if isinstance(event, events.TrainingStarted)
    ).resumed_at_epoch
    assert weights(tmp_path / "model") == weights(tmp_path / "whole")


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, corpus, textgen, start):
    directory = tmp_path / "textgen-model"
    train([str(corpus)], model=directory, stop=Stop(200), **SETTINGS)
    before = checkpoint_path(directory).read_bytes()
    second = start("train", *OPTIONS, before=SMALL_FILES.format(len(before) // 2))
    rest = second.stderr.read()
    assert second.wait(60) == 1
    assert "cannot be written: File too large; what was saved before is still there" in rest
    assert "Traceback" not in rest
    assert checkpoint_path(directory).read_bytes() == before
    assert not list(directory.glob(".checkpoint*"))
    assert textgen("train", *OPTIONS).returncode == 0


def test_a_disk_that_is_too_full_for_the_model(tmp_path, corpus, start):
    """At the first validation, when there is nothing to resume from."""
    prepared = tmp_path / "prepared"  # by itself larger
    prepare([str(corpus)], prepared)
    options = ("--checkpoint-every", "1h", "--model", "here")
    before = SMALL_FILES.format(10_000)
    process = start("train", prepared, *OPTIONS[1:-2], *options, before=before)
    rest = process.stderr.read()
    assert process.wait(60) == 1
    last = rest.splitlines()[-1]
    assert last.startswith("textgen: error: here: cannot be written: "), rest
    assert not list((tmp_path / "here").glob("*.keras")) and "Traceback" not in rest
    is_resumable = checkpoint_path(tmp_path / "here").exists()
    assert ("from the last checkpoint" in last) == is_resumable


def test_a_read_only_directory_leaves_the_last_checkpoint(tmp_path, corpus, textgen, start):
    process = start("train", *OPTIONS, before=AS_ANYONE)
    read_until(process, "epoch 1/")
    directory = tmp_path / "textgen-model"
    directory.chmod(0o500)
    rest = process.stderr.read()
    assert process.wait(60) == 1 and "Traceback" not in rest
    assert "cannot be written: Permission denied; what was saved before is still there" in rest
    assert model_dir.load(directory).generate("The", length=5)
    directory.chmod(0o700)
    done = textgen("train", *OPTIONS)
    assert done.returncode == 0 and "resuming: from the checkpoint" in done.stderr


def test_a_second_signal_ends_a_step_that_takes_long(corpus, start):
    """Even one in which Python's own handlers are not run."""
    script = """
import hashlib, sys
from textgen.compute import runtime

def step(*_):
    print("in a step", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"-", b"-", 2**31 - 1)

def start(*arguments, **options):
    backend = start_backend(*arguments, **options)
    from textgen.compute.backends.keras_networks import KerasTrainer
    KerasTrainer.step = step
    return backend

start_backend, runtime.start = runtime.start, start
"""
    process = start("train", corpus, "--epochs", "1", "--maxlen", "10", before=script)
    read_until(process, "in a step")
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert (process.wait(30), rest) == (130, "")
