"""ModelConfig to keras.Model: stock Keras layers, and for training others that are equal to them.

Knows layers and initializers; knows nothing of data, training or files. One of the few places that
import Keras (the others are masks.py, training/ and exporting/).
"""

import math
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from textgen.compute import dropout_masks
from textgen.compute.overrides import must_run
from textgen.errors import SettingsError
from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig

RECURRENT: dict[str, type[keras.layers.RNN]] = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "rnn": keras.layers.SimpleRNN,
}
_MIXED = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_ONE_HOT_AT_MOST = 10_000  # characters; the identity matrix of 10,000 takes 400 MB


def build_model(
    config: ModelConfig,
    size: int,
    targets: str,
    *,
    carry_batch: int | None = None,
    logits: bool = False,
    precision: str = "float32",
    recurrent: type[keras.layers.RNN] | None = None,
) -> keras.Model:
    """The network: ids, one-hot or embedding, recurrent layers, dropout, softmax.

    Twins of one model differ in the keyword arguments only and have the same weights in the same
    order, so `twin.set_weights(model.get_weights())` makes them equal.

    Args:
        config: The network.
        size: The vocabulary's size.
        targets: `last` predicts the character after a window; `sequence` the one after every
            position (the recurrent layers return sequences, the dense layer works on each step).
        carry_batch: The fixed number of rows of a network that carries its state from batch to
            batch; None for one that starts every row from a zero state.
        logits: Leave out the softmax, as training does for its accuracy, and begin with kernels of
            zeros: training gives it weights, and Keras takes its time to draw some.
        precision: What the recurrent layers compute in; their weights are float32.
        recurrent: A layer that stands in for Keras's own in training.

    Returns:
        A model from int32 ids of shape (rows, characters) to float32 of shape (rows, size) for
        `last` or (rows, characters, size) for `sequence`.

    Raises:
        SettingsError: one-hot input with a vocabulary too large for it.

    Example:
        >>> build_model(ModelConfig(units=(8,)), 65, "sequence").output_shape
        (None, None, 65)
    """
    if config.embedding:
        first = (_Embedding if logits else keras.layers.Embedding)(size, config.embedding)
    elif size <= _ONE_HOT_AT_MOST:
        first = keras.layers.Embedding(
            size, size, embeddings_initializer="identity", trainable=False
        )
    else:
        raise SettingsError(
            "embedding",
            f"must not be 0 (one-hot input) for a vocabulary of {size:,} characters; give 64",
        )
    ids = keras.Input(batch_shape=(carry_batch, None), dtype="int32", name="ids")
    x = first(ids)
    begin = _zeros if logits else partial(_drawn, config)
    layer = recurrent or RECURRENT[config.cell]
    if carry_batch is not None:
        layer = _carrying(layer)
    for number, units in enumerate(config.units, start=1):
        x = layer(
            units,
            return_sequences=targets == "sequence" or number < len(config.units),
            stateful=carry_batch is not None,
            dtype=_MIXED.get(precision),
            **begin("kernel", "recurrent", "bias"),
        )(x)
        x = (_Dropout if logits else keras.layers.Dropout)(config.dropout)(x)
    activation = None if logits else "softmax"
    outputs = (_Dense if logits else keras.layers.Dense)(
        size, activation=activation, **begin("kernel", "bias")
    )(x)
    return keras.Model(ids, outputs, name="textgen")


class _Dense(keras.layers.Dense):  # type: ignore[misc,unused-ignore]
    """A dense layer that takes all time steps as one matrix.

    TensorFlow's product of three axes with two takes twice as long as that of two with two.
    """

    def call(self, inputs: Any, training: Any = None) -> Any:  # noqa: ARG002
        return keras.ops.tensordot(inputs, self.kernel, axes=1) + self.bias


class _Dropout(keras.layers.Dropout):  # type: ignore[misc,unused-ignore]
    """A dropout whose masks are drawn by `masks.left_out`."""

    def __init__(self, rate: float):
        with dropout_masks.on_host():
            super().__init__(rate, seed=dropout_masks.seed())

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002
        if training and self.rate:  # without a rate there is no generator
            return dropout_masks.left_out(inputs, self.rate, self.seed_generator)
        return inputs


