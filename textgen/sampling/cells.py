"""The recurrent cells, LSTM, GRU and simple RNN: what each is, and its step in NumPy.

The formulas are those of keras.layers.LSTM (gates i, f, c, o), GRU (z, r, h, with
reset_after=True) and SimpleRNN. Here they are written for speed; exporting/step_numpy.py has them
in their plain form. How layers are stacked is in network.py.

A step of a small layer spends as much time in calls of NumPy as in computing. So it makes few
calls, all of them into preallocated arrays. sigmoid(x) = (1 + tanh(x / 2)) / 2, so one tanh
computes all gates. The weights are multiplied by these halves in advance (a power of two changes no
digit), and the gates are twice the sigmoid.

To add a cell, write

1. its name into `CELLS` in settings/choices.py,
2. what it is and how it computes into `CELLS` below,
3. its plain formulas into `exporting.step_numpy.FORMULAS`.

tests/sampling/test_cells.py fails while one of them is missing; the shapes of its weights go into
tests/sampling/test_context.py. Models are saved as stock Keras
layers, so Keras must have the layer and its cell, with a kernel, a recurrent kernel and a bias.
Training is then as fast as Keras. To make it faster on a CPU, add the cell to
kernels/cell_weights.py and passes.py; `KerasBackend.recurrent_layer` chooses the layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Advance = Callable[[Floats], Floats]
Reset = Callable[[Any], None]
# Takes a width; returns an array of zeros for texts side by side, of shape (*shape, width).
Allocate = Callable[[int], Floats]
_Arranged = tuple[Floats, Floats, Floats, Floats]


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        arrange: Takes the kernel, recurrent kernel and bias of Keras; returns the kernel, bias,
            recurrent kernel and recurrent bias with the gates in the order used here, scaled.
        create_layer: Takes the layer's matrix, its units and what allocates its arrays, of which
            it may overwrite only those that a step computes; returns the layer, which has to be
            reset before its first step unless the arrays are those of another layer.
        keras_class: The name of its layer in keras.layers; that of its cell is this and `Cell`.
        keras_name: What Keras calls such a layer in a model.
        gates: How many times `units` its kernels are wide.
        states: The names of its states, each of shape (units,); the first is its output.
        biases: Rows of its bias.
        forget_gate: The gate, as Keras counts them, whose bias is 1 before training; None if all
            biases are 0.
        output_scale: The stored output times this is h.
    """

    arrange: Callable[[Floats, Floats, Floats], _Arranged]
    create_layer: Callable[[Floats, int, Allocate], "Layer"]
    keras_class: str
    keras_name: str
    gates: int
    states: tuple[str, ...] = ("h",)
    biases: int = 1
    forget_gate: int | None = None
    output_scale: float = 1.0


@dataclass(frozen=True)
class Layer:
    """A layer that reads texts side by side.

    Attributes:
        advance: Takes the layer's input times its kernel; returns that of the layer above, or the
            logits.
        reset: Sets the states at an index to zero.
        activations: The activations of its units, from -1 to 1: tanh(c) of an LSTM, h of the
            others; float32 of shape (*shape, units), overwritten by each step.
        states: Its states, as `Cell.states` lists them, each of that shape; the first times
            `Cell.output_scale` is h.
    """

    advance: Advance
    reset: Reset
    activations: Floats
    states: tuple[Floats, ...]


def _arrays(
    weights: Floats, units: int, allocate: Allocate
) -> tuple[Floats, Floats, Floats, Floats]:
    """The arrays of every layer: h; the matrix of h and a 1; the products; their matrix."""
    output = allocate(units + 1)
    output[..., units] = 1
    products = allocate(weights.shape[1])
    return output[..., :units], _matrix(output), products, _matrix(products)


def _matrix(array: Floats) -> Floats:
    """All leading axes as one, so that np.dot is one call; a vector stays as it is."""
    return array if array.ndim == 1 else array.reshape(-1, array.shape[-1])


_ONE, _HALF = np.ones((), np.float32), np.full((), 0.5, np.float32)


def _arrange_lstm(kernel: Floats, recurrent: Floats, bias: Floats) -> _Arranged:
    units = recurrent.shape[0]
    i, f, c, o = (np.arange(units) + gate * units for gate in range(4))
    order = np.concatenate([o, i, f, c])
    scale = np.repeat([_HALF, _ONE], [3 * units, units])
    zeros = np.zeros_like(bias)
    return kernel[:, order] * scale, bias[order] * scale, recurrent[:, order] * scale, zeros


