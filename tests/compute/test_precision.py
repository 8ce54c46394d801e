"""The precision that a training computes in, and the layer that does."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.compute.backend import Device, Precision
from textgen.compute.backends import keras_backend
from textgen.compute.backends.keras_backend import KerasBackend
from textgen.compute.layers.cpu_recurrent import CpuRecurrent
from textgen.distributed.communicator import JaxCommunicator
from textgen.distributed.sharding import Sharding, create_sharding
from textgen.model.build import RECURRENT
from textgen.settings import CELLS, resolve_settings


def choose(device: Device = CPU, before=None, sharding: Sharding | None = None, **options):
    settings = resolve_settings({"batch_size": 2, "maxlen": 6, "units": (4,), **options})
    ids = np.arange(12, dtype=np.int32).reshape(2, 6) % 5
    batch = ids, ids, np.ones((2, 6), np.float32)
    return backend(device, sharding=sharding).choose_precision(settings, 5, batch, before)


@pytest.fixture
def step_takes(monkeypatch):
    """Sets what `step_seconds` returns."""

    def takes(seconds: Callable[[str], float]):
        def step_seconds(_, settings, size, precision: Precision, batch):
            return seconds(precision.name)

        monkeypatch.setattr(KerasBackend, "step_seconds", step_seconds)

    return takes


@pytest.mark.parametrize("cell", CELLS)
def test_textgens_own_layers_are_for_a_cpu(cell):
    own = choose(precision="float32", cell=cell).recurrent
    assert issubclass(own, backend().cpu_recurrent) and issubclass(own, RECURRENT[cell])
    on_gpu = choose(GPU, precision="float32", cell=cell).recurrent
    assert not issubclass(on_gpu, CpuRecurrent) and issubclass(on_gpu, RECURRENT[cell])


@pytest.mark.skipif(ON != "jax", reason="one process makes several devices of a CPU on JAX alone")
def test_several_devices_of_one_cpu_do_not_share_textgens_own_layer():
    chosen = choose(sharding=create_sharding(2), precision="float32")
    assert not issubclass(chosen.recurrent, CpuRecurrent)


def test_the_layer_of_an_lstm_on_a_gpu():
    for name in ("float32", "bfloat16", "float16"):
        chosen = choose(GPU, precision=name)
        lstm = backend().gpu_lstm or keras.layers.LSTM
        assert chosen.name == name and issubclass(chosen.recurrent, lstm)
        assert issubclass(choose(GPU, precision=name, cell="gru").recurrent, keras.layers.GRU)


def test_auto_takes_the_faster_one(monkeypatch, step_takes):
    monkeypatch.setattr(keras_backend, "has_bfloat16", lambda: True)
    for faster in ("float32", "bfloat16"):
        step_takes(lambda name, faster=faster: 1.0 if name == faster else 2.0)
        assert choose().name == faster
    assert choose(epochs=3).name == "float32"  # measured times are not repeatable
    monkeypatch.setattr(keras_backend, "has_bfloat16", lambda: False)
    assert choose().name == "float32"


def test_bfloat16_is_for_processes_that_all_have_it(monkeypatch):
    monkeypatch.setattr(keras_backend, "has_bfloat16", lambda: True)
    for others, expected in ((True, True), (False, False)):
        monkeypatch.setattr(
            JaxCommunicator, "all_gather", lambda _, mine, o=others: np.array([[mine], [o]])
        )
        both = backend(CPU, JaxCommunicator(0, 2), create_sharding(2, processes=2))
        layer = both.recurrent_layer("lstm", "bfloat16")
        assert (issubclass(layer, CpuRecurrent) and layer.bfloat16_products) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"float32": 3.0, "bfloat16": 2.0, "float16": 1.0}, "bfloat16"),
        ({"float32": 2.0, "bfloat16": 3.0, "float16": 1.0}, "float16"),
        ({"float32": 2.0, "float16": 1.0}, "float16"),
        ({"float32": 1.0, "bfloat16": 2.0}, "float32"),
    ],
)
def test_a_gpu_takes_the_first_half_precision_that_is_faster(step_takes, seconds, expected):
    def step_seconds(name):
        if name not in seconds:
            raise MemoryError  # what this GPU cannot do
        return seconds[name]

    step_takes(step_seconds)
    chosen = choose(GPU)
    assert (chosen.name, chosen.step_seconds) == (expected, seconds[expected])
    assert choose(GPU, epochs=3).name == "float32"
    for before in ("float32", "bfloat16"):  # chosen with the pace, or when the training began
        assert choose(GPU, before=before).name == before


@pytest.mark.parametrize(("bfloat16", "slowdown"), [(3.0, 3.0), (0.5, 0.0)])
def test_a_half_precision_that_is_slower_says_by_how_much(step_takes, bfloat16, slowdown):
    step_takes({"float32": 1.0, "bfloat16": bfloat16}.__getitem__)
    assert choose(precision="bfloat16").slowdown == slowdown


@pytest.mark.parametrize(
    ("name", "policy"), [("bfloat16", "mixed_bfloat16"), ("float16", "mixed_float16")]
)
def test_half_precisions_compute_in_them(name, policy):
    chosen = choose(precision=name)
    assert chosen.name == name
    network = backend().build_network(resolve_settings({"units": (4,)}), 5, chosen, None)
    layer = next(layer for layer in network.layers if isinstance(layer, keras.layers.LSTM))
    is_own = isinstance(layer, CpuRecurrent)  # whose products alone are in bfloat16
    assert is_own == issubclass(chosen.recurrent, CpuRecurrent)
    assert layer.dtype_policy.name == ("float32" if is_own else policy)
    assert network.layers[-1].dtype == "float32"
