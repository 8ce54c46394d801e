"""The passes of an LSTM over some rows of a batch, compiled: arithmetic of gates and states.

Each function works on a part of its arrays, so that several threads can each have a part; the
caller ensures that these do not overlap.

All weights are one matrix, the state's above the input's above the bias; what is multiplied with it
is one row: state, input and a 1. NumPy would take twenty calls for the gates of one token.
"""

from typing import Any

import numpy as np

from textgen.kernels.activations import sigmoid, tanh
from textgen.kernels.gemm import multiply
from textgen.kernels.packing import (
    fill_lanes,
    numbers_per_lane,
    pack_columns,
    pack_rows,
)
from textgen.kernels.simd import COLUMNS, compiled, inlined

_AT_ONCE = 1024  # lanes of a panel, which then stays in a cache; in whole tiles
_ONE = np.float32(1)


# Loops begin at 0: those that do not are not made into vector instructions. Arrays are not copied
# as a whole, for which Numba compiles a second's worth of error messages.
@compiled
def _copy(numbers: Any, target: Any) -> None:
    for index in range(len(target)):
        target[index] = numbers[index]


@compiled
def _scale(numbers: Any, factor: Any) -> None:
    for index in range(len(numbers)):
        numbers[index] *= factor


@compiled
def _sigmoids(z: Any) -> None:
    for unit in range(len(z)):
        z[unit] = sigmoid(z[unit])


@compiled
def _cells(z: Any, before: Any, after: Any, tanh_c: Any, outputs: Any) -> None:
    """Gates, cell and output of one row and token.

    Args:
        z: The sums inside the gates, (4 units); takes the gates.
        before: c before the token, (units,), as all that follow.
        after: Takes c after the token.
        tanh_c: Takes its tanh.
        outputs: Takes h after the token.
    """
    units = len(outputs)
    i, f, g, o = z[:units], z[units : 2 * units], z[2 * units : 3 * units], z[3 * units : 4 * units]
    _sigmoids(z[: 2 * units])
    _sigmoids(o)
    for unit in range(units):
        g[unit] = tanh(g[unit])
        after[unit] = f[unit] * before[unit] + i[unit] * g[unit]
        tanh_c[unit] = tanh(after[unit])
        outputs[unit] = o[unit] * tanh_c[unit]


@compiled
def _cell_gradients(
    z: Any, before: Any, tanh_c: Any, d_output: Any, dh: Any, dc: Any, d_gates: Any
) -> None:
    """Gradients of the sums inside the gates, of one row and token.

    Args:
        z: The gates, (4 units).
        before: c before the token, (units,), as all that follow.
        tanh_c: tanh of c after it.
        d_output: Gradient of the output.
        dh: Gradient of h from the token after.
        dc: Gradient of c from the token after; takes that of c before this token.
        d_gates: Takes the gradients, (4 units).
    """
    units = len(before)
    for unit in range(units):
        i, f = z[unit], z[units + unit]
        g, o = z[2 * units + unit], z[3 * units + unit]
        squashed, total_dh = tanh_c[unit], dh[unit] + d_output[unit]
        total_dc = dc[unit] + total_dh * o * (_ONE - squashed * squashed)
        d_gates[unit] = total_dc * g * i * (_ONE - i)
        d_gates[units + unit] = total_dc * before[unit] * f * (_ONE - f)
        d_gates[2 * units + unit] = total_dc * i * (_ONE - g * g)
        d_gates[3 * units + unit] = total_dh * squashed * o * (_ONE - o)
        dc[unit] = total_dc * f


@inlined
def _even(number: Any) -> Any:
    return number + number % 2


