"""Which backend and which device a training starts on, and what is refused before it does."""

import importlib.util
import json
import os
import sys

import keras
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.compute import runtime
from textgen.errors import SettingsError, TrainingError, UsageError
from textgen.settings import BACKENDS


def test_a_backend_is_one_of_the_choices():
    with pytest.raises(SettingsError) as error:
        runtime.check("theano")
    assert error.value.option == "backend" and all(name in str(error.value) for name in BACKENDS)


def test_an_unknown_backend_in_the_environment_is_a_usage_error(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    monkeypatch.delitem(sys.modules, "keras")
    with pytest.raises(UsageError, match="KERAS_BACKEND is 'theano'"):
        runtime.check(None)


def test_the_command_refuses_an_unknown_backend_in_the_environment(textgen, corpus):
    done = textgen("train", corpus, KERAS_BACKEND="theano")
    assert done.returncode == 2 and "KERAS_BACKEND is 'theano'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_a_backend_that_is_not_installed_says_what_installs_it(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(TrainingError, match=rf"{name} .*'keras-textgen\[{name}\]'"):
        runtime.check(name)


@pytest.mark.parametrize("name", ["theano", "numpy"])
def test_a_backend_in_kerass_own_settings_file_that_cannot_train(name, textgen, corpus, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    settings = {"floatx": "float32", "epsilon": 1e-7, "backend": name}
    (home / "keras.json").write_text(json.dumps(settings))
    done = textgen("train", corpus, "--units", 8, KERAS_BACKEND="", KERAS_HOME=str(home))
    # Keras imports NumPy's backend where SciPy is installed, which JAX brings.
    assert done.returncode == 1 and "cannot" in done.stderr.splitlines()[-1]


def test_keras_that_runs_already_is_left_as_it_is(monkeypatch):
    other = next(name for name in BACKENDS if name != ON)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    with pytest.raises(UsageError, match=f"Keras runs on {ON}"):
        runtime.check(other)
    assert runtime.check(ON) == ON == keras.backend.backend()
    assert os.environ.get("KERAS_BACKEND") in (None, ON)


def test_it_starts_on_a_cpu_and_leaves_the_environment(monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE"):
        monkeypatch.setenv(name, "cpu")
    before = dict(os.environ)
    started = runtime.start("cpu")
    assert (started.name, started.device) == (ON, CPU)
    assert dict(os.environ) == before


def test_a_gpu_that_keras_runs_on_already_is_not_taken_for_a_cpu(monkeypatch):
    here = backend()
    monkeypatch.setattr(type(here), "running_on", lambda: "gpu")
    with pytest.raises(UsageError, match="gpu"):
        here.find_device("cpu")


def test_a_gpu_is_taken_where_there_is_one_and_required_where_there_is_none(monkeypatch):
    here = backend()
    monkeypatch.setattr(type(here), "first_gpu", lambda: GPU)
    assert here.find_device("auto") == here.find_device("gpu") == GPU
    monkeypatch.setattr(type(here), "first_gpu", lambda: None)
    monkeypatch.setattr(type(here), "running_on", lambda: "cpu")
    assert here.find_device("auto") == CPU
    with pytest.raises(TrainingError, match="--device cpu"):
        here.find_device("gpu")


def test_errors_of_a_device_become_errors_of_the_training():
    full = MemoryError("full")
    with pytest.raises(TrainingError, match="cpu") as error, backend().translate_device_errors():
        raise full
    assert error.value.__cause__ is full


def test_mistakes_of_the_program_are_no_errors_of_a_device():
    with pytest.raises(KeyError), backend().translate_device_errors():
        raise KeyError("no such name")
