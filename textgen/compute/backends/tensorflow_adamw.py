"""AdamW whose moments and step are one operation, on a CPU with TensorFlow.

Keras makes an update of some fifteen operations, each of which goes through memory as large as the
variable: a tenth of a step or more, at the sizes that train on a CPU.
"""

from typing import Any

import keras
import tensorflow as tf

from textgen.compute.overrides import must_run


class CpuAdamW(keras.optimizers.AdamW):  # type: ignore[misc,unused-ignore]
    """keras.optimizers.AdamW on TensorFlow, in float32 and without amsgrad.

    The variables are the same, and so are their values, to rounding.

    Example:
        >>> weights = keras.Variable([1.0, 2.0])
        >>> CpuAdamW(0.1, weight_decay=0.0).apply([[0.5, -0.5]], [weights])
        >>> weights.numpy().round(3).tolist()
        [0.9, 2.1]
    """

    @must_run("AdamW in one operation")
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; Keras calls it for each in a step."""
        number, steps = self._get_variable_index(variable), tf.cast(self.iterations + 1, "float32")
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[number].value.handle,
            v=self._velocities[number].value.handle,
            beta1_power=self.beta_1**steps,
            beta2_power=self.beta_2**steps,
            lr=tf.cast(learning_rate, "float32"),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )
