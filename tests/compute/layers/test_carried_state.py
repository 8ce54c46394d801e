"""State that recurrent layers carry from batch to batch, and rows of it that are reset."""

import keras
import numpy as np
import pytest

from tests.compute.here import backend
from textgen.compute.backend import Precision
from textgen.compute.layers.carried_state import carried_states, reset_states
from textgen.model.build import RECURRENT, build_model
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

ROWS, IDS = 6, 11


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_twin_with_the_same_weights_carries_its_state_from_batch_to_batch(cell):
    settings = resolve_settings({"units": (6, 5), "embedding": 3, "cell": cell})
    stock = build_model(settings.model, 9, "sequence")
    twin = backend().build_network(settings, 9, Precision("float32", recurrent=RECURRENT[cell]), 2)
    twin.set_weights(stock.get_weights())
    ids = np.random.default_rng(0).integers(0, 9, (2, 12))
    whole = stock.predict_on_batch(ids)
    parts = np.concatenate(
        [twin.predict_on_batch(ids[:, :5]), twin.predict_on_batch(ids[:, 5:])], 1
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.softmax(parts)), whole, atol=1e-6
    )
    reset_states(twin)
    again = twin.predict_on_batch(ids[:, :5])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.softmax(again)), whole[:, :5], atol=1e-6
    )


def states_after(cell: str, masks) -> list[np.ndarray]:
    """The states of all layers after each of some steps with the same ids and no learning."""
    chosen = resolve_settings(
        {"cell": cell, "units": (6, 5), "embedding": 3, "dropout": 0.0, "batch_size": ROWS}
    )
    keras.utils.set_random_seed(0)
    precision = backend().precision("float32", cell)
    network = backend().build_network(chosen, IDS, precision, ROWS)
    network.set_weights(initial_weights(chosen.model, IDS, np.random.default_rng(1)))
    steps, after = backend().compile_network(network, chosen.training, precision), []
    ids = np.random.default_rng(0).integers(0, IDS, (ROWS, 4)).astype(np.int32)
    for mask in masks:
        float(steps.begin(ids, ids, 0.0, mask))
        steps.settle()
        states = [keras.ops.convert_to_numpy(state) for state in carried_states(network)]
        after.append(np.concatenate(states, axis=1).copy())
    return after


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_reset_row_starts_from_zero_in_all_layers_and_the_others_continue(cell):
    mask = np.ones((ROWS, 1), np.float32)
    mask[[1, 4]] = 0
    first, carried = states_after(cell, [None, None])
    again, mixed = states_after(cell, [np.ones_like(mask), mask])
    np.testing.assert_allclose(again, first, atol=1e-6)
    assert np.abs(carried - first).max(axis=1).min() > 1e-4
    expected = np.where(mask == 0, first, carried)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)
