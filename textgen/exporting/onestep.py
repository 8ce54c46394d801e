"""One step of a trained network in stock Keras, with its states as inputs and outputs.

Knows layers and cells; knows nothing of files, formats or characters. A cell is what a recurrent
layer runs at each character: without the loop around it, every converter can read it.
"""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from textgen.exporting.signature import ID, PROBABILITIES, Signature


def build(signature: Signature, weights: Sequence[npt.NDArray[Any]]) -> Any:
    """The network of one step.

    Args:
        signature: What goes in and what comes out.
        weights: float32 arrays as `textgen.sampling.network.weight_specs` lists them.

    Returns:
        A keras.Model from a dictionary of the signature's inputs, int32 of shape (batch,) and
        float32 of shape (batch, units), to one of its outputs, float32 of shape (batch, width).

    Example:
        >>> model = build(signature, weights)  # doctest: +SKIP
        >>> model({"id": ids, "h_1": h, "c_1": c})["probabilities"].shape  # doctest: +SKIP
        TensorShape([1, 65])
    """
    import keras

    cells = {
        "lstm": keras.layers.LSTMCell,
        "gru": keras.layers.GRUCell,
        "rnn": keras.layers.SimpleRNNCell,
    }
    config, size = signature.config, signature.size
    embedding, *kernels, dense_kernel, dense_bias = weights
    inputs = {ID: keras.Input((), dtype="int32", name=ID)}
    for state in signature.states:
        inputs[state.name] = keras.Input((state.units,), dtype="float32", name=state.name)
    if config.embedding:
        first = keras.layers.Embedding(size, config.embedding, dtype="float32")
        x = first(inputs[ID])
        first.set_weights([embedding])
    else:  # without the fixed identity matrix that it is trained on
        x = keras.ops.one_hot(inputs[ID], size, dtype="float32")
    outputs: dict[str, Any] = {}
    for number, states in enumerate(signature.layers):
        cell = cells[config.cell](config.units[number], dtype="float32")
        x, after = cell(x, [inputs[state.name] for state in states])
        cell.set_weights(kernels[3 * number : 3 * number + 3])
        outputs |= {state.next: one for state, one in zip(states, after, strict=True)}
    dense = keras.layers.Dense(size, activation="softmax", dtype="float32")
    outputs[PROBABILITIES] = dense(x)
    dense.set_weights([dense_kernel, dense_bias])
    model = keras.Model(inputs, outputs, name="textgen")
    # Keras converts to ONNX only what has run once.
    model({name: keras.ops.zeros((1, *one.shape[1:]), one.dtype) for name, one in inputs.items()})
    return model
