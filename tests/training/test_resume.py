"""Trainings that are stopped, killed or fail, and are resumed."""

import ctypes
import io
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.terminal import Terminal
from tests.raising import raises_settings_error
from tests.test_untrusted import spoil
from textgen import storage
from textgen.api import train
from textgen.compute.backends.keras_networks import KerasTrainer
from textgen.errors import (
    CorpusError,
    ModelError,
    OutputError,
    PreparedError,
    TextgenError,
    TrainingError,
    UsageError,
)
from textgen.model import model_dir
from textgen.model.paths import cache_path, checkpoint_path, pending_cache_path
from textgen.text.prepare import prepare
from textgen.text.prepared import PREPARED_KIND
from textgen.training import checkpoint, events
from textgen.training.callbacks.model_saver import ModelSaver

QUICK: dict[str, Any] = {
    "units": (8,),
    "embedding": 4,
    "maxlen": 10,
    "batch_size": 4,
    "epochs": 3,
    "dropout": 0.3,
}
RELEASED = Path(__file__).parents[1] / "released/0.1.0"
KILLS = int(os.environ.get("TEXTGEN_TEST_KILLS", "20"))


class Stop:
    """Asks a training to end after so many steps."""

    def __init__(self, after: int):
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def weights(directory):
    return [array.tobytes() for array in model_dir.read_model(directory).weights]


def epoch_of(directory):
    """Steps of an epoch of a finished training."""
    record = model_dir.read_model(directory).record
    training, windows = record.settings.training, record.settings.windows
    characters = int(record.about["corpus"]["characters"] * (1 - windows.validation))
    return (characters - 1) // training.batch_size // windows.maxlen - 1


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def history(directory):
    return model_dir.read_model(directory).record.history


def losses(directory):
    epochs = history(directory)["epochs"]
    return [
        (entry["epoch"], entry["loss"], entry["validation_loss"], entry["samples"])
        for entry in epochs
    ]


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        (1, {}),
        (171, {"drop_connect": 0.3, "noise": 0.1}),
        ("epoch", {"patience": 1}),
        (70, {"units": (8, 6), "cell": "gru", "optimizer": "rmsprop", "schedule": "constant"}),
        (
            99,
            {
                "targets": "last",
                "noise": 0.1,
                "batch_size": 16,
                "cell": "rnn",
                "patience": 2,
                "step": 1,
            },
        ),
        (130, {"embedding": 0, "validation": 0.0, "loss_smoothing": 0.99, "optimizer": "adagrad"}),
        (200, {"precision": "bfloat16", "optimizer": "sgd"}),
        (70, {"precision": "float16"}),
    ],
)
def test_a_resumed_training_ends_with_the_same_bytes(tmp_path, corpus, options, steps):
    options = {**QUICK, "sample_length": 20, **options}
    received: list[events.Event] = []
    train([str(corpus)], model=tmp_path / "whole", **options)
    if steps == "epoch":
        steps = epoch_of(tmp_path / "whole")
    stopped = train([str(corpus)], model=tmp_path / "model", stop=Stop(steps), **options)
    assert stopped.reason == "stopped"
    assert model_dir.load(tmp_path / "model").generate("The", length=5)  # there is a model already
    finished = train([str(corpus)], model=tmp_path / "model", on_event=received.append, **options)
    assert finished.reason in ("done", "patience")
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert started.resumed_at_epoch and steps / started.steps_per_epoch == pytest.approx(
        started.resumed_at_epoch, rel=0.02
    )
    assert weights(tmp_path / "model") == weights(tmp_path / "whole")
    assert losses(tmp_path / "model") == losses(tmp_path / "whole")
    assert not checkpoint_path(tmp_path / "model").exists()


def test_a_training_from_another_model_is_resumed(tmp_path, corpus, trained):
    other = corpus.with_name("other.txt")
    other.write_text(corpus.read_text()[1000:] + "\u00e9\u00e8" * 30, encoding="utf-8")
    options: dict[str, Any] = {"maxlen": 10, "batch_size": 4, "epochs": 2, "sample_length": 0}
    again: dict[str, Any] = {"init_from": trained}
    train([str(other)], model=tmp_path / "whole", **options, **again)
    train([str(other)], model=tmp_path / "model", stop=Stop(30), **options, **again)
    train(model=tmp_path / "model", resume=True)
    assert weights(tmp_path / "model") == weights(tmp_path / "whole")


