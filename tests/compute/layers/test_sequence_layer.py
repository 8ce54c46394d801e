"""Layers that replace Keras's: in float32 the same, in half precision close.

Each runs on whatever device its backend has here, CpuRecurrent on a CPU only.
"""

import keras
import numpy as np
import pytest

from tests.compute.here import backend
from textgen.compute.backend import Precision
from textgen.compute.layers.cpu_recurrent import cpu_layer
from textgen.kernels.sequence import has_bfloat16
from textgen.model.build import RECURRENT
from textgen.model.initial_weights import initial_weights
from textgen.settings import CELLS, resolve_settings

HERE = backend()
OWN = [("lstm", HERE.gpu_lstm)] if HERE.gpu_lstm else []
HALF = [(*own, half) for own in OWN for half in ("bfloat16", "float16")]
if HERE.running_on() == "cpu":
    OWN += [(cell, cpu_layer(HERE.cpu_recurrent, cell)) for cell in CELLS]
    if has_bfloat16():
        HALF += [
            (cell, cpu_layer(HERE.cpu_recurrent, cell, bfloat16=True), "bfloat16") for cell in CELLS
        ]


def trained(layer, settings, carry, precision, batches):
    """Losses and weights of a few steps, and the states after them."""
    keras.utils.set_random_seed(0)
    twin = HERE.build_network(settings, 5, Precision(precision, recurrent=layer), carry)
    twin.set_weights(initial_weights(settings.model, 5, np.random.default_rng(1)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.Adam(0.02), loss)
    losses = [float(twin.train_on_batch(x, y)) for x, y in batches]
    states = [
        keras.ops.convert_to_numpy(state)
        for layer in twin.layers
        for state in getattr(layer, "states", None) or ()
    ]
    return losses, twin.get_weights(), states


@pytest.mark.parametrize(("cell", "own_layer"), OWN)
@pytest.mark.parametrize(
    ("units", "rows", "maxlen", "targets", "drop_connect"),
    [
        ((7, 4), 3, 5, "sequence", 0.3),
        ((7,), 2, 19, "sequence", 0.0),
        ((5, 6), 2, 9, "last", 0.0),
        ((1,), 1, 1, "sequence", 0.0),
    ],
)
def test_it_trains_as_keras_does(units, rows, maxlen, targets, drop_connect, cell, own_layer):
    """In float32, where both can be held to each other: losses, carried state, all weights."""
    options = {"cell": cell, "units": units, "drop_connect": drop_connect}
    settings = resolve_settings({**options, "embedding": 3, "dropout": 0.0, "targets": targets})
    carry = rows if targets == "sequence" else None
    generator = np.random.default_rng(0)
    shape = (rows, maxlen) if targets == "sequence" else (rows,)
    batches = [
        (generator.integers(0, 5, (rows, maxlen)), generator.integers(0, 5, shape))
        for _ in range(3)
    ]
    (stock_losses, *stock), (replaced_losses, *replaced) = (
        trained(layer, settings, carry, "float32", batches)
        for layer in (RECURRENT[cell], own_layer)
    )
    np.testing.assert_allclose(replaced_losses, stock_losses, rtol=1e-4)
    for ours, theirs in zip((*replaced[0], *replaced[1]), (*stock[0], *stock[1]), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(("cell", "own_layer", "half"), HALF)
def test_in_half_precision_it_stays_as_near_to_float32_as_keras_does(cell, own_layer, half):
    settings = resolve_settings(
        {
            "cell": cell,
            "units": (24, 16),
            "embedding": 8,
            "dropout": 0.0,
            "drop_connect": 0.0,
        }
    )
    generator = np.random.default_rng(0)
    ids = generator.integers(0, 5, (60, 8, 12))
    batches = [(x, (x * 2 + 1) % 5) for x in ids]
    losses = {
        name: trained(layer, settings, 8, precision, batches)[0]
        for name, layer, precision in (
            ("whole", RECURRENT[cell], "float32"),
            ("stock", RECURRENT[cell], half),
            ("own", own_layer, half),
        )
    }
    far = {name: np.abs(np.subtract(losses[name], losses["whole"])).mean() for name in losses}
    assert 0 < far["own"] < 0.02 and far["own"] < 1.5 * far["stock"]
