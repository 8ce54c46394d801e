"""What units hold, beside Keras."""

import keras
import numpy as np
import pytest

from tests.sampling.test_sampler import random_network
from textgen.sampling.context import carried_reader, window_reader

IDS = np.array([3, 1, 4, 1, 5, 2, 6, 5, 3, 5])

SHAPES: dict[str, list[tuple[int, ...]]] = {
    "lstm": [(8, 4), (4, 24), (6, 24), (24,), (6, 20), (5, 20), (20,)],
    "gru": [(8, 4), (4, 18), (6, 18), (2, 18), (6, 15), (5, 15), (2, 15)],
    "rnn": [(8, 4), (4, 6), (6, 6), (6,), (6, 5), (5, 5), (5,)],
}


def by_keras(cell):
    """Activations of both layers of the random network after the last id."""
    generator = np.random.default_rng(0)
    weights = [generator.standard_normal(shape).astype(np.float32) for shape in SHAPES[cell]]
    x = weights[0][IDS][None]
    found = []
    for number, units in enumerate((6, 5)):
        kind = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
        layer = kind[cell](units, return_sequences=True, return_state=True)
        layer.build(x.shape)
        layer.set_weights(weights[1 + 3 * number : 4 + 3 * number])
        x, *states = layer(x)
        kept = keras.ops.convert_to_numpy(states[1 if cell == "lstm" else 0])[0]
        found.append(np.tanh(kept) if cell == "lstm" else kept)
    return found


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_units_hold_what_they_hold_in_keras(cell):
    reader = carried_reader(random_network(cell))
    for one in IDS.tolist():
        reader.step(one)
    for ours, theirs in zip(reader.activations(), by_keras(cell), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_window_holds_what_was_read_of_it_alone(shape):
    network = random_network()
    windowed, whole = window_reader(network, 4, shape), carried_reader(network, shape)
    for one in IDS.tolist():
        windowed.step(np.full(shape, one))
    for one in IDS[-4:].tolist():
        whole.step(np.full(shape, one))
    for ours, theirs in zip(windowed.activations(), whole.activations(), strict=True):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-6
