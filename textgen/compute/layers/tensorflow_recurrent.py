"""How TensorFlow calls the kernel of a recurrent layer on a CPU."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from textgen.compute.layers.cpu_recurrent import CpuRecurrent


class TensorflowCpuRecurrent(CpuRecurrent):
    """CpuRecurrent on TensorFlow."""

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self.supports_jit = False  # TensorFlow's compiler cannot call NumPy

    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """As in SequenceLayer."""
        arguments = map(tf.convert_to_tensor, (x, *states, *weights))
        outputs, *after = _run(self, keep, *arguments)
        return outputs, after


def _run(layer: CpuRecurrent, keep: Any, *arguments: Any) -> Any:
    kept = [] if keep is None else [keep]
    count = layer.sequence_kernel.cell.states

    @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
    def run(x: Any, *states_and_weights: Any) -> Any:
        states, weights = states_and_weights[:count], states_and_weights[count:]
        outputs, *after = tf.numpy_function(
            layer.run_kernel, [x, *states, *weights, *kept], [tf.float32] * (1 + count)
        )
        outputs.set_shape((*x.shape[:2], states[0].shape[-1]))
        for state, before in zip(after, states, strict=True):
            state.set_shape(before.shape)

        def backward(d_outputs: Any, *_d_states: Any) -> Any:
            gradients = tf.numpy_function(
                layer.sequence_kernel.backward, [d_outputs], [tf.float32] * 4
            )
            for gradient, variable in zip(gradients, (x, *weights), strict=True):
                gradient.set_shape(variable.shape)
            return gradients[0], *map(tf.zeros_like, states), *gradients[1:]

        return (outputs, *after), backward

    return run(*arguments)
