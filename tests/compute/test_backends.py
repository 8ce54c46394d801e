"""TensorFlow, JAX and PyTorch: the same training on each, in a separate process."""

import functools
import importlib.metadata
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from textgen.model import model_dir
from textgen.settings import BACKENDS

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
from textgen.api import train
from textgen.training import events

backend, corpus, folder, kinds, steps = sys.argv[1:]
losses_of = {}
for name, options in json.loads(kinds).items():
    losses = losses_of[name] = []

    def on_event(event):
        if isinstance(event, events.StepDone):
            losses.append(event.loss)

    train(
        corpus,
        model=f"{folder}/{name}",
        backend=backend,
        on_event=on_event,
        stop=lambda: len(losses) == int(steps),
        **options,
    )
print(json.dumps(losses_of))
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
def test_a_training_is_resumed_and_sampled_on_another_backend(name, tmp_path, corpus, textgen):
    kinds = {"model": {**PLAIN, "units": (12,), "epochs": 3}}
    (whole,) = trained_on("tensorflow", corpus, tmp_path / "whole", kinds, -1).values()
    dropping = {**PLAIN, "units": (12,), "epochs": 3, "dropout": 0.2, "drop_connect": 0.1}
    kinds["dropping"] = dropping
    parts = []
    for current, steps in (("tensorflow", 20), (name, 30), ("tensorflow", -1)):
        parts.append(trained_on(current, corpus, tmp_path, kinds, steps))
    np.testing.assert_allclose([loss for part in parts for loss in part["model"]], whole, atol=1e-4)
    assert len(parts[2]["dropping"]) == len(parts[2]["model"]) == len(whole) - 50
    versions = model_dir.read_model(tmp_path / "model").record.about["versions"]
    assert {"tensorflow", name} < versions.keys()
    assert versions[name] == importlib.metadata.version(name)
    for model in ("model", "dropping"):
        sampled = textgen("sample", "--model", model, "--length", 20, "--temperature", 0.5)
        assert sampled.returncode == 0 and len(sampled.stdout) > 20


@on_each(*BACKENDS)
def test_the_command_trains_on_the_backend_of_its_option(name, textgen, corpus):
    """Against what KERAS_BACKEND says."""
    quick = ("--units", 8, "--epochs", 1, "--maxlen", 10, "--batch-size", 4)
    done = textgen("train", corpus, "--backend", name, *quick, KERAS_BACKEND="theano")
    assert done.returncode == 0 and f"({name}, float32)" in done.stderr
    assert done.stdout == "" and "arning" not in done.stderr
