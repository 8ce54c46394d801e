"""As a library, textgen leaves the process as it found it."""

import json
import locale
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import textgen
from textgen.errors import TrainingError
from textgen.model import model_dir
from textgen.training import events

TINY: dict[str, Any] = {"epochs": 1, "units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 16}
LOGGERS = ("tensorflow", "absl", "jax", "tf2onnx", "numba")


def process_state():
    """All that a library could change behind a program's back."""
    numbers: Any = np.random.get_state()
    mask = os.umask(0)
    os.umask(mask)
    frameworks = {}
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context

        frameworks["tensorflow"] = context.global_seed()
    if (torch := sys.modules.get("torch")) is not None:
        frameworks["torch"] = torch.random.get_rng_state().tolist()
        frameworks["gradients"] = torch.is_grad_enabled()
        frameworks["threads"] = torch.get_num_threads()
    return {
        "random": random.getstate(),
        "numpy.random": (numbers[0], numbers[1].tobytes(), *numbers[2:]),
        "numpy errors": np.geterr(),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "wakeup": _wakeup_fd(),
        "log levels": {name: logging.getLogger(name).level for name in LOGGERS},
        "root logger": (logging.root.level, list(logging.root.handlers)),
        "hooks": (sys.excepthook, threading.excepthook, sys.stdout, sys.stderr, sys.displayhook),
        "path": list(sys.path),
        "recursion limit": sys.getrecursionlimit(),
        "directory": Path.cwd(),
        "umask": mask,
        "locale": locale.setlocale(locale.LC_ALL),
        "floatx": keras.config.floatx(),
        "dtype policy": keras.config.dtype_policy().name,
        "distribution": keras.distribution.distribution(),
        "Keras's random seed": keras.src.utils.rng_utils.get_random_seed(),
        "frameworks": frameworks,
    }


def _wakeup_fd():
    number = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(number)
    return number


@pytest.fixture
def unusual(monkeypatch):
    """A program with unusual settings."""
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "cpu" if name != "OMP_WAIT_POLICY" else "ACTIVE")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("mixed_float16")
    logging.getLogger("tensorflow").setLevel(logging.INFO)
    random.seed("a program's own")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def fails_in_training(corpus, folder):
    def on_event(event):
        if isinstance(event, events.StepDone):
            raise RuntimeError("a callback's own")

    with pytest.raises(RuntimeError, match="a callback's own"):
        textgen.train([corpus], model=folder / "failed", on_event=on_event, **TINY)


def goes_astray(corpus, folder):
    wild = {**TINY, "learning_rate": 1e30, "clip_norm": 0.0, "optimizer": "sgd"}
    with pytest.raises(TrainingError, match="training diverged"):
        textgen.train([corpus], model=folder / "astray", **wild)


CALLS = {
    "prepare": lambda corpus, trained, folder: textgen.prepare([corpus], folder / "prepared"),
    "train": lambda corpus, trained, folder: textgen.train(
        [corpus], model=folder / "model", device="cpu", **{**TINY, "drop_connect": 0.1}
    ),
    "train by time": lambda corpus, trained, folder: textgen.train(
        [corpus], model=folder / "model", stop=lambda: True, time=120, maxlen=10
    ),
    "train with an error": lambda corpus, trained, folder: fails_in_training(corpus, folder),
    "train with another": lambda corpus, trained, folder: goes_astray(corpus, folder),
    "generate": lambda corpus, trained, folder: textgen.load(trained).generate("the", length=9),
    "evaluate": lambda corpus, trained, folder: textgen.evaluate([corpus], trained),
    "inspect": lambda corpus, trained, folder: list(textgen.inspect([corpus], trained)),
    "novelty": lambda corpus, trained, folder: textgen.novelty(trained, [corpus]),
    "report": lambda corpus, trained, folder: textgen.report(trained),
    "compare": lambda corpus, trained, folder: textgen.compare([trained, trained]),
}
WITH_KERAS = ("onnx", "litert", "saved-model")


@pytest.mark.usefixtures("unusual", "without_starters")
@pytest.mark.parametrize("name", CALLS)
def test_a_call_leaves_the_process_as_it_found_it(name, corpus, trained, tmp_path):
    before = process_state()
    CALLS[name](corpus, trained, tmp_path)
    after = process_state()
    assert [key for key in before if before[key] != after[key]] == []


@pytest.mark.usefixtures("unusual")
@pytest.mark.parametrize("name", ["numpy", "html", "js", *WITH_KERAS])
def test_an_export_leaves_the_process_as_it_found_it(name, trained, tmp_path):
    if keras.backend.backend() != "tensorflow" and name in WITH_KERAS:
        pytest.skip("exported by Keras on TensorFlow")
    for package in {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}.get(
        name, ()
    ):
        pytest.importorskip(package)
    before = process_state()
    textgen.export(trained, tmp_path / "exported", name)
    after = process_state()
    assert [key for key in before if before[key] != after[key]] == []


FRESH = """
import json, logging, os, random, signal, sys
import numpy as np
import textgen

NAMES = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE", "KERAS_BACKEND",
         "TF_CPP_MIN_LOG_LEVEL", "OMP_WAIT_POLICY")

def state():
    numbers = np.random.get_state()
    return {
        "random": repr(random.getstate()),
        "numpy": repr(numbers),
        "environment": {name: os.environ.get(name) for name in NAMES},
        "levels": {name: logging.getLogger(name).level for name in ("tensorflow", "absl", "jax")},
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    }

before = state()
backend = sys.argv[2]
textgen.train(sys.argv[1], model="model", **json.loads(sys.argv[3]), device="cpu", backend=backend)
import keras
print(json.dumps([key for key, value in state().items() if value != before[key]]))
print(json.dumps([keras.backend.backend(), keras.config.floatx()]))
"""


def test_a_process_that_did_not_import_keras_yet_is_left_as_it_was(tmp_path, corpus):
    """Environment variables that frameworks read on import are set only during the import."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/keras.json").write_text(json.dumps({"floatx": "float16", "epsilon": 1e-7}))
    on = keras.backend.backend()
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "home")}
    environment.pop("KERAS_BACKEND", None)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(corpus), on, json.dumps(TINY)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    changed, settings = map(json.loads, done.stdout.splitlines())
    assert (changed, settings) == ([], [on, "float16"])


def test_a_training_depends_on_its_random_seed_and_not_on_the_programs(corpus, tmp_path):
    options = {**TINY, "dropout": 0.2, "drop_connect": 0.2}
    drawn, weights = [], []
    for number in (1, 2):
        random.seed(number)
        np.random.seed(number)
        keras.utils.set_random_seed(number)
        keras.config.set_floatx("float16" if number == 2 else "float32")
        draws: list[float] = []

        def on_event(event, draws=draws):
            if isinstance(event, events.StepDone):
                draws.append(random.random())

        try:
            textgen.train([corpus], model=tmp_path / str(number), on_event=on_event, **options)
        finally:
            keras.config.set_floatx("float32")
        weights.append(model_dir.read_model(tmp_path / str(number)).weights)
        drawn.append(draws)
        # What a callback draws are the program's own numbers.
        expected = random.Random(number)
        assert draws == [expected.random() for _ in draws] and len(draws) > 5
    for array, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(array, other)
    assert drawn[0] != drawn[1]
