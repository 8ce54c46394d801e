"""Undocumented names of other packages that textgen uses, each with its check.

A version in which one of them is gone or different fails here, with one line, before it trains.
Whether Keras calls the methods that textgen overrides is checked in the first training step
(overrides.py). The names of each framework are in its module of `backends/`.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from textgen.packages import incompatible


@dataclass(frozen=True, eq=False)
class PrivateNames:
    """The undocumented names of one package.

    Attributes:
        package: As Python imports it and pip installs it.
        checks: For each name a function that returns something true if textgen can use it, and
            raises or returns something false otherwise.
    """

    package: str
    checks: Mapping[str, Callable[[], object]]


@cache
def check(names: PrivateNames) -> None:
    """Check once that a package, which is installed, has all the names that textgen uses.

    Raises:
        TrainingError: a name is gone or different.
    """
    for name, is_usable in names.checks.items():
        try:
            usable = is_usable()
        except (AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
            raise incompatible(names.package, f"it has no {name} ({error})") from error
        if not usable:
            raise incompatible(names.package, f"its {name} is different")


def lookup(module: str, names: str = "") -> Any:
    """An attribute of a module, by its dotted name."""
    return reduce(getattr, names.split("."), importlib.import_module(module))


def has_parameters(function: Any, *parameters: str) -> bool:
    """Whether a function has parameters of these names."""
    return set(parameters) <= inspect.signature(function).parameters.keys()


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

NUMBA = PrivateNames(  # kernels/, which also checks the cache of each function
    "numba",
    {
        "core.registry.cpu_target": lambda: lookup(
            "numba.core.registry", "cpu_target.target_context.codegen"
        )().magic_tuple()[2],
        "core.cgutils": lambda: all(
            hasattr(importlib.import_module("numba.core.cgutils"), name)
            for name in ("get_or_insert_function", "unpack_tuple", "for_range_slice")
        ),
        "core.sigutils.normalize_signature": lambda: lookup(
            "numba.core.sigutils", "normalize_signature"
        ),
        "core.caching.IndexDataCacheFile": lambda: has_parameters(
            lookup("numba.core.caching", "IndexDataCacheFile"),
            *("cache_path", "filename_base", "source_stamp"),
        ),
        "target_context.make_array, get_dummy_value": lambda: (
            lookup("numba.core.registry", "cpu_target.target_context.make_array")
            and lookup("numba.core.registry", "cpu_target.target_context.get_dummy_value")
        ),
        "llvmlite.ir.types.Type": lambda: lookup("llvmlite.ir", "types.Type._to_string"),
    },
)