@compiled
def forward(
    weights: Any,
    x: Any,
    keep: Any,
    h: Any,
    c: Any,
    lanes: Any,
    inputs: Any,
    gates: Any,
    tanh_c: Any,
    outputs: Any,
    first: int,
    last: int,
) -> None:
    """Gates, cells and outputs of some rows, token by token.

    Args:
        weights: Packed, (units + width + 1, 4 units); gates in Keras's order i, f, c, o.
        x: Shape (rows, tokens, width).
        keep: What h and c are multiplied by before each token, shape (rows, tokens).
        h: The state before the first token, shape (rows, units).
        c: The cell before the first token; takes it before each and after the last, those before
            a token times `keep`: (tokens + 1, rows, units).
        lanes: Space for the factors of products, shape (rows, lanes of the weights or more).
        inputs: Takes all factors, for `weight_gradients`: shape (units + width + 1, lanes), summed
            over tokens and, of each, an even number of rows.
        gates: Takes the gates, shape (tokens, rows, 4 units and the rest of the last panel).
        tanh_c: Takes the tanh of the cell after each token, shape (tokens, rows, units).
        outputs: Takes the outputs, shape (rows, tokens, units).
        first, last: The rows, from `first`, an even number, to the one before `last`.
    """
    tokens, rows, units = tanh_c.shape
    width, count = x.shape[2], last - first
    # One row for each of these, and numbers and rows made even with zeros.
    factors = np.zeros((_even(count), _even(units + width + 1)), np.float32)
    lanes, each = lanes[first:last], numbers_per_lane(inputs)
    for row in range(count):
        _copy(h[first + row], factors[row, :units])
        factors[row, units + width] = _ONE
    for token in range(tokens):
        for row in range(count):
            if keep[first + row, token] != _ONE:
                _scale(factors[row, :units], keep[first + row, token])
                _scale(c[token, first + row], keep[first + row, token])
            _copy(x[first + row, token], factors[row, units : units + width])
            fill_lanes(factors[row], lanes[row])
        start = (_even(rows) * token + first) // each
        pack_columns(factors[:, : len(inputs)], inputs[:, start:])
        multiply(lanes, weights, gates[token, first:last], add=False)
        for row in range(count):
            output = outputs[first + row, token]
            _cells(
                gates[token, first + row],
                c[token, first + row],
                c[token + 1, first + row],
                tanh_c[token, first + row],
                output,
            )
            _copy(output, factors[row, :units])


@compiled
def backward(
    weights: Any,
    keep: Any,
    gates: Any,
    c: Any,
    tanh_c: Any,
    d_outputs: Any,
    lanes: Any,
    sums: Any,
    d_gates: Any,
    dx: Any,
    first: int,
    last: int,
) -> None:
    """Gradients of the sums inside the gates, and of the inputs, of some rows.

    None flows in from the state after the last token.

    Args:
        weights: Packed, transposed, without the bias.
        keep: As `forward` took it.
        gates, c, tanh_c: From `forward`.
        d_outputs: Gradient of the outputs, shape (rows, tokens, units).
        lanes: Space for the factors of products, shape (rows, lanes of the weights or more).
        sums: Space for products, shape (rows, COLUMNS for each panel of the weights).
        d_gates: Takes the gates' gradients, packed, summed over as the `inputs` of `forward`.
        dx: Takes the inputs' gradients, shape (rows, tokens, width).
        first, last: The rows, from `first`, an even number, to the one before `last`.
    """
    tokens, rows, units = tanh_c.shape
    count = last - first
    gradients = np.zeros((_even(count), 4 * units), np.float32)
    lanes, sums = lanes[first:last], sums[first:last]  # sums for the state and the input
    sums[:] = 0
    dc = np.zeros((count, units), np.float32)
    for step in range(tokens):
        token = tokens - 1 - step
        for row in range(count):
            _cell_gradients(
                gates[token, first + row],
                c[token, first + row],
                tanh_c[token, first + row],
                d_outputs[first + row, token],
                sums[row],
                dc[row],
                gradients[row],
            )
            fill_lanes(gradients[row], lanes[row])
        pack_rows(gradients, d_gates, _even(rows) * token + first)
        multiply(lanes, weights, sums, add=False)
        for row in range(count):
            _copy(sums[row, units:], dx[first + row, token])
            if keep[first + row, token] != _ONE:
                _scale(sums[row, :units], keep[first + row, token])
                _scale(dc[row], keep[first + row, token])


@compiled
def weight_gradients(inputs: Any, d_gates: Any, sums: Any, first: int, last: int) -> None:
    """Gradients of some columns of the weights.

    Args:
        inputs: From `forward`.
        d_gates: From `backward`.
        sums: Takes the gradients: shape (rows of `inputs`, COLUMNS for each panel of `d_gates`).
        first, last: The panels of `d_gates`, from `first` to the one before `last`.
    """
    lanes = d_gates.shape[1]
    for start in range(0, lanes, _AT_ONCE):
        end = min(start + _AT_ONCE, lanes)
        for number in range(first, last):
            part = d_gates[number : number + 1, start:end]
            multiply(inputs[:, start:end], part, sums[:, number * COLUMNS :], add=start > 0)
