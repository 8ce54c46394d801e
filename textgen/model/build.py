"""ModelConfig to keras.Model. The classes of its layers are an argument: by default Keras's own."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from textgen.errors import SettingsError
from textgen.sampling.cells import CELLS
from textgen.settings import ModelConfig

RECURRENT: dict[str, type[keras.layers.RNN]] = {
    name: getattr(keras.layers, cell.keras_class) for name, cell in CELLS.items()
}
_ONE_HOT_AT_MOST = 10_000  # tokens; the identity matrix of 10,000 takes 400 MB


@dataclass(frozen=True)
class Layers:
    """Classes of layers, each with the constructor of Keras's own.

    Attributes:
        recurrent: For each number of `ModelConfig.units`.
        embedding: Of the ids, unless they are one-hot.
        dropout: After each recurrent layer.
        dense: The last one.
        policy: Keras's dtype policy of the recurrent layers; None for float32.
        resets: Whether a model of documents resets its states where an input ends a document. The
            recurrent layers must take what `StateResets` returns as their mask.
    """

    recurrent: type[keras.layers.RNN]
    embedding: type[keras.layers.Embedding] = keras.layers.Embedding
    dropout: type[keras.layers.Dropout] = keras.layers.Dropout
    dense: type[keras.layers.Dense] = keras.layers.Dense
    policy: str | None = None
    resets: bool = False


class StateResets(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """What recurrent states are multiplied by before each token: 0 where a document begins.

    Args:
        document_end: The id that each document is read after.

    Example:
        >>> keras.ops.convert_to_numpy(StateResets(9)(keras.ops.array([[9, 1, 2]]))).tolist()
        [[0.0, 1.0, 1.0]]
    """

    def __init__(self, document_end: int):
        super().__init__()
        self.document_end = document_end

    def call(self, ids: Any) -> Any:
        return keras.ops.cast(keras.ops.not_equal(ids, self.document_end), "float32")


def build_model(
    config: ModelConfig,
    vocabulary_size: int,
    targets: str,
    *,
    layers: Layers | None = None,
    carry_batch: int | None = None,
    logits: bool = False,
) -> keras.Model:
    """The network: ids, one-hot or embedding, recurrent layers, dropout, softmax.

    With labels, an embedding of each is added to that of the ids, at every token.

    Twins of one model differ in the keyword arguments only and have the same weights in the same
    order, so `twin.set_weights(model.get_weights())` makes them equal.

    Args:
        config: The network.
        vocabulary_size: Tokens in the vocabulary.
        targets: `last` predicts the token after a window; `sequence` the one after every position
            (the recurrent layers return sequences, the dense layer works on each step).
        layers: The layers to use; None for Keras's own, of which models are saved.
        carry_batch: The fixed number of rows of a network that carries its state from batch to
            batch; None for one that starts every row from a zero state.
        logits: Leave out the softmax, as training does for its accuracy, and begin with kernels of
            zeros: training gives it weights, and Keras takes its time to draw some.

    Returns:
        A model from int32 ids of shape (rows, tokens) to float32 of shape (rows, vocabulary_size)
        for `last` or (rows, tokens, vocabulary_size) for `sequence`. With labels the inputs are a
        list: `ids`, then `label_1`, `label_2` and so on, of the same shape.

    Raises:
        SettingsError: one-hot input with a vocabulary too large for it.

    Example:
        >>> build_model(ModelConfig(units=(8,)), 65, "sequence").output_shape
        (None, None, 65)
    """
    layers = layers or Layers(RECURRENT[config.cell])
    if config.embedding:
        first = layers.embedding(vocabulary_size, config.embedding)
    elif vocabulary_size <= _ONE_HOT_AT_MOST:
        first = keras.layers.Embedding(
            vocabulary_size, vocabulary_size, embeddings_initializer="identity", trainable=False
        )
    else:
        raise SettingsError(
            "embedding",
            f"must not be 0 (one-hot input) for a vocabulary of {vocabulary_size:,} characters; "
            "give 64",
        )
    initializers = _zero_initializers if logits else partial(_initializers, config)
    names = ["ids", *(f"label_{number}" for number in range(1, len(config.label_sizes) + 1))]
    inputs = [
        keras.Input(batch_shape=(carry_batch, None), dtype="int32", name=name) for name in names
    ]
    width = config.embedding or vocabulary_size
    embeddings = [first, *(layers.embedding(size, width) for size in config.label_sizes)]
    embedded = [layer(ids) for layer, ids in zip(embeddings, inputs, strict=True)]
    x = keras.layers.Add()(embedded) if config.label_sizes else embedded[0]
    resets = layers.resets and config.has_document_end
    mask = {"mask": StateResets(vocabulary_size - 1)(inputs[0])} if resets else {}
    for number, units in enumerate(config.units, start=1):
        x = layers.recurrent(
            units,
            return_sequences=targets == "sequence" or number < len(config.units),
            stateful=carry_batch is not None,
            dtype=layers.policy,
            **initializers("kernel", "recurrent", "bias"),
        )(x, **mask)
        x = layers.dropout(config.dropout)(x)
    activation = None if logits else "softmax"
    outputs = layers.dense(
        vocabulary_size, activation=activation, **initializers("kernel", "bias")
    )(x)
    return keras.Model(inputs if config.label_sizes else inputs[0], outputs, name="textgen")


def count_parameters(model: keras.Model) -> int:
    """How many numbers training changes."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _initializers(config: ModelConfig, *kinds: str) -> dict[str, object]:
    """Initializers of a layer by the names of its arguments: Keras's own, or normal ones."""
    if not config.init_stddev:
        return {}
    return {
        f"{kind}_initializer": "zeros"
        if kind == "bias"
        else keras.initializers.RandomNormal(stddev=config.init_stddev)
        for kind in kinds
    }


def _zero_initializers(*kinds: str) -> dict[str, object]:
    return {f"{kind}_initializer": "zeros" for kind in kinds}
