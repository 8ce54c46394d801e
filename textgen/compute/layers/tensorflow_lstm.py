"""How TensorFlow calls the LSTM kernel of the CPU."""

from typing import Any

import tensorflow as tf

from textgen.compute.layers.cpu_lstm import CpuLSTM


class TensorflowCpuLSTM(CpuLSTM):
    """CpuLSTM on TensorFlow."""

    def sequence(self, *arguments: Any, keep: Any = None) -> tuple[Any, Any, Any]:
        """As in ReplacementLSTM."""
        outputs, h, c = _run(self, keep, *map(tf.convert_to_tensor, arguments))
        return outputs, h, c


def _run(layer: CpuLSTM, keep: Any, *arguments: Any) -> Any:
    kept = [] if keep is None else [keep]

    @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
    def run(x: Any, h: Any, c: Any, *weights: Any) -> Any:
        outputs, new_h, new_c = tf.numpy_function(
            layer.run_kernel, [x, h, c, *weights, *kept], [tf.float32] * 3
        )
        outputs.set_shape((*x.shape[:2], h.shape[-1]))
        new_h.set_shape(h.shape)
        new_c.set_shape(c.shape)

        def backward(d_outputs: Any, *_d_state: Any) -> Any:
            gradients = tf.numpy_function(
                layer.sequence_kernel.backward, [d_outputs], [tf.float32] * 4
            )
            for gradient, variable in zip(gradients, (x, *weights), strict=True):
                gradient.set_shape(variable.shape)
            return gradients[0], tf.zeros_like(h), tf.zeros_like(c), *gradients[1:]

        return (outputs, new_h, new_c), backward

    return run(*arguments)
