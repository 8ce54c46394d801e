"""TensorFlow, JAX and PyTorch: the same training on each, in a process of its own."""

import functools
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from textgen.compute import runtime
from textgen.errors import SettingsError, TrainingError, UsageError
from textgen.model import model_dir
from textgen.settings import BACKENDS
from textgen.training import train
from textgen.training.run import Run

STEPS = 100
PLAIN: dict[str, object] = {
    "epochs": 9,
    "embedding": 8,
    "batch_size": 8,
    "maxlen": 16,
    "dropout": 0.0,
    "drop_connect": 0.0,
    "sample_length": 0,
    "loss_smoothing": 1e-12,  # each step's loss as it is
}
KINDS: dict[str, dict[str, object]] = {
    "LSTM": {"units": (20,)},
    "GRU": {"units": (12, 8), "cell": "gru"},
    "windows": {"units": (16,), "embedding": 0, "targets": "last", "optimizer": "rmsprop"},
}
SCRIPT = """
import json, sys
from textgen.training import events, train
from textgen.training.run import Run

backend, corpus, folder, kinds, steps = sys.argv[1:]
told = {}
for name, options in json.loads(kinds).items():
    losses = told[name] = []

    def on_event(event):
        if isinstance(event, events.StepDone):
            losses.append(event.loss)

    train(
        [corpus],
        f"{folder}/{name}",
        options,
        run=Run(backend=backend),
        on_event=on_event,
        stop=lambda: len(losses) == int(steps),
    )
print(json.dumps(told))
"""


def installed(name):
    return importlib.util.find_spec(name) is not None


def on_each(*names):
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(
                name,
                marks=pytest.mark.skipif(
                    not installed(name), reason=f"pip install 'keras-textgen[{name}]'"
                ),
            )
            for name in names
        ],
    )


def trained_on(name, corpus, folder, kinds, steps):
    """The losses of so many steps of each kind of training."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, corpus, folder, json.dumps(kinds), str(steps)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def losses(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("backends")
    corpus = folder / "corpus.txt"
    corpus.write_text(text, encoding="utf-8")
    kinds = {name: {**PLAIN, **options} for name, options in KINDS.items()}

    @functools.cache
    def of(name):
        return trained_on(name, corpus, folder / name, kinds, STEPS)

    return of


@pytest.mark.parametrize("kind", KINDS)
@on_each("jax", "torch")
def test_losses_are_those_of_tensorflow(losses, name, kind):
    ours, theirs = losses(name)[kind], losses("tensorflow")[kind]
    assert len(ours) == STEPS and ours[-1] < ours[0] - 0.3
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@on_each("jax", "torch")
def test_a_training_goes_on_and_is_sampled_on_another(name, tmp_path, corpus, textgen):
    kinds = {"model": {**PLAIN, "units": (12,), "epochs": 3}}
    (whole,) = trained_on("tensorflow", corpus, tmp_path / "whole", kinds, -1).values()
    dropping = {**PLAIN, "units": (12,), "epochs": 3, "dropout": 0.2, "drop_connect": 0.1}
    kinds["dropping"] = dropping
    told = []
    for now, steps in (("tensorflow", 20), (name, 30), ("tensorflow", -1)):
        told.append(trained_on(now, corpus, tmp_path, kinds, steps))
    np.testing.assert_allclose([loss for part in told for loss in part["model"]], whole, atol=1e-4)
    assert len(told[2]["dropping"]) == len(told[2]["model"]) == len(whole) - 50
    versions = model_dir.read_model(tmp_path / "model").record.about["versions"]
    assert {"tensorflow", name} < versions.keys()
    assert versions[name] == importlib.metadata.version(name)
    for model in ("model", "dropping"):
        sampled = textgen("sample", "--model", model, "--length", 20, "--temperature", 0.5)
        assert sampled.returncode == 0 and len(sampled.stdout) > 20


@on_each(*BACKENDS)
def test_the_command_trains_on_the_backend_that_is_asked_for(name, textgen, corpus):
    """Against what KERAS_BACKEND says."""
    quick = ("--units", 8, "--epochs", 1, "--maxlen", 10, "--batch-size", 4)
    done = textgen("train", corpus, "--backend", name, *quick, KERAS_BACKEND="theano")
    assert done.returncode == 0 and f"({name}, float32)" in done.stderr
    assert done.stdout == "" and "arning" not in done.stderr


def test_a_backend_that_is_not_there_is_told(textgen, corpus, tmp_path, monkeypatch):
    done = textgen("train", corpus, "--backend", "theano")
    assert done.returncode == 2 and "'theano' is not one of 'tensorflow', 'jax'" in done.stderr
    done = textgen("train", corpus, KERAS_BACKEND="theano")
    assert done.returncode == 2 and done.stderr.splitlines()[-1] == (
        "textgen: error: KERAS_BACKEND is 'theano', which textgen does not train on; set it to one "
        "of tensorflow, jax, torch, or give --backend"
    )
    with pytest.raises(SettingsError, match="backend must be one of tensorflow, jax, torch"):
        train([str(corpus)], tmp_path / "m", run=Run(backend="theano"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("jax", "torch"):
        with pytest.raises(TrainingError, match=rf"{name} .* install 'keras-textgen\[{name}\]'"):
            train([str(corpus)], tmp_path / "m", run=Run(backend=name))
    assert not (tmp_path / "m").exists() and not (tmp_path / "textgen-model").exists()


def test_what_keras_has_in_its_own_settings_file(textgen, corpus, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for name, said in (
        ("theano", "cannot be imported: Unable to import backend : theano"),
        ("numpy", "Keras runs on numpy, which cannot train; give --backend tensorflow"),
    ):
        if name == "numpy" and not installed("scipy"):  # which it wants, and JAX brings
            said = "cannot be imported"
        settings = {"floatx": "float32", "epsilon": 1e-7, "backend": name}
        (home / "keras.json").write_text(json.dumps(settings))
        done = textgen("train", corpus, "--units", 8, KERAS_BACKEND="", KERAS_HOME=str(home))
        assert done.returncode == 1 and said in done.stderr.splitlines()[-1]


def test_keras_that_runs_on_another_one_already_is_left_as_it_is(tmp_path, corpus, monkeypatch):
    import keras

    running = keras.backend.backend()
    other = next(name for name in BACKENDS if name != running)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UsageError, match=f"Keras runs on {running} in this process already"):
        train([str(corpus)], tmp_path / "m", run=Run(backend=other))
    assert runtime.check(running) == running
    assert os.environ.get("KERAS_BACKEND") in (None, running)
    assert not (tmp_path / "m").exists()


def test_a_gpu_that_keras_runs_on_already_is_not_taken_for_a_cpu(tmp_path, corpus, monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE"):
        monkeypatch.setenv(name, "cpu")  # what asking for the CPU sets, to be taken back
    backend = runtime.start("cpu")
    assert (backend.device.kind, backend.device.name) == ("cpu", "cpu")
    monkeypatch.setattr(type(backend), "running_on", lambda: "gpu")
    with pytest.raises(UsageError, match="runs on a gpu in this process already; ask for the CPU"):
        train([str(corpus)], tmp_path / "m", run=Run(device="cpu"))
