"""Every undocumented name of Keras, Numba, JAX and PyTorch that textgen uses, with its check.

A version in which one of them is gone or different fails here, with one line, before it trains.
Whether Keras calls the methods that textgen overrides is checked in the first training step
(overrides.py). Knows nothing of what the names are used for.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Any

from textgen.compute.overrides import changed

Check = Callable[[], object]  # returns something true, or raises where the name is gone


def _get(module: str, names: str = "") -> Any:
    return reduce(getattr, names.split("."), importlib.import_module(module))


def _takes(function: Any, *parameters: str) -> bool:
    return set(parameters) <= inspect.signature(function).parameters.keys()


def _lstm_cell() -> Any:
    keras = importlib.import_module("keras")
    zeros = {f"{kind}_initializer": "zeros" for kind in ("kernel", "recurrent", "bias")}
    cell = keras.layers.LSTMCell(1, seed=0, **zeros)  # draws no random numbers
    cell.build((1, 1))
    return cell


def _keeps_weights(cell: Any) -> bool:
    """Whether an entry in a cell's __dict__ is what the cell computes with."""
    names = ("kernel", "recurrent_kernel", "bias")
    return all(vars(cell)[name] is getattr(cell, name) for name in names)


def _has_moments() -> bool:
    keras = importlib.import_module("keras")
    optimizer, weights = keras.optimizers.AdamW(), keras.Variable([0.0])
    optimizer.build([weights])
    found = optimizer._momentums, optimizer._velocities
    return [len(one) for one in found] == [1, 1] and optimizer._get_variable_index(weights) == 0


def _updates_one_variable() -> bool:
    adamw = _get("keras", "optimizers.AdamW.update_step")
    return _takes(adamw, "gradient", "variable", "learning_rate")


CHECKS: Mapping[str, Mapping[str, Check]] = {
    "keras": {
        # own_lstm.py, drop_connect.py, sharded.py, model.py; torch_steps.py calls it.
        "RNN.inner_loop": lambda: _takes(
            _get("keras", "layers.RNN.inner_loop"),
            *("sequences", "initial_state", "mask", "training"),
        ),
        # Values that drop_connect.py and sharded.py replace while a batch runs.
        "LSTMCell.__dict__": lambda: _keeps_weights(_lstm_cell()),
        # cpu_adamw.py and torch_steps.py.
        "AdamW._momentums, _velocities, _get_variable_index": _has_moments,
        "AdamW.update_step": _updates_one_variable,
        # masks.py
        "SeedGenerator.state": lambda: _get("keras", "random.SeedGenerator")(1).state.shape == (2,),
    },
    "tensorflow": {  # cpu_adamw.py
        "raw_ops.ResourceApplyAdam": lambda: _get("tensorflow", "raw_ops.ResourceApplyAdam"),
    },
    "jax": {
        # cpu_lstm.py
        "experimental.buffer_callback": lambda: _get(
            "jax.experimental.buffer_callback", "buffer_callback"
        ),
        # distributed/
        "experimental.multihost_utils": lambda: (
            _get("jax.experimental.multihost_utils", "process_allgather")
            and _get("jax.experimental.multihost_utils", "broadcast_one_to_all")
        ),
        "config.jax_cpu_collectives_implementation": lambda: hasattr(
            _get("jax", "config"), "jax_cpu_collectives_implementation"
        ),
        "config.jax_enable_preemption_service": lambda: hasattr(
            _get("jax", "config"), "jax_enable_preemption_service"
        ),
    },
    "torch": {
        "_VF.lstm": lambda: _get("torch", "_VF.lstm"),  # torch_lstm.py
        "optim.adamw.adamw": lambda: _takes(  # torch_steps.py
            _get("torch.optim.adamw", "adamw"),
            *("fused", "lr", "beta1", "beta2", "weight_decay", "eps", "maximize"),
        ),
    },
    "numba": {  # products.py, which also checks the cache of each function
        "core.registry.cpu_target": lambda: _get(
            "numba.core.registry", "cpu_target.target_context.codegen"
        )().magic_tuple()[2],
        "core.cgutils": lambda: all(
            hasattr(importlib.import_module("numba.core.cgutils"), name)
            for name in ("get_or_insert_function", "unpack_tuple", "for_range_slice")
        ),
        "core.sigutils.normalize_signature": lambda: _get(
            "numba.core.sigutils", "normalize_signature"
        ),
        "core.caching.IndexDataCacheFile": lambda: _takes(
            _get("numba.core.caching", "IndexDataCacheFile"),
            *("cache_path", "filename_base", "source_stamp"),
        ),
        "target_context.make_array, get_dummy_value": lambda: (
            _get("numba.core.registry", "cpu_target.target_context.make_array")
            and _get("numba.core.registry", "cpu_target.target_context.get_dummy_value")
        ),
        "llvmlite.ir.types.Type": lambda: _get("llvmlite.ir", "types.Type._to_string"),
    },
}


@cache
def check(package: str) -> None:
    """Check once that a package, which is installed, has all the names that textgen uses.

    Args:
        package: `keras`, `tensorflow`, `jax`, `torch` or `numba`.

    Raises:
        TrainingError: a name is gone or different.
    """
    for name, found in CHECKS[package].items():
        try:
            usable = found()
        except (AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
            raise changed(package, f"it has no {name} ({error})") from error
        if not usable:
            raise changed(package, f"its {name} is different")
