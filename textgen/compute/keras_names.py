"""Undocumented names of Keras that textgen uses, each with its check."""

import importlib
from typing import Any

from textgen.private_names import PrivateNames, has_parameters, lookup


def _lstm_cell() -> Any:
    keras = importlib.import_module("keras")
    zeros = {f"{kind}_initializer": "zeros" for kind in ("kernel", "recurrent", "bias")}
    cell = keras.layers.LSTMCell(1, seed=0, **zeros)  # draws no random numbers
    cell.build((1, 1))
    return cell


def _computes_with_attributes(cell: Any) -> bool:
    """Whether an entry in a cell's __dict__ is what the cell computes with."""
    names = ("kernel", "recurrent_kernel", "bias")
    return all(vars(cell)[name] is getattr(cell, name) for name in names)


def _has_moments() -> bool:
    keras = importlib.import_module("keras")
    optimizer, weights = keras.optimizers.AdamW(), keras.Variable([0.0])
    optimizer.build([weights])
    moments = optimizer._momentums, optimizer._velocities
    return list(map(len, moments)) == [1, 1] and optimizer._get_variable_index(weights) == 0


def _updates_one_variable() -> bool:
    adamw = lookup("keras", "optimizers.AdamW.update_step")
    return has_parameters(adamw, "gradient", "variable", "learning_rate")


KERAS = PrivateNames(
    "keras",
    {
        # The layers in layers/; backends/torch_steps.py calls it.
        "RNN.inner_loop": lambda: has_parameters(
            lookup("keras", "layers.RNN.inner_loop"),
            *("sequences", "initial_state", "mask", "training"),
        ),
        "src.backend.rnn": lambda: has_parameters(  # layers/state_resets.py
            lookup("keras.src.backend", "rnn"),
            *("step_function", "inputs", "initial_states", "input_length", "return_all_outputs"),
        ),
        # Values that drop_connect.py and jax_sharded.py replace while a batch runs.
        "LSTMCell.__dict__": lambda: _computes_with_attributes(_lstm_cell()),
        # tensorflow_adamw.py and torch_steps.py.
        "AdamW._momentums, _velocities, _get_variable_index": _has_moments,
        "AdamW.update_step": _updates_one_variable,
        # dropout_masks.py
        "SeedGenerator.state": lambda: (
            lookup("keras", "random.SeedGenerator")(1).state.shape == (2,)
        ),
    },
)
