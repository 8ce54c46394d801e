"""ModelConfig to keras.Model: stock Keras layers only.

Knows layers and initializers; knows nothing of data, training or files. One of the three places
that import Keras (the others are training/ and exporting/).
"""

import math

import keras

from textgen.config import ModelConfig
from textgen.errors import SettingsError

RECURRENT: dict[str, type[keras.layers.RNN]] = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "rnn": keras.layers.SimpleRNN,
}
_MIXED = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_ONE_HOT_AT_MOST = 10_000  # characters; the identity matrix of 10,000 takes 400 MB


def build(
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
        logits: Leave out the softmax, as training does for its accuracy.
        precision: What the recurrent layers compute in; their weights are float32.
        recurrent: A layer that stands in for Keras's own in training.

    Returns:
        A model from int32 ids of shape (rows, characters) to float32 of shape (rows, size) for
        `last` or (rows, characters, size) for `sequence`.

    Raises:
        SettingsError: one-hot input with a vocabulary too large for it.

    Example:
        >>> build(ModelConfig(units=(8,)), 65, "sequence").output_shape
        (None, None, 65)
    """
    if config.embedding:
        first = keras.layers.Embedding(size, config.embedding)
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
    layer = recurrent or RECURRENT[config.cell]
    for number, units in enumerate(config.units, start=1):
        x = layer(
            units,
            return_sequences=targets == "sequence" or number < len(config.units),
            stateful=carry_batch is not None,
            dtype=_MIXED.get(precision),
            **_initializers(config, "kernel", "recurrent", "bias"),
        )(x)
        x = keras.layers.Dropout(config.dropout)(x)
    activation = None if logits else "softmax"
    outputs = keras.layers.Dense(
        size, activation=activation, **_initializers(config, "kernel", "bias")
    )(x)
    return keras.Model(ids, outputs, name="textgen")


def reset_states(model: keras.Model) -> None:
    """Begin the streams of a model that carries state anew, from zero."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


def parameters(model: keras.Model) -> int:
    """How many numbers training changes."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _initializers(config: ModelConfig, *kinds: str) -> dict[str, object]:
    if not config.init_stddev:
        return {}
    return {
        f"{kind}_initializer": "zeros"
        if kind == "bias"
        else keras.initializers.RandomNormal(stddev=config.init_stddev)
        for kind in kinds
    }
