"""The recurrent network of a trained model, one character at a time, in NumPy.

Knows which weights a model has, their order and shapes, and how layers stand on each other; knows
nothing of what happens inside a layer (cells.py), of files, characters, seeds or temperatures.

What is multiplied with a layer's output stands side by side in one matrix: its own recurrent
kernel, for the next character, and the kernel of the layer above or the dense kernel, for this
one. One more row, met by a 1 that the output carries at its end, holds the biases. So a layer
takes one matrix product for each character.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import CELLS, Floats
from textgen.settings import ModelConfig

IdOrIds = npt.NDArray[np.integer[Any]] | np.integer[Any] | int

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_LAYER = {"lstm": "lstm", "gru": "gru", "rnn": "simple_rnn"}
# Above this many numbers the product of embedding and first kernel is not kept as a table.
_TABLE_AT_MOST = 1 << 24


@dataclass(frozen=True)
class WeightSpec:
    """One array of a model: where Keras stores it in `model.weights.h5`, and its shape."""

    path: str
    shape: tuple[int, ...]


def weight_specs(config: ModelConfig, size: int) -> list[WeightSpec]:
    """The arrays of a model in the order of Keras's `get_weights()`.

    Args:
        config: The network.
        size: The vocabulary's size.

    Example:
        >>> [spec.shape for spec in weight_specs(ModelConfig(units=(8,), embedding=4), 10)]
        [(10, 4), (4, 32), (8, 32), (32,), (8, 10), (10,)]
    """
    width = config.embedding or size
    specs = [WeightSpec("layers/embedding/vars/0", (size, width))]
    for number, units in enumerate(config.units):
        name = _LAYER[config.cell] + (f"_{number}" if number else "")
        gates = _GATES[config.cell] * units
        bias = (2, gates) if config.cell == "gru" else (gates,)
        for index, shape in enumerate(((width, gates), (units, gates), bias)):
            specs.append(WeightSpec(f"layers/{name}/cell/vars/{index}", shape))
        width = units
    specs.append(WeightSpec("layers/dense/vars/0", (width, size)))
    specs.append(WeightSpec("layers/dense/vars/1", (size,)))
    return specs


class Network:
    """A trained network.

    Args:
        config: The network.
        size: The vocabulary's size.
        weights: float32 arrays as `weight_specs` lists them.

    Attributes:
        size: The vocabulary's size.
        units: Of all layers together.

    Example:
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 10)]
        >>> reader = Network(config, 10, zeros).reader((2,))
        >>> reader.step(np.array([3, 5])).shape
        (2, 10)
    """

    def __init__(self, config: ModelConfig, size: int, weights: Sequence[npt.NDArray[Any]]):
        embedding, *rest, dense_kernel, dense_bias = [
            np.asarray(one, np.float32) for one in weights
        ]
        self.size = size
        self.units = sum(config.units)
        self._units = config.units
        self._cell = CELLS[config.cell]
        layers = [self._cell.arrange(*rest[first : first + 3]) for first in range(0, len(rest), 3)]
        followers = [layer[:2] for layer in layers[1:]] + [(dense_kernel, dense_bias)]
        self._weights = [
            _side_by_side(recurrent, recurrent_bias, *follower, scale=self._cell.output_scale)
            for (_, _, recurrent, recurrent_bias), follower in zip(layers, followers, strict=True)
        ]
        kernel, bias, _, _ = layers[0]
        self._project: Callable[[IdOrIds], Floats]
        if not config.embedding:
            self._project = (kernel + bias).__getitem__
        elif size * kernel.shape[1] <= _TABLE_AT_MOST:
            # The input is one of `size` rows: its product with the kernel is looked up.
            self._project = (embedding @ kernel + bias).__getitem__
        else:
            self._project = lambda ids: embedding[ids] @ kernel + bias

    def reader(self, shape: tuple[int, ...] = ()) -> "Reader":
        """A reader of texts, each from a zero state.

        Args:
            shape: How many texts side by side, in one or more axes; () for one alone.
        """
        project = self._project
        layers = [
            self._cell.start(weights, units, shape)
            for weights, units in zip(self._weights, self._units, strict=True)
        ]
        advances = [layer.advance for layer in layers]

        def step(ids: IdOrIds) -> Floats:
            x = project(ids)
            for advance in advances:
                x = advance(x)
            return x

        def reset(index: Any) -> None:
            for layer in layers:
                layer.reset(index)

        return Reader(step, reset, lambda: [layer.activations for layer in layers])


@dataclass(frozen=True)
class Reader:
    """Reads texts side by side, a character at a time, and keeps the state of each.

    Attributes:
        step: Takes the ids of the next character of each text, integers of the reader's shape or
            of one that NumPy broadcasts to it, and gives the logits of the character after it:
            float32 of shape (*shape, vocabulary), overwritten by the next step.
        reset: Takes an index into the reader's shape and puts those texts' states back to zero.
        activations: What the units of each layer hold after the step, from -1 to 1: tanh of an
            LSTM's cell, the output of others; float32 of shape (*shape, units), overwritten by
            the next step.
    """

    step: Callable[[IdOrIds], Floats]
    reset: Callable[[Any], None]
    activations: Callable[[], list[Floats]]


def _side_by_side(
    recurrent: Floats, recurrent_bias: Floats, kernel: Floats, bias: Floats, *, scale: float
) -> Floats:
    """The matrix that a layer's output, with a 1 after it, is multiplied with."""
    rows = np.concatenate([recurrent, kernel], axis=1) * np.float32(scale)
    return np.vstack([rows, np.concatenate([recurrent_bias, bias])]).astype(np.float32)
