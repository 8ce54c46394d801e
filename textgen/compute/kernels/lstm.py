"""The passes of an LSTM over some rows of a batch, compiled.

Knows the arithmetic of gates and states, and the order of products and gates along a sequence;
knows nothing of Keras or of threads. Each function works on a part of what it is given, so that
several threads can have a part each; which they may is theirs to see to.

All weights are one matrix, the state's above the input's above the bias; what is multiplied with it
is one row: state, input and a 1. NumPy has a tanh that is slow where a processor has no AVX-512,
and twenty calls for the gates of one character.
"""

from typing import Any

import numpy as np

from textgen.compute.kernels.gemm import (
    COLUMNS,
    compiled,
    in_a_lane,
    in_lanes,
    inlined,
    lay_across,
    lay_rows,
    multiply,
)

_AT_ONCE = 1024  # lanes of a panel, which then stays in a cache; in whole tiles
_HALF, _ONE = np.float32(0.5), np.float32(1)
# tanh(x) as x p(x^2) / q(x^2), to a few units in the last place: the coefficients of Eigen 3.4
# (MathFunctionsImpl.h), highest power first; beyond the limit it is 1.
_LIMIT = np.float32(7.90531110763549805)
_P = tuple(
    np.float32(one)
    for one in (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
)
_Q = tuple(
    np.float32(one)
    for one in (
        1.19825839466702e-06,
        1.18534705686654e-04,
        2.26843463243900e-03,
        4.89352518554385e-03,
    )
)


@inlined
def _tanh(x: Any) -> Any:
    x = _LIMIT if x > _LIMIT else x
    x = -_LIMIT if x < -_LIMIT else x
    square = x * x
    above = ((_P[0] * square + _P[1]) * square + _P[2]) * square + _P[3]
    above = ((above * square + _P[4]) * square + _P[5]) * square + _P[6]
    below = ((_Q[0] * square + _Q[1]) * square + _Q[2]) * square + _Q[3]
    return x * above / below


# Loops begin at 0: those that do not are not made into vector instructions. Arrays are not copied
# as a whole, for which Numba compiles a second's worth of error messages.
@compiled
def _copy(numbers: Any, into: Any) -> None:
    for place in range(len(into)):
        into[place] = numbers[place]


@compiled
def _sigmoids(z: Any) -> None:
    for unit in range(len(z)):
        z[unit] = _HALF * _tanh(_HALF * z[unit]) + _HALF


@compiled
def _cells(z: Any, before: Any, after: Any, tanh_c: Any, outputs: Any) -> None:
    """Gates, cell and output of one row and character."""
    units = len(outputs)
    i, f, g, o = z[:units], z[units : 2 * units], z[2 * units : 3 * units], z[3 * units : 4 * units]
    _sigmoids(z[: 2 * units])
    _sigmoids(o)
    for unit in range(units):
        g[unit] = _tanh(g[unit])
        after[unit] = f[unit] * before[unit] + i[unit] * g[unit]
        tanh_c[unit] = _tanh(after[unit])
        outputs[unit] = o[unit] * tanh_c[unit]


@compiled
def _cell_gradients(
    z: Any, before: Any, tanh_c: Any, above: Any, dh: Any, dc: Any, inner: Any
) -> None:
    """Gradients of the gates, before their functions, of one row and character."""
    units = len(before)
    for unit in range(units):
        i, f = z[unit], z[units + unit]
        g, o = z[2 * units + unit], z[3 * units + unit]
        squashed, of_h = tanh_c[unit], dh[unit] + above[unit]
        of_c = dc[unit] + of_h * o * (_ONE - squashed * squashed)
        inner[unit] = of_c * g * i * (_ONE - i)
        inner[units + unit] = of_c * before[unit] * f * (_ONE - f)
        inner[2 * units + unit] = of_c * i * (_ONE - g * g)
        inner[3 * units + unit] = of_h * squashed * o * (_ONE - o)
        dc[unit] = of_c * f


@inlined
def _even(number: Any) -> Any:
    return number + number % 2


@compiled
def forward(
    weights: Any,
    x: Any,
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
    """Gates, cells and outputs of some rows, character by character.

    Args:
        weights: Laid out, (units + width + 1, 4 units); gates in Keras's order i, f, c, o.
        x: Shape (rows, characters, width).
        h: The state before the first character, shape (rows, units).
        c: The cell before the first character; takes it after each: (characters + 1, rows, units).
        lanes: Room for what is multiplied, shape (rows, lanes of the weights or more).
        inputs: Takes all that was multiplied, for `weight_gradients`: shape (units + width + 1,
            lanes), summed over characters and, of each, an even number of rows.
        gates: Takes the gates, shape (characters, rows, 4 units and what fills a panel).
        tanh_c: Takes the tanh of the cell after each character, shape (characters, rows, units).
        outputs: Takes the outputs, shape (rows, characters, units).
        first, last: The rows, one after the last; an even number before the first.
    """
    characters, rows, units = tanh_c.shape
    width, count = x.shape[2], last - first
    # One row for each of these, and numbers and rows made even with zeros.
    given = np.zeros((_even(count), _even(units + width + 1)), np.float32)
    lanes, each = lanes[first:last], in_a_lane(inputs)
    for row in range(count):
        _copy(h[first + row], given[row, :units])
        given[row, units + width] = _ONE
    for place in range(characters):
        for row in range(count):
            _copy(x[first + row, place], given[row, units : units + width])
            in_lanes(given[row], lanes[row])
        start = (_even(rows) * place + first) // each
        lay_across(given[:, : len(inputs)], inputs[:, start:])
        multiply(lanes, weights, gates[place, first:last], add=False)
        for row in range(count):
            output = outputs[first + row, place]
            _cells(
                gates[place, first + row],
                c[place, first + row],
                c[place + 1, first + row],
                tanh_c[place, first + row],
                output,
            )
            _copy(output, given[row, :units])


@compiled
def backward(
    weights: Any,
    gates: Any,
    c: Any,
    tanh_c: Any,
    above: Any,
    lanes: Any,
    sums: Any,
    inner: Any,
    dx: Any,
    first: int,
    last: int,
) -> None:
    """Gradients of the gates before their functions, and of the inputs, of some rows.

    None flows in from the state after the last character.

    Args:
        weights: Laid out, transposed, without the bias.
        gates, c, tanh_c: As `forward` left them.
        above: Gradient of the outputs, shape (rows, characters, units).
        lanes: Room for what is multiplied, shape (rows, lanes of the weights or more).
        sums: Room for products, shape (rows, COLUMNS for each panel of the weights).
        inner: Takes the gates' gradients, laid out, summed over as the `inputs` of `forward`.
        dx: Takes the inputs' gradients, shape (rows, characters, width).
        first, last: The rows, one after the last; an even number before the first.
    """
    characters, rows, units = tanh_c.shape
    count = last - first
    found = np.zeros((_even(count), 4 * units), np.float32)
    lanes, sums = lanes[first:last], sums[first:last]  # sums for the state and the input
    sums[:] = 0
    dc = np.zeros((count, units), np.float32)
    for step in range(characters):
        place = characters - 1 - step
        for row in range(count):
            _cell_gradients(
                gates[place, first + row],
                c[place, first + row],
                tanh_c[place, first + row],
                above[first + row, place],
                sums[row],
                dc[row],
                found[row],
            )
            in_lanes(found[row], lanes[row])
        lay_rows(found, inner, _even(rows) * place + first)
        multiply(lanes, weights, sums, add=False)
        for row in range(count):
            _copy(sums[row, units:], dx[first + row, place])


@compiled
def weight_gradients(inputs: Any, inner: Any, sums: Any, first: int, last: int) -> None:
    """Gradients of some columns of the weights.

    Args:
        inputs: As `forward` left them.
        inner: As `backward` left them.
        sums: Takes the gradients: shape (rows of `inputs`, COLUMNS for each panel of `inner`).
        first, last: The panels of `inner`, one after the last.
    """
    lanes = inner.shape[1]
    for start in range(0, lanes, _AT_ONCE):
        end = min(start + _AT_ONCE, lanes)
        for number in range(first, last):
            part = inner[number : number + 1, start:end]
            multiply(inputs[:, start:end], part, sums[:, number * COLUMNS :], add=start > 0)
