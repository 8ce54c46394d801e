"""The recurrent network of a trained model, one character at a time, in NumPy.

Knows the arithmetic of Keras's LSTM, GRU and SimpleRNN and the order and shapes of their weights;
knows nothing of files, characters, seeds or temperatures. Formulas as in the documentation of
keras.layers.LSTM (gates i, f, c, o), GRU (z, r, h, with reset_after=True) and SimpleRNN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.config import ModelConfig

Floats = npt.NDArray[np.float32]
# For each layer the arrays that it carries from one character to the next: h, and c in an LSTM.
State = list[list[Floats]]

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

    Example:
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 10)]
        >>> network = Network(config, 10, zeros)
        >>> state = network.zero_state(2)
        >>> network.logits(network.advance(np.array([3, 5]), state)).shape
        (2, 10)
    """

    def __init__(self, config: ModelConfig, size: int, weights: Sequence[npt.NDArray[Any]]):
        arrays = [np.asarray(array, np.float32) for array in weights]
        embedding, *layers, self._dense_kernel, self._dense_bias = arrays
        self._units = config.units
        self._has_cell_state = config.cell == "lstm"
        self._cell = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}[config.cell]
        self._layers = [
            _prepare_layer(config.cell, *layers[first : first + 3])
            for first in range(0, len(layers), 3)
        ]
        kernel, _, bias, _ = self._layers[0]
        self._first: Callable[[npt.NDArray[Any]], Floats]
        if size * kernel.shape[1] <= _TABLE_AT_MOST:
            # The input is one of `size` rows: its product with the kernel is looked up.
            table = (embedding @ kernel if config.embedding else kernel) + bias
            self._first = lambda ids: table[ids]
        else:
            self._first = lambda ids: embedding[ids] @ kernel + bias

    def zero_state(self, rows: int) -> State:
        """The state before any character, for `rows` texts side by side."""
        arrays = 2 if self._has_cell_state else 1
        return [
            [np.zeros((rows, units), np.float32) for _ in range(arrays)] for units in self._units
        ]

    def advance(self, ids: npt.NDArray[Any], state: State) -> Floats:
        """Read one character in each row.

        Args:
            ids: Integers, shape (rows,).
            state: Changed in place; its arrays have shape (rows, units).

        Returns:
            The top layer's output, float32 of shape (rows, units).
        """
        projected = self._first(ids)
        for number, ((kernel, recurrent, bias, recurrent_bias), arrays) in enumerate(
            zip(self._layers, state, strict=True)
        ):
            if number:
                projected = state[number - 1][0] @ kernel + bias
            self._cell(projected, recurrent, recurrent_bias, arrays)
        return state[-1][0]

    def logits(self, hidden: Floats) -> Floats:
        """Logits of the next character: float32 of shape (rows, vocabulary)."""
        return hidden @ self._dense_kernel + self._dense_bias


_Layer = tuple[Floats, Floats, Floats, Floats]


def _prepare_layer(cell: str, kernel: Floats, recurrent: Floats, bias: Floats) -> _Layer:
    """Kernel, recurrent kernel, bias, recurrent bias, scaled so that every gate is one tanh.

    sigmoid(x) = (1 + tanh(x / 2)) / 2, so halving the weights of the sigmoid gates leaves one
    call of tanh for all gates.
    """
    units = recurrent.shape[0]
    input_bias, recurrent_bias = bias if cell == "gru" else (bias, np.zeros_like(bias))
    scale = np.ones(recurrent.shape[1], np.float32)
    if cell == "lstm":
        scale[:] = 0.5
        scale[2 * units : 3 * units] = 1
    elif cell == "gru":
        scale[: 2 * units] = 0.5
    return kernel * scale, recurrent * scale, input_bias * scale, recurrent_bias * scale


def _lstm(projected: Floats, recurrent: Floats, _: Floats, state: list[Floats]) -> None:
    h, c = state
    units = h.shape[1]
    gates = projected + h @ recurrent
    np.tanh(gates, out=gates)
    i = gates[:, :units]
    f = gates[:, units : 2 * units]
    o = gates[:, 3 * units :]
    for gate in (i, f, o):
        gate += 1
        gate *= 0.5
    i *= gates[:, 2 * units : 3 * units]
    c *= f
    c += i
    np.tanh(c, out=h)
    h *= o


def _gru(projected: Floats, recurrent: Floats, bias: Floats, state: list[Floats]) -> None:
    (h,) = state
    units = h.shape[1]
    inner = h @ recurrent + bias
    gates = np.tanh(projected[:, : 2 * units] + inner[:, : 2 * units])
    gates += 1
    gates *= 0.5
    z, r = gates[:, :units], gates[:, units:]
    new = np.tanh(projected[:, 2 * units :] + r * inner[:, 2 * units :])
    h *= z
    h += (1 - z) * new


def _rnn(projected: Floats, recurrent: Floats, _: Floats, state: list[Floats]) -> None:
    (h,) = state
    np.tanh(projected + h @ recurrent, out=h)
