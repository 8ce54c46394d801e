"""Embedding, dropout and dense layers for training: equal to Keras's own, and faster.

Their classes have other names than Keras's: Keras numbers layers by the names of their classes, and
the names of the layers of a saved model must not depend on what else was created.
"""

from typing import Any

import keras

from textgen.compute.dropout_masks import DropoutMasks


class TrainingDense(keras.layers.Dense):  # type: ignore[misc,unused-ignore]
    """A dense layer that takes all time steps as one matrix.

    TensorFlow's product of three axes with two takes twice as long as that of two with two.
    """

    def call(self, inputs: Any, training: Any = None) -> Any:
        return keras.ops.tensordot(inputs, self.kernel, axes=1) + self.bias


class TrainingEmbedding(keras.layers.Embedding):  # type: ignore[misc,unused-ignore]
    """An embedding whose gradient is one array on every backend.

    TensorFlow keeps it as a row for each time that a token was read, and Keras 3.15 squares and
    clips each of these by itself, where the others do so with their sum.
    """

    def call(self, inputs: Any) -> Any:
        # The gradient of any arithmetic is an array.
        return keras.ops.take(keras.ops.multiply(self.embeddings, 1), inputs, axis=0)


def dropout_layer(masks: DropoutMasks) -> type[keras.layers.Dropout]:
    """A dropout layer that takes its masks from a backend.

    Args:
        masks: The backend's.
    """

    class TrainingDropout(keras.layers.Dropout):  # type: ignore[misc,unused-ignore]
        def __init__(self, rate: float):
            with masks.host_scope():
                super().__init__(rate, seed=masks.seed())

        def call(self, inputs: Any, training: bool = False) -> Any:
            if training and self.rate:  # without a rate there is no generator
                return masks.dropout(inputs, self.rate, self.seed_generator)
            return inputs

    return TrainingDropout
