"""The output layer of a large vocabulary on a CPU: one operation with the loss.

The network ends with the hidden states, and the loss takes them with the layer's weights. How each
framework calls the kernel is in tensorflow_output.py, jax_output.py and torch_output.py.
"""

from abc import abstractmethod
from typing import Any

import keras

from textgen.kernels.output import OutputKernel


class OutputWeights(keras.layers.Dense):  # type: ignore[misc,unused-ignore]
    """A dense layer that holds its weights for an `OutputLoss` and returns its inputs."""

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self.supports_jit = False  # TensorFlow's compiler cannot call NumPy

    def call(self, inputs: Any, training: Any = None) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class OutputLoss(keras.losses.Loss):  # type: ignore[misc,unused-ignore]
    """The cross-entropy of a network that ends with `OutputWeights`.

    Its values are those of keras.losses.SparseCategoricalCrossentropy; of its gradients, they are
    the expected values (kernels/softmax.py).

    Args:
        layer: The network's last.
        reduction: `mean` over all targets, or `sum`.
        bfloat16: Whether logits are products of numbers rounded to bfloat16.
        gradients: Whether they are needed.
    """

    def __init__(
        self, layer: OutputWeights, reduction: str, *, bfloat16: bool = False, gradients: bool
    ):
        super().__init__(reduction="sum" if reduction == "sum" else "sum_over_batch_size")
        self.layer, self.gradients = layer, gradients
        self.output_kernel = OutputKernel(bfloat16=bfloat16)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss.

        Args:
            y_true: Ids, of any shape.
            y_pred: Hidden states: units, at each place of y_true.
            sample_weight: What losses are multiplied with, of y_true's shape.
        """
        y_true = keras.ops.convert_to_tensor(y_true)
        weights = keras.ops.ones_like(y_true, "float32")
        if sample_weight is not None:
            weights = weights * keras.ops.cast(sample_weight, "float32")
        if self.reduction != "sum":
            weights = weights / keras.ops.cast(keras.ops.size(y_true), "float32")
        kernel, bias = map(keras.ops.convert_to_tensor, (self.layer.kernel, self.layer.bias))
        return self.total(keras.ops.convert_to_tensor(y_pred), kernel, bias, y_true, weights)

    @abstractmethod
    def total(self, hidden: Any, kernel: Any, bias: Any, targets: Any, weights: Any) -> Any:
        """`OutputKernel.forward` of tensors, whose gradient is `OutputKernel.backward`.

        Args:
            hidden: Of shape (..., units).
            kernel: Of shape (units, vocabulary).
            bias: Of shape (vocabulary,).
            targets: Integers of shape (...).
            weights: float32 of the same shape.
        """

    def run_kernel(self, hidden: Any, kernel: Any, bias: Any, targets: Any, weights: Any) -> Any:
        """`OutputKernel.forward` of arrays of these shapes."""
        return self.output_kernel.forward(
            hidden.reshape(-1, hidden.shape[-1]),
            kernel,
            bias,
            targets.reshape(-1),
            weights.reshape(-1),
            gradients=self.gradients,
        )
