"""A step of a whole recurrent network for texts side by side, compiled.

The state of a text is one row: h of all layers, the first layer's first, then c of all layers. So
what layer k multiplies, h of the layer below and its own, is contiguous. Its weights are Keras's
kernel above its recurrent kernel; units are filled up to whole panels, with weights of zero. The
first layer's inputs are rows of a table; or, for a big vocabulary, rows of the embedding are
multiplied, too.

All networks have the same types, so functions are compiled once and kept for all of them. Gates are
in the order and scale of `sampling.cells`.
"""

from typing import Any, NamedTuple

from textgen.kernels.activations import tanh, tanh_parts
from textgen.kernels.cell_weights import GRU, LSTM
from textgen.kernels.panels import aligned, multiply_panels
from textgen.kernels.simd import COLUMNS, compiled, constants, inlined
from textgen.kernels.vectors import keep_apart
from textgen.kernels.weights import (
    BIAS,
    CELL_STATE,
    DENSE_BIAS,
    EMBEDDING_WIDTH,
    FIRST_PRODUCT,
    GATES_WIDTH,
    HIDDEN,
    INNER_BIAS,
    IS_HALF,
    KIND,
    LAST_PRODUCT,
    LOGITS_WIDTH,
    LONGEST_PANEL,
    STATE_WIDTH,
    TABLE,
    TABLE_STRIDE,
    UNITS,
    VOCABULARY,
)

_HALF, _ONE, _ZERO = constants(0.5, 1, 0)


class Space(NamedTuple):
    """Arrays of one thread, for a number of rows.

    Attributes:
        states: Of the texts, shape (rows, width of a state or more).
        gates: Sums inside the gates of one layer, shape (rows, its width or more).
        inputs: Rows of the embedding, shape (rows, its width or more).
        logits: Shape (rows, vocabulary or more).
        panel: For one panel.
    """

    states: Any
    gates: Any
    inputs: Any
    logits: Any
    panel: Any


@inlined
def make_space(network: Any, rows: Any) -> Any:
    """Space for a network and a number of rows."""
    sizes = network.sizes
    return Space(
        aligned(rows, sizes[STATE_WIDTH]),
        aligned(rows, sizes[GATES_WIDTH]),
        aligned(rows, sizes[EMBEDDING_WIDTH]),
        aligned(rows, sizes[LOGITS_WIDTH]),
        aligned(1, sizes[LONGEST_PANEL])[0],
    )


@compiled
def copy(numbers: Any, target: Any) -> None:
    """Copy as many numbers as the target has."""
    for index in range(len(target)):
        target[index] = numbers[index]


@compiled
def _add(numbers: Any, target: Any) -> None:
    """Add as many numbers as the target has."""
    for index in range(len(target)):
        target[index] += numbers[index]


@compiled
def _fill_zeros(target: Any) -> None:
    """Set all numbers to zero."""
    for index in range(len(target)):
        target[index] = _ZERO


# sigmoid(x) is (1 + tanh(x / 2)) / 2, and these halves are in the weights already. Quotients are
# joined, as a division takes as long as ten other operations.
@compiled
def _advance_lstm(z: Any, x: Any, h: Any, c: Any) -> None:
    """c = f c + i g and h = o tanh(c), of one row; the gates are o, i, f, g."""
    keep_apart()
    units = len(h)
    z_o, z_i = z[:units], z[units : 2 * units]
    z_f, z_g = z[2 * units : 3 * units], z[3 * units : 4 * units]
    x_o, x_i = x[:units], x[units : 2 * units]
    x_f, x_g = x[2 * units : 3 * units], x[3 * units : 4 * units]
    for unit in range(units):
        i, i_divisor = tanh_parts(z_i[unit] + x_i[unit])
        f, f_divisor = tanh_parts(z_f[unit] + x_f[unit])
        g, g_divisor = tanh_parts(z_g[unit] + x_g[unit])
        both = i_divisor * g_divisor
        total = (f_divisor + f) * c[unit] * both + (i_divisor + i) * g * f_divisor
        c[unit] = _HALF * total / (both * f_divisor)
    for unit in range(units):
        o, o_divisor = tanh_parts(z_o[unit] + x_o[unit])
        t, t_divisor = tanh_parts(c[unit])
        h[unit] = _HALF * (o_divisor + o) * t / (o_divisor * t_divisor)


