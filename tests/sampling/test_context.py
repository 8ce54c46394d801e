"""Carried state and windows, compared with Keras and with reading again."""

import keras
import numpy as np
import pytest

from tests.sampling.test_sampler import random_network
from textgen.sampling.cells import CELLS
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
    activations = []
    for number, units in enumerate((6, 5)):
        kind = getattr(keras.layers, CELLS[cell].keras_class)
        layer = kind(units, return_sequences=True, return_state=True)
        layer.build(x.shape)
        layer.set_weights(weights[1 + 3 * number : 4 + 3 * number])
        x, *states = layer(x)
        state = keras.ops.convert_to_numpy(states[1 if cell == "lstm" else 0])[0]
        activations.append(np.tanh(state) if cell == "lstm" else state)
    return activations


@pytest.mark.parametrize("cell", CELLS)
def test_activations_are_those_of_keras(cell):
    reader = carried_reader(random_network(cell))
    for number in IDS.tolist():
        reader.step(number)
    for ours, theirs in zip(reader.activations(), by_keras(cell), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("shape", [(), (2,)])
def test_activations_of_a_window_are_those_of_its_characters_alone(shape):
    network = random_network()
    windowed, whole = window_reader(network, 4, shape), carried_reader(network, shape)
    for number in IDS.tolist():
        windowed.step(np.full(shape, number))
    for number in IDS[-4:].tolist():
        whole.step(np.full(shape, number))
    for ours, theirs in zip(windowed.activations(), whole.activations(), strict=True):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("maxlen", [1, 2, 7])
def test_the_window_is_that_of_reading_it_again(cell, maxlen):
    """Staggered states against re-reading the last maxlen characters from a zero state."""
    network = random_network(cell)
    ids = np.random.default_rng(3).integers(0, 8, (2, 25))
    both, alone = window_reader(network, maxlen, (2,)), window_reader(network, maxlen)
    start = 0
    for place in range(ids.shape[1]):
        if place == 11:  # the second text starts again
            both.reset(1)
            start = place
        actual = both.step(ids[:, place])
        expected = []
        for row, first in ((0, 0), (1, start)):
            again = carried_reader(network)
            for number in ids[row, max(first, place + 1 - maxlen) : place + 1]:
                logits = again.step(number)
            expected.append(logits.copy())
        np.testing.assert_allclose(actual, expected, atol=1e-5)
        np.testing.assert_allclose(alone.step(ids[0, place]), expected[0], atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_reset_state_is_that_of_a_new_text(cell):
    network = random_network(cell)
    used, new = carried_reader(network, (3,)), carried_reader(network, (3,))
    for ids in ([1, 2, 3], [4, 5, 6]):
        used.step(np.array(ids))
    used.reset([0, 2])
    new.step(np.array([0, 2, 0]))
    new.step(np.array([0, 5, 0]))
    new.reset([0, 2])
    for ids in ([7, 1, 0], [2, 2, 2]):
        actual, expected = used.step(np.array(ids)), new.step(np.array(ids))
        np.testing.assert_allclose(actual, expected, atol=1e-6)
