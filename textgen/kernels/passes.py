"""The passes of a recurrent layer over some rows of a batch, compiled: forward and backward.

Each function works on a part of its arrays, so that several threads can each have a part; the
caller ensures that these do not overlap. What a kind of cell does with its sums is in lstm.py,
gru.py and rnn.py. The kind is an argument, as compiling a loop for each would take seconds.
"""

from typing import Any

import numpy as np

from textgen.kernels import gru, lstm, rnn
from textgen.kernels.cell_weights import GRU, LSTM
from textgen.kernels.gemm import multiply
from textgen.kernels.packing import (
    fill_lanes,
    numbers_per_lane,
    pack_columns,
    pack_rows,
)
from textgen.kernels.simd import COLUMNS, TILE, compiled, inlined

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


@inlined
def _even(number: Any) -> Any:
    return number + number % 2


@compiled
def _multiply_spans(lanes: Any, weights: Any, spans: Any, sums: Any) -> None:
    """sums = lanes @ weights, where all weights outside the spans are zero.

    Args:
        lanes: As `multiply` takes them.
        weights: Packed.
        spans: The rows of each panel that matter, (panels, 2).
        sums: Shape (rows, COLUMNS for each panel).
    """
    tile = TILE * numbers_per_lane(lanes)
    panel = 0
    while panel < len(weights):
        start, end, following = spans[panel, 0], spans[panel, 1], panel + 1
        while following < len(weights) and (
            spans[following, 0] == start and spans[following, 1] == end
        ):
            following += 1
        first, last = start // tile * TILE, min(-(-end // tile) * TILE, weights.shape[1])
        part = weights[panel:following, first:last]
        multiply(lanes[:, first:last], part, sums[:, panel * COLUMNS :], add=False)
        panel = following


@compiled
def forward(
    cell: int,
    weights: Any,
    spans: Any,
    x: Any,
    keep: Any,
    h: Any,
    states: Any,
    lanes: Any,
    inputs: Any,
    saved: Any,
    outputs: Any,
    first: int,
    last: int,
) -> None:
    """Gates, states and outputs of some rows, token by token.

    Args:
        cell: LSTM, GRU or RNN.
        weights: Packed, as `CellWeights.join` joins them: (units + width + 1, columns).
        spans: The rows of each panel of the weights that matter.
        x: Shape (rows, tokens, width).
        keep: What states are multiplied by before each token, shape (rows, tokens).
        h: The state before the first token, shape (rows, units).
        states: The state that the cell changes, before the first token; takes it before each and
            after the last, those before a token times `keep`: (tokens + 1, rows, units). A simple
            RNN has none: (tokens + 1, rows, 0).
        lanes: Space for the factors of products, shape (rows, lanes of the weights or more).
        inputs: Takes all factors, for `weight_gradients`: shape (units + width + 1, lanes), summed
            over tokens and, of each, an even number of rows.
        saved: Takes what `backward` needs: (tokens, rows, COLUMNS for each panel or more).
        outputs: Takes the outputs, shape (rows, tokens, units).
        first, last: The rows, from `first`, an even number, to the one before `last`.
    """
    tokens, rows = saved.shape[:2]
    units, width, count = outputs.shape[2], x.shape[2], last - first
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
                _scale(states[token, first + row], keep[first + row, token])
            _copy(x[first + row, token], factors[row, units : units + width])
            fill_lanes(factors[row], lanes[row])
        start = (_even(rows) * token + first) // each
        pack_columns(factors[:, : len(inputs)], inputs[:, start:])
        _multiply_spans(lanes, weights, spans, saved[token, first:last])
        for row in range(count):
            kept, output = saved[token, first + row], outputs[first + row, token]
            before, after = states[token, first + row], states[token + 1, first + row]
            if cell == LSTM:
                lstm.step(kept, before, after, output)
            elif cell == GRU:
                gru.step(kept, before, after, output)
            else:
                rnn.step(kept, output)
            _copy(output, factors[row, :units])


@compiled
def backward(
    cell: int,
    weights: Any,
    spans: Any,
    keep: Any,
    states: Any,
    saved: Any,
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
        cell: LSTM, GRU or RNN.
        weights: Packed, transposed, without the bias.
        spans: The rows of each panel of these that matter.
        keep: As `forward` took it.
        states, saved: From `forward`.
        d_outputs: Gradient of the outputs, shape (rows, tokens, units).
        lanes: Space for the factors of products, shape (rows, lanes of the weights or more).
        sums: Space for products, shape (rows, COLUMNS for each panel of the weights).
        d_gates: Takes the gates' gradients, packed, summed over as the `inputs` of `forward`.
        dx: Takes the inputs' gradients, shape (rows, tokens, width).
        first, last: The rows, from `first`, an even number, to the one before `last`.
    """
    rows, tokens, units = d_outputs.shape
    depth, count = weights.shape[1] * numbers_per_lane(weights), last - first
    gradients = np.zeros((_even(count), depth), np.float32)
    lanes, sums = lanes[first:last], sums[first:last]  # sums for the state and the input
    sums[:] = 0
    d_states = np.zeros((count, units), np.float32)
    for step in range(tokens):
        token = tokens - 1 - step
        for row in range(count):
            kept, before = saved[token, first + row], states[token, first + row]
            d_output, dh, d_state = d_outputs[first + row, token], sums[row], d_states[row]
            if cell == LSTM:
                lstm.gradients(kept, before, d_output, dh, d_state, gradients[row])
            elif cell == GRU:
                gru.gradients(kept, before, d_output, dh, d_state, gradients[row])
            else:
                rnn.gradients(kept, d_output, dh, gradients[row])
            fill_lanes(gradients[row], lanes[row])
        pack_rows(gradients, d_gates, _even(rows) * token + first)
        _multiply_spans(lanes, weights, spans, sums)
        for row in range(count):
            _copy(sums[row, units:], dx[first + row, token])
            if keep[first + row, token] != _ONE:
                _scale(sums[row, :units], keep[first + row, token])
                _scale(d_states[row], keep[first + row, token])


@compiled
def weight_gradients(
    inputs: Any, d_gates: Any, spans: Any, sums: Any, first: int, last: int
) -> None:
    """Gradients of some columns of the weights.

    Args:
        inputs: From `forward`.
        d_gates: From `backward`.
        spans: As `forward` took them.
        sums: Zeros; takes the gradients: (rows of `inputs`, COLUMNS for each panel of `d_gates`).
        first, last: The panels of `d_gates`, from `first` to the one before `last`.
    """
    lanes = d_gates.shape[1]
    for start in range(0, lanes, _AT_ONCE):
        end = min(start + _AT_ONCE, lanes)
        for number in range(first, last):
            top, bottom = spans[number, 0], spans[number, 1]
            part = d_gates[number : number + 1, start:end]
            target = sums[top:bottom, number * COLUMNS :]
            multiply(inputs[top:bottom, start:end], part, target, add=start > 0)