@compiled
def _advance_gru(z: Any, x: Any, bias: Any, h: Any) -> None:
    """h = z h + (1 - z) n with n = tanh(x + r h U), of one row.

    The sums in `z` are those of z, r, what the input adds to n, and half of what h adds to it.
    """
    keep_apart()
    units = len(h)
    z_z, z_r = z[:units], z[units : 2 * units]
    z_x, z_n = z[2 * units : 3 * units], z[3 * units : 4 * units]
    x_z, x_r, x_n = x[:units], x[units : 2 * units], x[2 * units : 3 * units]
    for unit in range(units):
        r = tanh(z_r[unit] + x_r[unit]) + _ONE
        n = tanh(z_x[unit] + x_n[unit] + r * (z_n[unit] + bias[unit]))
        change = h[unit] - n
        h[unit] = n + _HALF * (tanh(z_z[unit] + x_z[unit]) + _ONE) * change


@compiled
def _advance_rnn(z: Any, x: Any, h: Any) -> None:
    """h = tanh(x + h U), of one row."""
    keep_apart()
    for unit in range(len(h)):
        h[unit] = tanh(z[unit] + x[unit])


@compiled
def _multiply(network: Any, number: int, a: Any, c: Any, panel: Any) -> None:
    """One of the network's products, with weights in float32 or float16."""
    keep_apart()
    product = network.products[number]
    depth, start, panels, is_added = product[2], product[3], product[4], product[6] != 0
    count = panels * depth * COLUMNS
    if network.sizes[IS_HALF]:
        halves = network.halves[start : start + count].reshape(panels, depth, COLUMNS)
        multiply_panels(a, halves, c, panel, is_added)
    else:
        numbers = network.numbers[start : start + count].reshape(panels, depth, COLUMNS)
        multiply_panels(a, numbers, c, panel, is_added)


@compiled
def advance(network: Any, ids: Any, labels: Any, label_of: Any, space: Any, count: int) -> None:
    """Read a token in each of the first rows.

    Args:
        network: `weights.PackedNetwork`.
        ids: The tokens, int32 of shape (rows,).
        labels: What labels add to the gates of the first layer, shape (any, its gates).
        label_of: Which of these each row has, int32 of shape (rows,); -1 for none.
        space: Whose `states` are advanced, and whose `logits` are written.
        count: How many rows.
    """
    keep_apart()
    sizes = network.sizes
    states, gates = space.states[:count, 0:], space.gates[:count, 0:]
    width, kind = sizes[EMBEDDING_WIDTH], sizes[KIND]
    if width > 0:
        for row in range(count):
            start = sizes[TABLE] + ids[row] * sizes[TABLE_STRIDE]
            copy(network.numbers[start : start + width], space.inputs[row, :width])
    for number in range(len(network.layers)):
        layer = network.layers[number]
        units, hidden = layer[UNITS], layer[HIDDEN]
        for each in range(layer[FIRST_PRODUCT], layer[LAST_PRODUCT]):
            product = network.products[each]
            a = (space.inputs if product[0] else space.states)[:count, product[1] :]
            _multiply(network, each, a, gates[:, product[5] :], space.panel)
        from_table = number == 0 and width == 0
        gate_count = 4 if kind == LSTM else 3 if kind == GRU else 1
        x_width = gate_count * units
        for row in range(count):
            z, h = space.gates[row], space.states[row, hidden : hidden + units]
            start = layer[BIAS]
            if from_table:
                start = sizes[TABLE] + ids[row] * sizes[TABLE_STRIDE]
                if kind == GRU:
                    _fill_zeros(z[2 * units : 3 * units])
            if number == 0 and label_of[row] >= 0:
                _add(labels[label_of[row]], z[:x_width])
            x = network.numbers[start : start + x_width]
            if kind == LSTM:
                place = layer[CELL_STATE]
                _advance_lstm(z, x, h, space.states[row, place : place + units])
            elif kind == GRU:
                place = layer[INNER_BIAS]
                _advance_gru(z, x, network.numbers[place : place + units], h)
            else:
                _advance_rnn(z, x, h)
    last = len(network.products) - 1
    logits = space.logits[:count, 0:]
    _multiply(network, last, states[:, network.products[last, 1] :], logits, space.panel)
    start, vocabulary = sizes[DENSE_BIAS], sizes[VOCABULARY]
    bias = network.numbers[start : start + vocabulary]
    for row in range(count):
        _add(bias, space.logits[row, :vocabulary])
