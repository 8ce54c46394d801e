"""The table of recurrent cells is complete, and says of each what Keras does."""

import h5py
import keras
import numpy as np
import pytest

from textgen import settings
from textgen.exporting.signature import Signature
from textgen.exporting.step_numpy import FORMULAS
from textgen.model.build import build_model
from textgen.model.initial_weights import initial_weights
from textgen.sampling.cells import CELLS
from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig

UNITS = (3, 2)


def test_every_cell_is_in_every_table():
    assert set(CELLS) == set(FORMULAS) == set(settings.CELLS)


@pytest.mark.parametrize("cell", settings.CELLS)
def test_states_are_those_of_its_keras_cell(cell):
    keras_cell = getattr(keras.layers, f"{CELLS[cell].keras_class}Cell")(3)
    x = np.ones((1, 2), np.float32)
    output, states = keras_cell(x, [np.zeros((1, 3), np.float32)] * len(CELLS[cell].states))
    assert len(states) == len(CELLS[cell].states)
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (output, states[0])))
    layers = Signature(ModelConfig(cell=cell, units=UNITS), 7, None).layers
    assert [len(states) for states in layers] == [len(CELLS[cell].states)] * len(UNITS)


@pytest.mark.parametrize("labels", [(), (3, 2)])
@pytest.mark.parametrize("cell", settings.CELLS)
def test_names_shapes_and_first_biases_are_those_of_its_keras_layer(cell, labels, tmp_path):
    config = ModelConfig(cell=cell, units=UNITS, label_sizes=labels)
    built = build_model(config, 7, "sequence")
    weights, specs = built.get_weights(), weight_specs(config, 7)
    assert [array.shape for array in weights] == [spec.shape for spec in specs]
    initial = initial_weights(config, 7, np.random.default_rng(1))
    for spec, array, drawn in zip(specs, weights, initial, strict=True):
        if spec.path.endswith("cell/vars/2"):
            np.testing.assert_array_equal(array, drawn)
    built.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        for spec, array in zip(specs, weights, strict=True):
            np.testing.assert_array_equal(file[spec.path], array)