def _create_lstm(weights: Floats, units: int, allocate: Allocate) -> Layer:
    """h = o tanh(c), stored as 2 h; c = f c + i g; here o, i and f are twice the sigmoids."""
    add, multiply, tanh, dot = np.add, np.multiply, np.tanh, np.dot
    h, output, inner, product = _arrays(weights, units, allocate)
    recurrent, upward = inner[..., : 4 * units], inner[..., 4 * units :]
    # o, i, f, g and c side by side, so that [i, f] [g, c] is one product.
    cells = allocate(5 * units)
    gates, sigmoids, o = cells[..., : 4 * units], cells[..., : 3 * units], cells[..., :units]
    i_f, g_c, c = cells[..., units : 3 * units], cells[..., 3 * units :], cells[..., 4 * units :]
    products = allocate(2 * units)
    i_g, f_c = products[..., :units], products[..., units:]
    tanh_c = allocate(units)

    def advance(x: Floats) -> Floats:
        add(recurrent, x, gates)
        tanh(gates, gates)
        add(sigmoids, _ONE, sigmoids)
        multiply(i_f, g_c, products)
        add(i_g, f_c, c)
        multiply(c, _HALF, c)
        tanh(c, tanh_c)
        multiply(o, tanh_c, h)
        dot(output, weights, product)
        return upward

    def reset(index: Any) -> None:
        c[index] = h[index] = 0
        inner[index] = weights[-1]

    return Layer(advance, reset, tanh_c, (h, c))


def _arrange_gru(kernel: Floats, recurrent: Floats, bias: Floats) -> _Arranged:
    units = recurrent.shape[0]
    # z and r are sigmoids; the recurrent part of the third gate is multiplied by 2 r.
    scale = np.repeat([_HALF, _ONE], [2 * units, units])
    inner_scale = np.repeat(_HALF, 3 * units)
    return kernel * scale, bias[0] * scale, recurrent * inner_scale, bias[1] * inner_scale


def _create_gru(weights: Floats, units: int, allocate: Allocate) -> Layer:
    """h = z h + (1 - z) n with n = tanh(x + r h U); here z and r are twice the sigmoids."""
    add, subtract, multiply, tanh, dot = np.add, np.subtract, np.multiply, np.tanh, np.dot
    h, output, inner, product = _arrays(weights, units, allocate)
    inner_zr, inner_n = inner[..., : 2 * units], inner[..., 2 * units : 3 * units]
    upward = inner[..., 3 * units :]
    gates = allocate(2 * units)
    z, r = gates[..., :units], gates[..., units:]
    n, change = allocate(units), allocate(units)

    def advance(x: Floats) -> Floats:
        add(inner_zr, x[..., : 2 * units], gates)
        tanh(gates, gates)
        add(gates, _ONE, gates)
        multiply(r, inner_n, n)
        add(n, x[..., 2 * units :], n)
        tanh(n, n)
        subtract(h, n, change)
        multiply(change, z, change)
        multiply(change, _HALF, change)
        add(n, change, h)
        dot(output, weights, product)
        return upward

    def reset(index: Any) -> None:
        h[index] = 0
        inner[index] = weights[-1]

    return Layer(advance, reset, h, (h,))


def _arrange_rnn(kernel: Floats, recurrent: Floats, bias: Floats) -> _Arranged:
    return kernel, bias, recurrent, np.zeros_like(bias)


def _create_rnn(weights: Floats, units: int, allocate: Allocate) -> Layer:
    """h = tanh(x + h U)."""
    add, tanh, dot = np.add, np.tanh, np.dot
    h, output, inner, product = _arrays(weights, units, allocate)
    recurrent, upward = inner[..., :units], inner[..., units:]

    def advance(x: Floats) -> Floats:
        add(recurrent, x, h)
        tanh(h, h)
        dot(output, weights, product)
        return upward

    def reset(index: Any) -> None:
        h[index] = 0
        inner[index] = weights[-1]

    return Layer(advance, reset, h, (h,))


CELLS = {
    "lstm": Cell(
        _arrange_lstm,
        _create_lstm,
        keras_class="LSTM",
        keras_name="lstm",
        gates=4,
        states=("h", "c"),
        forget_gate=1,
        output_scale=0.5,
    ),
    "gru": Cell(_arrange_gru, _create_gru, keras_class="GRU", keras_name="gru", gates=3, biases=2),
    "rnn": Cell(
        _arrange_rnn, _create_rnn, keras_class="SimpleRNN", keras_name="simple_rnn", gates=1
    ),
}
