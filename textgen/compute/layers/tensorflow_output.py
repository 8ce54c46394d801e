"""How TensorFlow calls the output layer's kernel of the CPU."""

from typing import Any

import tensorflow as tf

from textgen.compute.layers.output_loss import OutputLoss


class TensorflowOutputLoss(OutputLoss):
    """OutputLoss on TensorFlow."""

    def total(self, hidden: Any, kernel: Any, bias: Any, *targets_and_weights: Any) -> Any:
        """As in OutputLoss."""

        @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
        def run(hidden: Any, kernel: Any, bias: Any) -> Any:
            total = tf.numpy_function(
                self.run_kernel, [hidden, kernel, bias, *targets_and_weights], tf.float32
            )
            total.set_shape(())

            def backward(d_total: Any) -> Any:
                # The total is an argument so that this runs after the forward pass.
                d_hidden, *d_weights = tf.numpy_function(
                    lambda factor, _: self.output_kernel.backward(factor),
                    [d_total, total],
                    [tf.float32] * 3,
                )
                for gradient, weight in zip(d_weights, (kernel, bias), strict=True):
                    gradient.set_shape(weight.shape)
                return tf.reshape(d_hidden, tf.shape(hidden)), *d_weights

            return total, backward

        return run(hidden, kernel, bias)
