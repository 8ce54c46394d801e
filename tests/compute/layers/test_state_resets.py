"""Recurrent layers whose states are reset where a text begins: as if each text were read alone."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from tests.compute.here import CPU, GPU, backend
from textgen.model.build import RECURRENT

ROWS, TOKENS, WIDTH, UNITS = 5, 17, 3, 4
# Those that train here, those that would on a GPU, and the LSTM that replaces none of Keras's.
KINDS = [
    *(
        (cell, backend(device).recurrent_layer(cell, "float32"))
        for device in (CPU, GPU)
        for cell in RECURRENT
    ),
    ("lstm", backend(CPU).stock_layer("lstm")),
]

array, tensor = keras.ops.convert_to_numpy, keras.ops.convert_to_tensor


def draw(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def starts() -> np.ndarray:
    """0 where a text begins: nowhere in the first row, everywhere in the second."""
    keep = (np.random.default_rng(0).random((ROWS, TOKENS)) > 0.25).astype(np.float32)
    keep[0], keep[1], keep[2, 0] = 1, 0, 0
    return keep


def read(layer, x, states, **options):
    """Outputs and states after the last token."""
    outputs, *after = layer(x, initial_state=list(map(tensor, states)), **options)
    return array(outputs), list(map(array, after))


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize(("cell", "kind"), KINDS)
def test_each_text_is_read_as_if_alone(cell, kind, sequences):
    """Those that begin in the batch from a zero state, the others from the state before."""
    x, keep = draw(ROWS, TOKENS, WIDTH), starts()
    layer = kind(UNITS, return_sequences=sequences, return_state=True)
    stock = RECURRENT[cell](UNITS, return_sequences=True, return_state=True)
    layer.build(x.shape)
    stock.build(x.shape)
    stock.set_weights(layer.get_weights())
    before = [draw(ROWS, UNITS)] * len(stock.cell.state_size if cell == "lstm" else [UNITS])
    outputs, after = read(layer, x, before, mask=tensor(keep))
    for row in range(ROWS):
        for start, end in pairwise([0, *(np.flatnonzero(keep[row, 1:] == 0) + 1), TOKENS]):
            states = [keep[row, start] * state[row : row + 1] for state in before]
            if start:
                states = [np.zeros_like(state) for state in states]
            alone, last = read(stock, x[row : row + 1, start:end], states)
            if sequences:
                np.testing.assert_allclose(outputs[row, start:end], alone[0], atol=1e-5)
        if not sequences:
            np.testing.assert_allclose(outputs[row], alone[0, -1], atol=1e-5)
        for state, expected in zip(after, last, strict=True):
            np.testing.assert_allclose(state[row], expected[0], atol=1e-5)


@pytest.mark.parametrize(("cell", "kind"), KINDS)
def test_without_resets_it_is_the_layer_it_was(cell, kind):
    x = draw(ROWS, TOKENS, WIDTH)
    layer, stock = (made(UNITS, return_sequences=True) for made in (kind, RECURRENT[cell]))
    layer.build(x.shape)
    stock.build(x.shape)
    stock.set_weights(layer.get_weights())
    expected = array(stock(x))
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-6)
    ones = tensor(np.ones((ROWS, TOKENS), np.float32))
    np.testing.assert_allclose(array(layer(x, mask=ones)), expected, atol=1e-6)


@pytest.mark.parametrize(("cell", "kind"), KINDS)
def test_a_reset_leaves_no_token_out_of_the_loss(cell, kind):
    """Keras would multiply losses by a mask that it finds with the outputs."""
    ids = keras.Input(batch_shape=(2, 4), dtype="int32")
    keep = keras.ops.cast(ids != 0, "float32")
    x = keras.layers.Embedding(3, WIDTH)(ids)
    x = kind(UNITS, return_sequences=True)(x, mask=keep)
    network = keras.Model(ids, keras.layers.Dense(3)(keras.layers.Dropout(0.0)(x)))
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(True, reduction="sum"))
    network.layers[-1].set_weights([np.zeros((UNITS, 3)), np.zeros(3)])
    zeros = np.zeros((2, 4), np.int32)
    assert network.test_on_batch(zeros, zeros) == pytest.approx(8 * np.log(3), rel=1e-5)