def test_a_training_by_time_uses_what_is_left_of_it(tmp_path, corpus):
    options: dict[str, Any] = {**QUICK, "epochs": 0, "time": 12.0, "sample_length": 0}
    shares: list[float] = []

    def on_event(event):
        if isinstance(event, events.StepDone):
            shares.append(event.fraction_done)

    def stop():
        return shares[-1] >= 0.3

    began = time.monotonic()
    first = train([str(corpus)], model=tmp_path / "model", on_event=on_event, stop=stop, **options)
    at_stop = len(shares)
    left = checkpoint.read_checkpoint(checkpoint_path(tmp_path / "model")).snapshot.seconds_left
    assert left < 9  # of the 12
    last = train(model=tmp_path / "model", resume=True, on_event=on_event)
    assert (first.reason, last.reason) == ("stopped", "done")
    assert time.monotonic() - began < 20  # 12 and what a busy machine adds
    assert shares[at_stop] >= 0.3 and shares[-1] > 0.9


def test_only_the_same_training_is_resumed(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    before = contents(directory)
    for options, name in (({"units": (9,)}, "units"), ({"epochs": 4}, "epochs")):
        with pytest.raises(OutputError, match=f"another {name};"):
            train([str(corpus)], model=directory, **{**QUICK, **options})
        with raises_settings_error(name):
            train(model=directory, resume=True, **options)
    other = corpus.with_name("other.txt")
    other.write_text(corpus.read_text()[::-1], encoding="utf-8")
    with pytest.raises(OutputError, match="another corpus"):
        train([str(other)], model=directory, **QUICK)
    assert contents(directory) == before
    train([str(other)], model=directory, force=True, **QUICK)
    assert not checkpoint_path(directory).exists()
    with pytest.raises(ModelError, match="finished"):
        train(model=directory, resume=True)
    with pytest.raises(UsageError, match="--preset"):
        train([str(other)], model=directory, force=True, stop=Stop(5), **QUICK)
        train(model=directory, resume=True, preset="small")
    with pytest.raises(ModelError, match="nothing: "):
        train(model=tmp_path / "nothing", resume=True)
    assert not (tmp_path / "nothing").exists()


def test_a_failed_start_with_force_leaves_the_unfinished_training(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=tmp_path / "whole", **QUICK)
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    other = corpus.with_name("other.txt")
    other.write_text(corpus.read_text()[::-1], encoding="utf-8")
    for refused in ({"batch_size": 10**6}, {"epochs": 0, "time": 0.01}):
        with pytest.raises((CorpusError, TrainingError)):
            train([str(other)], model=directory, force=True, **{**QUICK, **refused})
    train(model=directory, resume=True)
    assert weights(directory) == weights(tmp_path / "whole")


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


def test_a_deleted_cache_is_made_again(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    shutil.rmtree(cache_path(directory))
    with pytest.raises(PreparedError, match="cache"):
        train(model=directory, resume=True)
    assert train([str(corpus)], model=directory, **QUICK).reason == "done"


def test_a_text_with_other_characters_is_another_text(tmp_path, corpus):
    """The same ids with other characters."""
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    characters = sorted(set(corpus.read_text()))
    moved = str.maketrans(dict(zip(characters, map(chr, range(200, 300)), strict=False)))
    corpus.write_text(corpus.read_text().translate(moved), encoding="utf-8")
    with pytest.raises(OutputError, match="another corpus"):
        train([str(corpus)], model=directory, **QUICK)


def start(folder, *arguments, **more):
    """Start a training in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def until(process, beginning):
    """Read standard error up to a line."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith(beginning):
            return
    raise AssertionError(f"no line begins with {beginning}: {lines}")


OPTIONS = [
    *("corpus.txt", "--units", "12", "--embedding", "4", "--maxlen", "10", "--batch-size", "4"),
    *("--dropout", "0.2", "--epochs", "25", "--sample-length", "20", "--checkpoint-every", "0.2s"),
]


@pytest.mark.timeout(900)  # the program starts a dozen times
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, corpus, precision):
    options = [*OPTIONS, "--precision", precision]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(tmp_path, *options, "--model", whole)
    assert process.wait(120) == 0, process.stderr.read()

    def check():
        assert (weights(killed), losses(killed)) == (weights(whole), losses(whole))
        left = {path.name for path in killed.iterdir()}
        assert not [
            name for name in left if name.startswith((".checkpoint", ".manifest", ".pending"))
        ]

    chance = random.Random(KILLS)
    kills = resumed = 0
    while kills < KILLS // 2:
        process = start(tmp_path, *options, "--model", killed)
        if kills % 5 != 4:
            until(process, "training:")
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
    assert resumed > kills // 2
    process = start(tmp_path, *options, "--model", killed)
    messages = process.stderr.read()
    assert process.wait(120) == 0 or "holds a trained model" in messages, messages
    check()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_leaves_a_checkpoint_and_the_command_that_resumes(
    tmp_path, corpus, textgen, number, status
):
    process = start(tmp_path, *OPTIONS, "--model", "here")
    until(process, "training:")
    second = textgen("train", *OPTIONS, "--model", "here")
    assert second.returncode == 1 and second.stderr.splitlines()[-1] == (
        "textgen: error: here: another training is writing to it; wait, or name another one"
    )
    process.send_signal(number)
    rest = process.stderr.read()
    assert process.wait(60) == status and "Traceback" not in rest
    assert "to resume: textgen train --resume --model here" in rest
    done = textgen("train", "--resume", "--model", "here")
    assert done.returncode == 0 and "resuming: from the checkpoint at epoch" in done.stderr
    assert textgen("sample", "--model", "here", "--length", "5").returncode == 0


def test_a_closed_terminal_leaves_a_checkpoint(tmp_path, corpus, textgen):
    terminal = Terminal("train", *OPTIONS, "--model", "here", cwd=tmp_path)
    terminal.wait_for("epoch 2")
    os.close(terminal.screen)
    assert terminal.process.wait(60) == 129
    assert checkpoint_path(tmp_path / "here").exists()
    done = textgen("train", "--resume", "--model", "here")
    assert done.returncode == 0 and "resuming: from the checkpoint at epoch" in done.stderr


@pytest.mark.parametrize("moment", ["before the model", "after the model"])
def test_by_time_no_worse_model_is_saved_after_a_kill_while_saving(tmp_path, corpus, moment):
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
from textgen.api import train
save = model_dir.save

def killed(*of, **how):
    if {moment!r} == "after the model":
        save(*of, **how)
    os._exit(9)

model_dir.save = killed
train(model={str(directory)!r}, resume=True, checkpoint_every=1000.0)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 9
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


def test_the_weights_are_written_only_when_they_improved(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(ModelSaver, "cost", 0)
    directory, seen = tmp_path / "model", []

    def on_event(event):
        if isinstance(event, events.Validated):
            inode = (directory / "model.keras").stat().st_ino
            epochs = history(directory)["epochs"]
            seen.append((event.improved, inode, len(epochs)))

    # Steps so small that after the first ones no weight changes.
    options: dict[str, Any] = {**QUICK, "epochs": 6, "learning_rate": 1e-12}
    train([str(corpus)], model=directory, on_event=on_event, **options)
    assert [improved for improved, _, _ in seen] == [True] + [False] * 5
    assert len({inode for _, inode, _ in seen}) == 1
    assert [epochs for _, _, epochs in seen] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("ended", [False, True])
def test_short_epochs_do_not_each_save_the_model(tmp_path, corpus, monkeypatch, ended):
    """Where saving takes long; the last one is saved in any case."""
    save, saved = model_dir.save, []

    def slow(*of, **how):
        time.sleep(1)
        saved.append(time.monotonic())
        save(*of, **how)

    def on_event(event):
        if ended and isinstance(event, events.Validated) and event.epoch == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(model_dir, "save", slow)
    with pytest.raises(KeyboardInterrupt) if ended else nullcontext():
        train([str(corpus)], model=tmp_path / "model", on_event=on_event, **{**QUICK, "epochs": 9})
    monkeypatch.undo()
    assert len(saved) == 2
    epochs = history(tmp_path / "model")["epochs"]
    assert [entry["epoch"] for entry in epochs] == list(range(1, 9 if ended else 10))
    record = min(entry["validation_loss"] for entry in epochs)
    assert epochs[-1]["validation_loss"] == record  # so that the weights are of the last epoch
    train([str(corpus)], model=tmp_path / "whole", stop=Stop(10**9), **{**QUICK, "epochs": 9})
    if not ended:
        assert weights(tmp_path / "model") == weights(tmp_path / "whole")


def test_checkpoints_take_a_small_share_of_the_time(tmp_path, corpus, monkeypatch):
    """However often the user wants them."""
    write, written = checkpoint.write_checkpoint, []

    def slow(path, value):
        time.sleep(0.3)
        written.append(value)
        write(path, value)

    monkeypatch.setattr(checkpoint, "write_checkpoint", slow)
    began: list[float] = []

    def stop():
        began.append(time.monotonic())
        return began[-1] - began[0] > 2

    train(
        [str(corpus)],
        model=tmp_path / "model",
        stop=stop,
        checkpoint_every=0.001,
        **{**QUICK, "epochs": 10**6},
    )
    assert len(written) <= 2  # the first, and that of the end


@pytest.mark.parametrize("name", ["unfinished", "unfinished-by-time"])
def test_an_unfinished_training_of_version_0_1_0_is_resumed_with_its_text(
    tmp_path, corpus, monkeypatch, name
):
    """It has no hash of its text, which is read again."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "model"
    shutil.copytree(RELEASED / name, directory)
    request = checkpoint.read_checkpoint(checkpoint_path(directory)).identity
    (source,) = json.loads((directory / "cache/prepared.json").read_text())["sources"]
    os.utime(corpus, ns=(source["modified"], source["modified"]))
    assert corpus.stat().st_size == source["bytes"]
    chosen = {
        key: value
        for key, value in request.settings.by_name().items()
        if key not in request.automatic
    }
    received: list[events.Event] = []
    train([corpus.name], model=directory, on_event=received.append, stop=Stop(5), **chosen)
    (opening,) = (event for event in received if isinstance(event, events.CorpusOpened))
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert not opening.from_cache and started.resumed_at_epoch
    record = model_dir.read_model(directory).record
    assert model_dir.read_training_corpus(directory, record) is not None
    assert len(record.about["corpus"]["sources"][0]["sha256"]) == 64


def test_a_model_of_version_0_1_0_has_its_text(tmp_path, corpus):
    """Also once its text was read again."""
    directory = tmp_path / "model"
    shutil.copytree(RELEASED / "model", directory)
    record = model_dir.read_model(directory).record
    assert model_dir.read_training_corpus(directory, record) is not None
    path = directory / "cache/prepared.json"
    settings = json.loads(path.read_text())
    settings["sources"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(settings))
    manifest = storage.read_manifest(directory / "cache", PREPARED_KIND)
    manifest[path.name] = storage.describe_file(path)
    storage.write_manifest(directory / "cache", PREPARED_KIND, manifest)
    assert model_dir.read_training_corpus(directory, record) is not None


def failure():
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
    left = iter(range(epoch_of(tmp_path / "whole") + 10))
    step = KerasTrainer.step

    def step_or_fail(*arguments):
        if next(left, None) is None:
            raise failure()
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


def test_short_epochs_do_not_each_write_a_checkpoint(tmp_path, corpus, monkeypatch):
    """Of a checkpoint that takes long."""
    write, written = checkpoint.write_checkpoint, []

    def slow(path, value):
        time.sleep(0.5)
        written.append(value.snapshot.state["steps"])
        write(path, value)

    monkeypatch.setattr(checkpoint, "write_checkpoint", slow)
    train([str(corpus)], model=tmp_path / "model", stop=Stop(10**9), **{**QUICK, "epochs": 9})
    assert written == [epoch_of(tmp_path / "model")]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, corpus, textgen):
    first = start(tmp_path, *OPTIONS)
    until(first, "epoch 1/")
    first.kill()
    first.wait(10)
    directory = tmp_path / "textgen-model"
    before = checkpoint_path(directory).read_bytes()

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))

    second = start(tmp_path, *OPTIONS, preexec_fn=small_files)
    rest = second.stderr.read()
    assert second.wait(60) == 1
    assert "cannot be written: File too large; what was saved before is still there" in rest
    assert "Traceback" not in rest
    assert checkpoint_path(directory).read_bytes() == before
    assert not list(directory.glob(".checkpoint*"))
    assert textgen("train", *OPTIONS).returncode == 0


def test_a_disk_that_is_too_full_for_the_model(tmp_path, corpus):
    """At the first validation, when there is nothing to resume from."""

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    prepared = tmp_path / "prepared"  # by itself larger
    prepare([str(corpus)], prepared)
    options = ("--checkpoint-every", "1h", "--model", "here")
    process = start(tmp_path, prepared, *OPTIONS[1:-2], *options, preexec_fn=small_files)
    rest = process.stderr.read()
    assert process.wait(60) == 1
    last = rest.splitlines()[-1]
    assert last.startswith("textgen: error: here: cannot be written: "), rest
    assert not list((tmp_path / "here").glob("*.keras")) and "Traceback" not in rest
    is_resumable = checkpoint_path(tmp_path / "here").exists()
    assert ("from the last checkpoint" in last) == is_resumable


def test_a_read_only_directory_leaves_the_last_checkpoint(tmp_path, corpus, textgen):
    def as_anyone():
        """Take from root the right to write anywhere, before the program starts."""
        if os.geteuid() == 0:
            drop_from_bounds, override = 24, 1  # linux/prctl.h, linux/capability.h
            assert ctypes.CDLL(None).prctl(drop_from_bounds, override, 0, 0, 0) == 0

    process = start(tmp_path, *OPTIONS, preexec_fn=as_anyone)
    until(process, "epoch 1/")
    directory = tmp_path / "textgen-model"
    directory.chmod(0o500)
    rest = process.stderr.read()
    assert process.wait(60) == 1 and "Traceback" not in rest
    assert "cannot be written: Permission denied; what was saved before is still there" in rest
    assert model_dir.load(directory).generate("The", length=5)
    directory.chmod(0o700)
    done = textgen("train", *OPTIONS)
    assert done.returncode == 0 and "resuming: from the checkpoint" in done.stderr


def test_a_second_signal_ends_a_step_that_takes_long(tmp_path, corpus):
    """Even one in which Python's own handlers are not run."""
    script = """
import hashlib, sys
from textgen.cli import main
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
main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, "train", str(corpus), "--epochs", "1", "--maxlen", "10"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(process, "in a step")
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[1]
    assert (process.returncode, rest) == (130, "")


def test_a_model_is_whole_while_a_training_writes_it(tmp_path, corpus):
    directory = tmp_path / "textgen-model"
    process = start(tmp_path, *OPTIONS, "--epochs", "100")  # not each of which saves it
    until(process, "epoch 1/")
    versions = set()
    while process.poll() is None:
        versions.add(model_dir.read_model(directory).weights[0].tobytes())
    assert process.returncode == 0 and len(versions) > 3


def stopped(folder, text, **options):
    """The directory of a training that was stopped after some steps."""
    (folder / "corpus.txt").write_text(text, encoding="utf-8")
    train(
        [str(folder / "corpus.txt")], model=folder / "model", stop=Stop(20), **{**QUICK, **options}
    )
    return folder / "model"


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory, text):
    return stopped(tmp_path_factory.mktemp("by-epochs"), text)


@pytest.fixture(scope="module")
def unfinished_by_time(tmp_path_factory, text):
    return stopped(tmp_path_factory.mktemp("by-time"), text, epochs=0, time=60.0)


@pytest.fixture(scope="module")
def intact(unfinished):
    return checkpoint_path(unfinished).read_bytes()


@given(st.data())
def test_a_damaged_checkpoint_is_refused_or_the_same(tmp_path_factory, intact, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(intact)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        damaged = checkpoint.read_checkpoint(path)
    except ModelError as error:
        assert "\n" not in str(error) and "start again with --force" in str(error)
    else:
        path.write_bytes(intact)
        whole = checkpoint.read_checkpoint(path)
        assert (damaged.identity, damaged.snapshot.state) == (whole.identity, whole.snapshot.state)


@given(st.data())
def test_any_value_anywhere_in_a_checkpoint(tmp_path_factory, unfinished, intact, data):
    """Whole archives, so that all that is in them is looked at, and used for a step."""
    directory = tmp_path_factory.getbasetemp() / "false"
    with np.load(io.BytesIO(intact)) as archive:
        members = {name: archive[name] for name in archive.files}
    if data.draw(st.integers(0, 3)):
        about = json.loads(members["about"].tobytes())
        spoil(about, data.draw)
        members["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    else:
        name = data.draw(st.sampled_from(sorted(members)))
        array = data.draw(st.sampled_from([np.zeros(3), np.float32(1), np.full((2, 2), np.nan)]))
        members[name] = array
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(unfinished, directory)
    np.savez(checkpoint_path(directory), **members)
    try:
        train(model=directory, resume=True, stop=lambda: True)
    except TextgenError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("figures", "left"),
    [
        ({"clock": {"used": math.nan}}, None),
        ({"clock": {"report": -1.0}}, None),
        ({"best_loss": math.nan}, None),
        ({"steps": -1}, None),
        ({"curve": [1.0, -1.0, 0.0, 0.0]}, None),
        ({"curve": [1.0]}, None),
        ({}, 1e15),
        ({}, math.nan),
    ],
)
def test_a_checkpoint_whose_training_would_not_end_is_refused(
    tmp_path, unfinished_by_time, figures, left
):
    directory = tmp_path / "model"
    shutil.copytree(unfinished_by_time, directory)
    path = checkpoint_path(directory)
    original = checkpoint.read_checkpoint(path)
    snapshot = original.snapshot
    for name, value in figures.items():
        old = snapshot.state[name]
        received = {**old, **value} if isinstance(old, dict) else value
        snapshot = replace(snapshot, state={**snapshot.state, name: received})
    snapshot = replace(snapshot, seconds_left=snapshot.seconds_left if left is None else left)
    checkpoint.write_checkpoint(path, replace(original, snapshot=snapshot))
    with pytest.raises(ModelError, match="--force"):
        train(model=directory, resume=True)


def test_a_checkpoint_that_lies_about_its_sizes_is_refused(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    path = checkpoint_path(directory)
    original = checkpoint.read_checkpoint(path)
    huge = replace(original.identity.settings.model, units=(10**9,))
    lying = replace(
        original,
        identity=replace(
            original.identity, settings=replace(original.identity.settings, model=huge)
        ),
    )
    checkpoint.write_checkpoint(path, lying)
    with pytest.raises(ModelError, match="weights"):
        train(model=directory, resume=True)
    about = replace(original, prepared="/nowhere")
    checkpoint.write_checkpoint(path, about)
    with pytest.raises(PreparedError, match="/nowhere"):
        train(model=directory, resume=True)
    for group, message in (
        ("layers", "does not fit this training"),
        ("best", "its weights are not"),
    ):
        arrays = {**original.snapshot.arrays, group: [np.zeros(3, np.float32)]}
        checkpoint.write_checkpoint(
            path, replace(original, snapshot=replace(original.snapshot, arrays=arrays))
        )
        with pytest.raises(ModelError, match=message):
            train(model=directory, resume=True)
    figures = {"steps": 3}
    checkpoint.write_checkpoint(
        path, replace(original, snapshot=replace(original.snapshot, state=figures))
    )
    with pytest.raises(ModelError, match="does not fit this training"):
        train(model=directory, resume=True)


def test_a_checkpoint_that_cannot_be_written_leaves_its_buffer_released(tmp_path):
    """Python 3.12.1 crashes at exit where an error's traceback still has such a view."""
    original = checkpoint.read_checkpoint(RELEASED / "unfinished/checkpoint.npz")
    with pytest.raises(OSError) as raised:
        checkpoint.write_checkpoint(tmp_path / "missing" / "checkpoint.npz", original)
    views = [
        value
        for frame, _ in traceback.walk_tb(raised.value.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, memoryview)
    ]
    assert views
    for view in views:
        with pytest.raises(ValueError, match="released"):
            view.tobytes()


def test_standard_input_can_be_given_again(tmp_path, textgen, text):
    options = ["train", "-", *OPTIONS[1:]]
    process = start(tmp_path, *options[1:], stdin=subprocess.PIPE)
    process.stdin.write(text)
    process.stdin.close()
    until(process, "epoch 1/")
    process.kill()
    process.wait(10)
    other = textgen(*options, stdin=text[:-200])
    assert other.returncode == 1 and "unfinished training with another corpus" in other.stderr
    done = textgen(*options, stdin=text)
    assert done.returncode == 0 and "resuming" in done.stderr
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    assert [entry["epoch"] for entry in history["epochs"]] == list(range(1, 26))
