"""The weights of a whole network in one array, in the order in which a step reads them.

Needs no Numba. What is where is in small tables of integers, so all networks have the same types.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgen.kernels.cell_weights import GRU, LSTM

Floats = npt.NDArray[np.float32]
# Columns of the table of layers: where h and c are in a state; units, filled up; where the bias is
# (unless it is in the first layer's table), and the bias inside the GRU's third gate; products.
HIDDEN, CELL_STATE, UNITS, BIAS, INNER_BIAS, FIRST_PRODUCT, LAST_PRODUCT = range(7)
# Places in the array of sizes: the kind of cell; whether products are float16; the vocabulary; the
# widths of rows of states, gates and logits; the width of the embedding, if that is what the table
# has, or 0 if it has the first layer's inputs; where the table begins, and how far its rows are
# apart; where the bias of the dense layer begins; numbers in the longest panel.
KIND, IS_HALF, VOCABULARY, STATE_WIDTH, GATES_WIDTH, LOGITS_WIDTH = range(6)
EMBEDDING_WIDTH, TABLE, TABLE_STRIDE, DENSE_BIAS, LONGEST_PANEL = range(6, 11)
_LINE = 16  # numbers in a cache line


class PackedNetwork(NamedTuple):
    """A network for compiled code.

    Attributes:
        numbers: All weights that are float32.
        halves: All that are float16, as uint16; empty if none are.
        layers: A row for each layer, with the columns above, int64.
        products: A row for each product, the dense layer's last, int64: whether the factor is the
            embedding instead of the state; where it begins; its depth; where the weights begin;
            their panels; where the sums begin; and whether they are added to what is there.
        sizes: Numbers named above, int64.
    """

    numbers: Any
    halves: Any
    layers: Any
    products: Any
    sizes: Any


class LayerWeights(NamedTuple):
    """The weights of a layer, its gates in the order and scale of a step.

    Attributes:
        kernel: Shape (width of the input, gates * units); None if the inputs are in the table.
        recurrent: Shape (units, gates * units).
        bias: Shape (gates * units,), what is added to the products.
        inner_bias: Of the GRU's third gate, added to the state's product before it is multiplied
            with the gate r; shape (units,).
    """

    kernel: Floats | None
    recurrent: Floats
    bias: Floats
    inner_bias: Floats | None = None


def padded_units(units: int, columns: int) -> int:
    """Units filled up to whole panels."""
    return -(-units // columns) * columns


def pad_gates(array: Floats, units: int, columns: int) -> Floats:
    """The last axis, gates times units, with each gate's units filled up to whole panels."""
    *leading, width = array.shape
    padded = np.zeros((*leading, width // units, padded_units(units, columns)), np.float32)
    padded[..., :units] = array.reshape(*leading, width // units, units)
    return padded.reshape(*leading, -1)


def odd_stride(width: int) -> int:
    """Numbers from one row to the next, an odd number of cache lines."""
    return (-(-width // _LINE) | 1) * _LINE


class Packer:
    """Collects arrays that begin at cache lines of one array.

    Args:
        columns: Of a panel.
        is_half: Whether panels are rounded to float16.
    """

    def __init__(self, columns: int, *, is_half: bool):
        self._columns, self.is_half = columns, is_half
        self._parts: dict[bool, list[npt.NDArray[Any]]] = {False: [], True: []}
        self._sizes = {False: 0, True: 0}
        self.products: list[tuple[int, ...]] = []
        self.longest_panel = 0

    def add(self, array: Floats, *, half: bool = False) -> int:
        """Append an array; returns where it begins."""
        start, size = self._sizes[half], array.size
        step = 2 * _LINE if half else _LINE
        filled = np.zeros(-(-size // step) * step, np.float16 if half else np.float32)
        filled[:size] = array.reshape(-1)
        self._parts[half].append(filled)
        self._sizes[half] += len(filled)
        return start

    def add_product(
        self, weights: Floats, source: tuple[bool, int], target: int, *, is_added: bool = False
    ) -> None:
        """Append a product's weights, in panels, and its row of the table.

        Args:
            weights: Shape (depth, columns).
            source: Whether the factor is the embedding, and where it begins.
            target: Where the sums begin.
            is_added: Whether the product is added to what is there.
        """
        depth, width = weights.shape
        panels = -(-width // self._columns)
        filled = np.zeros((depth, panels * self._columns), np.float32)
        filled[:, :width] = weights
        packed = filled.reshape(depth, panels, self._columns).swapaxes(0, 1)
        start = self.add(packed, half=self.is_half)
        self.products.append((*map(int, source), depth, start, panels, target, int(is_added)))
        self.longest_panel = max(self.longest_panel, depth * self._columns)

    def array(self, *, half: bool = False) -> npt.NDArray[Any]:
        """All that was added, in one array that begins at a cache line; halves as uint16."""
        kind, size = (np.uint16, 2) if half else (np.float32, 4)
        flat = np.zeros(self._sizes[half] + 64 // size, kind)
        first = -(flat.ctypes.data // size) % (64 // size)
        flat = flat[first : first + self._sizes[half]]
        if self._parts[half]:
            joined = np.concatenate(self._parts[half])
            flat[:] = joined.view(np.uint16) if half else joined
        return flat


def pack_network(
    kind: int,
    columns: int,
    layers: Sequence[LayerWeights],
    table: Floats,
    dense: tuple[Floats, Floats],
    *,
    is_half: bool,
) -> PackedNetwork:
    """Pack a network.

    Args:
        kind: LSTM, GRU or RNN.
        columns: Of a panel.
        layers: The first layer first.
        table: The first layer's inputs with its bias, shape (vocabulary, gates * units); or the
            embedding, if that layer has a kernel.
        dense: Kernel and bias, of shapes (units, vocabulary) and (vocabulary,).
        is_half: Whether to round the weights of products to float16.
    """
    packer = Packer(columns, is_half=is_half)
    first = layers[0]
    is_embedding = first.kernel is not None
    if not is_embedding:
        table = pad_gates(table, len(first.recurrent), columns)
    stride = odd_stride(table.shape[1])
    filled = np.zeros((len(table), stride), np.float32)
    filled[:, : table.shape[1]] = table
    table_start = packer.add(filled)
    padded = [padded_units(len(layer.recurrent), columns) for layer in layers]
    total, below = sum(padded), 0
    rows = []
    for number, (layer, width) in enumerate(zip(layers, padded, strict=True)):
        hidden = sum(padded[:number])
        before = len(packer.products)
        _add_products(packer, kind, layer, (number, below, hidden, width), columns)
        units = len(layer.recurrent)
        bias = packer.add(pad_gates(layer.bias, units, columns))
        inner = layer.inner_bias
        inner_bias = 0 if inner is None else packer.add(pad_gates(inner, units, columns))
        rows.append((hidden, total + hidden, width, bias, inner_bias, before, len(packer.products)))
        below = hidden
    kernel, bias_of_logits = dense
    packer.add_product(kernel, (False, below), 0)
    dense_bias = packer.add(bias_of_logits)
    return PackedNetwork(
        numbers=packer.array(),
        halves=packer.array(half=True),
        layers=np.array(rows, np.int64),
        products=np.array(packer.products, np.int64),
        sizes=np.array(
            (
                *(kind, is_half, kernel.shape[1]),
                *(total * (2 if kind == LSTM else 1), 4 * max(padded)),
                padded_units(kernel.shape[1], columns),
                *(table.shape[1] if is_embedding else 0, table_start, stride),
                *(dense_bias, packer.longest_panel),
            ),
            np.int64,
        ),
    )


def _add_products(
    packer: Packer, kind: int, layer: LayerWeights, place: tuple[int, int, int, int], columns: int
) -> None:
    """Append the products of one layer.

    Args:
        packer: Takes them.
        kind: Of cell.
        layer: Its weights.
        place: Its number; where h of the layer below, and its own, are in a state; its units,
            filled up.
        columns: Of a panel.
    """
    number, below, hidden, width = place
    recurrent = pad_gates(layer.recurrent, len(layer.recurrent), columns)
    kernel = None
    if layer.kernel is not None:
        kernel = pad_gates(layer.kernel, len(layer.recurrent), columns)
    joined, source = recurrent, (False, hidden)
    if kernel is not None and number > 0:  # h of the layer below and its own, side by side
        between = np.zeros((hidden - below - len(kernel), kernel.shape[1]), np.float32)
        joined, source = np.concatenate([kernel, between, recurrent]), (False, below)
    elif kernel is not None:
        packer.add_product(kernel, (True, 0), 0)
    is_added = kernel is not None and number == 0
    if kind != GRU:
        packer.add_product(joined, source, 0, is_added=is_added)
        return
    gates = 2 * width  # z and r; what the third one takes of input and state is not added up
    packer.add_product(joined[:, :gates], source, 0, is_added=is_added)
    if kernel is not None and number > 0:
        packer.add_product(kernel[:, gates:], (False, below), gates)
    packer.add_product(recurrent[:, gates:], (False, hidden), 3 * width)