class _Embedding(keras.layers.Embedding):  # type: ignore[misc,unused-ignore]
    """An embedding whose gradient is one array on every backend.

    TensorFlow keeps it as a row for each time that a character was read, and Keras 3.15 squares
    and clips each of these by itself, where the others do so with their sum.
    """

    def call(self, inputs: Any) -> Any:
        # The gradient of any arithmetic is an array.
        return keras.ops.take(keras.ops.multiply(self.embeddings, 1), inputs, axis=0)


def _carrying(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """A recurrent layer whose state is carried on every backend.

    Keras 3.15 loses it on JAX, which changes only what `variables` lists, and on PyTorch a step
    overwrites the state that its gradients still need.
    """

    class Carrying(layer):  # type: ignore[misc,valid-type,unused-ignore]
        @property
        def variables(self) -> list[Any]:
            return [*super().variables, *(self.states or ())]

        @must_run("the state that is carried on")
        def inner_loop(
            self, sequences: Any, initial_state: Any, mask: Any, *, training: bool = False
        ) -> Any:
            copies = [keras.ops.copy(state) for state in initial_state]
            return super().inner_loop(sequences, copies, mask=mask, training=training)

    return Carrying


def initial_weights(
    config: ModelConfig, size: int, generator: np.random.Generator
) -> list[npt.NDArray[np.float32]]:
    """Weights to begin with, distributed as Keras's initializers draw them, the same ones on every
    backend.

    Args:
        config: The network.
        size: The vocabulary's size.
        generator: Where they are drawn from.

    Returns:
        Arrays in the order of `get_weights()`: the embedding uniform, kernels uniform as Glorot and
        Bengio (2010) have it, recurrent kernels orthogonal as Saxe, McClelland and Ganguli (2014)
        have it, biases 0 and an LSTM's forget gate 1.

    Example:
        >>> weights = initial_weights(ModelConfig(units=(8,)), 65, np.random.default_rng(1))
        >>> [array.shape for array in weights]
        [(65, 64), (64, 32), (8, 32), (32,), (8, 65), (65,)]
    """
    shapes = [spec.shape for spec in weight_specs(config, size)]

    def kernel(rows: int, columns: int) -> npt.NDArray[np.float64]:
        if config.init_stddev:
            return generator.normal(0.0, config.init_stddev, (rows, columns))
        bound = math.sqrt(6 / (rows + columns))
        return generator.uniform(-bound, bound, (rows, columns))

    def recurrent(units: int, columns: int) -> npt.NDArray[np.float64]:
        if config.init_stddev:
            return kernel(units, columns)
        q, r = np.linalg.qr(generator.standard_normal((columns, units)))
        return (q * np.sign(np.diag(r))).T

    first = generator.uniform(-0.05, 0.05, shapes[0]) if config.embedding else np.eye(size)
    weights = [first]
    for place in range(1, len(shapes) - 2, 3):
        bias = np.zeros(shapes[place + 2])
        if config.cell == "lstm":
            bias[len(bias) // 4 : len(bias) // 2] = 1
        weights += [kernel(*shapes[place]), recurrent(*shapes[place + 1]), bias]
    weights += [kernel(*shapes[-2]), np.zeros(shapes[-1])]
    return [array.astype(np.float32) for array in weights]


def reset_states(model: keras.Model) -> None:
    """Begin the streams of a model that carries state anew, from zero."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


def carried_states(model: keras.Model) -> list[Any]:
    """The variables that hold the state of each row, shape (rows, units), of a model that carries
    state."""
    layers = [layer for layer in model.layers if getattr(layer, "stateful", False)]
    return [state for layer in layers for state in layer.states]


def count_parameters(model: keras.Model) -> int:
    """How many numbers training changes."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _drawn(config: ModelConfig, *kinds: str) -> dict[str, object]:
    """Initializers of a layer by the names of its arguments: Keras's own, or what is configured."""
    if not config.init_stddev:
        return {}
    return {
        f"{kind}_initializer": "zeros"
        if kind == "bias"
        else keras.initializers.RandomNormal(stddev=config.init_stddev)
        for kind in kinds
    }


def _zeros(*kinds: str) -> dict[str, object]:
    return {f"{kind}_initializer": "zeros" for kind in kinds}
