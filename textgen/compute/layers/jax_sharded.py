"""A recurrent layer whose batch is on several devices, on JAX.

JAX, left to itself, adds up the weights' gradients across the devices after each token. Here each
device goes through its rows by itself, and the gradients are added up once.
"""

from typing import Any

import jax
import keras

from textgen.compute.overrides import must_run

_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


def sharded(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """A recurrent layer that is equal to `layer`, for models that Keras distributes.

    Args:
        layer: keras.layers.LSTM, GRU or SimpleRNN, or a layer made from one.

    Example:
        >>> sharded(keras.layers.GRU)(8).units
        8
    """

    class Sharded(layer):  # type: ignore[misc,valid-type,unused-ignore]
        @must_run("the layer that is split by rows")
        def inner_loop(
            self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
        ) -> Any:
            mesh = keras.distribution.distribution().device_mesh.backend_mesh
            rows, whole = jax.sharding.PartitionSpec(*mesh.axis_names), jax.sharding.PartitionSpec()
            # Where the cell keeps its weights; not through setattr, with which Keras tracks them.
            attributes: dict[str, Any] = self.cell.__dict__
            variables = [attributes[name] for name in _WEIGHTS]
            super_loop = super().inner_loop

            def on_one_device(sequences: Any, states: Any, mask: Any, weights: Any) -> Any:
                attributes.update(zip(_WEIGHTS, weights, strict=True))
                try:
                    return super_loop(sequences, states, mask, training)
                finally:
                    attributes.update(zip(_WEIGHTS, variables, strict=True))

            weights = [
                keras.ops.cast(keras.ops.convert_to_tensor(variable), self.compute_dtype)
                for variable in variables
            ]
            return jax.shard_map(
                on_one_device,
                mesh=mesh,
                in_specs=(rows, rows, rows, whole),
                out_specs=rows,
                check_vma=False,
            )(sequences, list(initial_state), mask, weights)

    return Sharded
