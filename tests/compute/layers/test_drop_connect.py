"""Recurrent layers that learn with some of their recurrent weights left out."""

import keras
import numpy as np
import pytest

from tests.compute.here import backend
from textgen.compute.layers.cpu_recurrent import CpuRecurrent, cpu_layer
from textgen.compute.layers.drop_connect import with_drop_connect
from textgen.kernels.sequence import has_bfloat16
from textgen.model.build import RECURRENT
from textgen.settings import CELLS

HERE = backend()
LAYERS = [
    *RECURRENT.values(),
    *(
        cpu_layer(HERE.cpu_recurrent, cell, bfloat16=bfloat16)
        for cell in CELLS
        for bfloat16 in ((False, True) if has_bfloat16() else (False,))
    ),
]

array = keras.ops.convert_to_numpy


def outputs(layer, x, rate, *, training):
    """Outputs of a layer and of the stock one with the same weights."""
    keras.utils.set_random_seed(1)
    dropping = with_drop_connect(layer, rate, HERE.masks)(6, return_sequences=True)
    dropping.build(x.shape)
    stock = layer(6, return_sequences=True)
    stock.build(x.shape)
    stock.set_weights(dropping.get_weights()[: len(stock.get_weights())])
    return array(dropping(x, training=training)), array(stock(x, training=training)), dropping


@pytest.mark.parametrize("layer", LAYERS)
def test_outside_training_and_with_nothing_left_out_it_is_the_layer_it_was(layer):
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    for rate, training in ((0.5, False), (0.0, True)):
        ours, theirs, _ = outputs(layer, x, rate, training=training)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
def test_training_drops_another_share_of_the_recurrent_weights_each_time(layer):
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    ours, theirs, dropping = outputs(layer, x, 0.4, training=True)
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=1e-6)  # no state, so no weights of it
    assert np.abs(ours[:, 1:] - theirs[:, 1:]).max() > 1e-3
    assert np.abs(array(dropping(x, training=True)) - ours).max() > 1e-3


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_weights_that_are_left_out_have_no_gradient_and_the_others_have(layer, dtype):
    if issubclass(layer, CpuRecurrent) and dtype != "float32":
        pytest.skip("to Keras it is a layer in float32")
    dropping = with_drop_connect(layer, 0.4, HERE.masks)(6, return_sequences=True, dtype=dtype)
    network = keras.Sequential([keras.Input((5, 4)), dropping])
    network.compile(keras.optimizers.SGD(1.0), "mse")
    weights = dropping.cell.recurrent_kernel
    changed = []
    for _ in range(3):
        x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
        before = array(weights).copy()
        network.train_on_batch(x, np.ones((3, 5, 6)))
        changed.append(array(weights) != before)
        assert dropping.cell.recurrent_kernel is weights
        assert 0.2 < np.mean(~changed[-1]) < 0.6
    assert (changed[0] != changed[1]).any() and (changed[1] != changed[2]).any()
