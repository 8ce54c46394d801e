"""One step of a trained network in stock Keras layers, with its states as inputs and outputs.

It consists of cells, which a recurrent layer runs at each token: without the loop around them
every converter can read it.
"""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from textgen.exporting.signature import ID, PROBABILITIES, Signature
from textgen.sampling.cells import CELLS


def build_step(signature: Signature, weights: Sequence[npt.NDArray[Any]]) -> Any:
    """The network of one step.

    Args:
        signature: The inputs and outputs.
        weights: float32 arrays as `textgen.sampling.network.weight_specs` lists them.

    Returns:
        A keras.Model from a dictionary of the signature's inputs, int32 of shape (batch,) and
        float32 of shape (batch, units), to one of its outputs, float32 of shape (batch, width).

    Example:
        >>> model = build_step(signature, weights)  # doctest: +SKIP
        >>> model({"id": ids, "h_1": h, "c_1": c})["probabilities"].shape  # doctest: +SKIP
        TensorShape([1, 65])
    """
    import keras

    config, vocabulary_size = signature.config, signature.vocabulary_size
    create_cell = getattr(keras.layers, f"{CELLS[config.cell].keras_class}Cell")
    embedding, *kernels, dense_kernel, dense_bias = weights
    labels = signature.labels
    inputs = {name: keras.Input((), dtype="int32", name=name) for name in (ID, *labels)}
    for state in signature.states:
        inputs[state.name] = keras.Input((state.units,), dtype="float32", name=state.name)
    if config.embedding:
        first = keras.layers.Embedding(vocabulary_size, config.embedding, dtype="float32")
        x = first(inputs[ID])
        first.set_weights([embedding])
    else:  # without the fixed identity matrix that it is trained on
        x = keras.ops.one_hot(inputs[ID], vocabulary_size, dtype="float32")
    for name, table in zip(labels, kernels, strict=False):  # which are the first of them
        layer = keras.layers.Embedding(*table.shape, dtype="float32")
        x = x + layer(inputs[name])
        layer.set_weights([table])
    kernels = kernels[len(labels) :]
    outputs: dict[str, Any] = {}
    for number, states in enumerate(signature.layers):
        cell = create_cell(config.units[number], dtype="float32")
        x, after = cell(x, [inputs[state.name] for state in states])
        cell.set_weights(kernels[3 * number : 3 * number + 3])
        outputs |= {state.next: tensor for state, tensor in zip(states, after, strict=True)}
    dense = keras.layers.Dense(vocabulary_size, activation="softmax", dtype="float32")
    outputs[PROBABILITIES] = dense(x)
    dense.set_weights([dense_kernel, dense_bias])
    model = keras.Model(inputs, outputs, name="textgen")
    # Keras converts only a model that has run once to ONNX.
    model({name: keras.ops.zeros((1, *x.shape[1:]), x.dtype) for name, x in inputs.items()})
    return model
