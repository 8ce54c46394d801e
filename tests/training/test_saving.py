"""How often a training saves its model and its checkpoint."""

import time
from contextlib import nullcontext
from typing import Any

import pytest

from tests.training.stopping import (
    OPTIONS,
    QUICK,
    Stop,
    history,
    read_until,
    steps_per_epoch,
    weights,
)
from textgen.api import train
from textgen.model import model_dir
from textgen.training import checkpoint, events
from textgen.training.callbacks.model_saver import ModelSaver

pytestmark = pytest.mark.framework


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
    if not ended:
        train([str(corpus)], model=tmp_path / "whole", stop=Stop(10**9), **{**QUICK, "epochs": 9})
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


def test_short_epochs_do_not_each_write_a_checkpoint(tmp_path, corpus, monkeypatch):
    """Of a checkpoint that takes long."""
    write, written = checkpoint.write_checkpoint, []

    def slow(path, value):
        time.sleep(0.5)
        written.append(value.snapshot.state["steps"])
        write(path, value)

    monkeypatch.setattr(checkpoint, "write_checkpoint", slow)
    train([str(corpus)], model=tmp_path / "model", stop=Stop(10**9), **{**QUICK, "epochs": 9})
    assert written == [steps_per_epoch(tmp_path / "model")]


def test_a_model_is_whole_while_a_training_writes_it(tmp_path, corpus, start):
    directory = tmp_path / "textgen-model"
    process = start("train", *OPTIONS, "--epochs", "30")  # not each of which saves it
    read_until(process, "epoch 1/")
    versions = set()
    while process.poll() is None:
        versions.add(model_dir.read_model(directory).weights[0].tobytes())
        time.sleep(0.02)  # else reading would take the processors from the training
    assert process.returncode == 0 and len(versions) > 2
