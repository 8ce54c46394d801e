"""Trainings that are stopped and resumed."""

import json
import os
import shutil
import time
from typing import Any

import pytest

from tests.raising import raises_settings_error
from tests.training.stopping import (
    OPTIONS,
    QUICK,
    RELEASED,
    Stop,
    contents,
    losses,
    read_until,
    steps_per_epoch,
    weights,
)
from textgen import storage
from textgen.api import train
from textgen.errors import (
    CorpusError,
    ModelError,
    OutputError,
    PreparedError,
    TrainingError,
    UsageError,
)
from textgen.model import model_dir
from textgen.model.paths import cache_path, checkpoint_path
from textgen.text.prepared import PREPARED_KIND
from textgen.training import checkpoint, events

pytestmark = pytest.mark.framework


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        ("epoch", {"patience": 1, "drop_connect": 0.3, "noise": 0.1}),
        (
            1,
            {
                "units": (8, 6),
                "cell": "gru",
                "optimizer": "rmsprop",
                "schedule": "constant",
                "epochs": 1,
            },
        ),
        (
            99,
            {
                "targets": "last",
                "noise": 0.1,
                "batch_size": 16,
                "cell": "rnn",
                "patience": 2,
                "step": 2,
            },
        ),
        (70, {"embedding": 0, "validation": 0.0, "loss_smoothing": 0.99, "optimizer": "adagrad"}),
        (100, {"precision": "bfloat16", "optimizer": "sgd"}),
        (30, {"precision": "float16", "epochs": 1}),
    ],
)
def test_a_resumed_training_ends_with_the_same_bytes(tmp_path, corpus, options, steps):
    options = {**QUICK, "epochs": 2, "sample_length": 20, **options}
    received: list[events.Event] = []
    train([str(corpus)], model=tmp_path / "whole", **options)
    if steps == "epoch":
        steps = steps_per_epoch(tmp_path / "whole")
    stopped = train([str(corpus)], model=tmp_path / "model", stop=Stop(steps), **options)
    assert stopped.reason == "stopped"
    assert model_dir.load(tmp_path / "model").generate("The", length=5)  # there is a model already
    finished = train([str(corpus)], model=tmp_path / "model", on_event=received.append, **options)
    assert finished.reason in ("done", "patience")
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert started.resumed_at_epoch and steps / started.steps_per_epoch == pytest.approx(
        started.resumed_at_epoch, abs=0.001, rel=0.02
    )
    assert weights(tmp_path / "model") == weights(tmp_path / "whole")
    assert losses(tmp_path / "model") == losses(tmp_path / "whole")
    assert not checkpoint_path(tmp_path / "model").exists()


def test_a_training_from_another_model_is_resumed(tmp_path, corpus, trained):
    other = corpus.with_name("other.txt")
    other.write_text(corpus.read_text()[1000:] + "\u00e9\u00e8" * 30, encoding="utf-8")
    options: dict[str, Any] = {"maxlen": 10, "batch_size": 16, "epochs": 2, "sample_length": 0}
    again: dict[str, Any] = {"init_from": trained}
    train([str(other)], model=tmp_path / "whole", **options, **again)
    train([str(other)], model=tmp_path / "model", stop=Stop(30), **options, **again)
    train(model=tmp_path / "model", resume=True)
    assert weights(tmp_path / "model") == weights(tmp_path / "whole")


def test_a_training_by_time_uses_what_is_left_of_it(tmp_path, corpus):
    options: dict[str, Any] = {**QUICK, "epochs": 0, "time": 8.0, "sample_length": 0}
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
    assert left < 6  # of the 8
    last = train(model=tmp_path / "model", resume=True, on_event=on_event)
    assert (first.reason, last.reason) == ("stopped", "done")
    assert time.monotonic() - began < 16  # 8 and what a busy machine adds
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
    no_options = {*request.automatic, "has_document_end", "label_sizes"}
    settings = request.settings.by_name()
    chosen = {name: settings[name] for name in settings if name not in no_options}
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


def test_standard_input_can_be_given_again(tmp_path, textgen, start, text):
    options = ["train", "-", *OPTIONS[1:]]
    process = start(*options, stdin=True)
    process.stdin.write(text)
    process.stdin.close()
    read_until(process, "epoch 1/")
    process.kill()
    process.wait(10)
    other = textgen(*options, stdin=text[:-200])
    assert other.returncode == 1 and "unfinished training with another corpus" in other.stderr
    done = textgen(*options, stdin=text)
    assert done.returncode == 0 and "resuming" in done.stderr
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    assert [entry["epoch"] for entry in history["epochs"]] == list(range(1, 13))
