"""The weights of a trained network as compiled code reads them."""

import threading
from weakref import WeakKeyDictionary

import numpy as np

from textgen.kernels.weights import (
    KIND_GRU,
    KIND_LSTM,
    KIND_RNN,
    LayerWeights,
    PackedNetwork,
    pack_network,
    pad_gates,
)
from textgen.sampling.cells import CELLS, Floats
from textgen.sampling.network import Network

# Networks whose products have more numbers are read from far away, so they are stored in float16:
# their weights are rounded to 11 binary digits.
MAX_FLOAT32_NUMBERS = 2_000_000
_KINDS = {"lstm": KIND_LSTM, "gru": KIND_GRU, "rnn": KIND_RNN}
_packed: WeakKeyDictionary[Network, PackedNetwork] = WeakKeyDictionary()
_lock = threading.Lock()


def pack(network: Network) -> PackedNetwork:
    """The network's weights for compiled code, packed once."""
    with _lock:
        packed = _packed.get(network)
        if packed is None:
            packed = _packed[network] = _pack(network)
        return packed


def _pack(network: Network) -> PackedNetwork:
    from textgen.kernels.simd import COLUMNS, FEATURES

    config = network.config
    cell, kind = CELLS[config.cell], _KINDS[config.cell]
    embedding, *rest, dense_kernel, dense_bias = network.weights
    rest = rest[len(config.label_sizes) :]
    layers = []
    for first in range(0, len(rest), 3):
        kernel, bias, recurrent, inner_bias = cell.arrange(*rest[first : first + 3])
        units = len(recurrent)
        if kind == KIND_GRU:
            bias = bias.copy()
            bias[: 2 * units] += inner_bias[: 2 * units]
            layers.append(LayerWeights(kernel, recurrent, bias, inner_bias[2 * units :]))
        else:
            layers.append(LayerWeights(kernel, recurrent, bias + inner_bias))
    table = _first_inputs(network, embedding, layers[0])
    if table is None:
        table = embedding
    else:
        layers[0] = layers[0]._replace(kernel=None)
    products = [*(array for layer in layers for array in layer[:2]), dense_kernel]
    numbers = sum(array.size for array in products if array is not None)
    has_conversion = not {"+f16c", "+avx512f", "+neon"}.isdisjoint(FEATURES)
    is_half = numbers > MAX_FLOAT32_NUMBERS and has_conversion
    if is_half:  # unless a weight is too large for it
        largest = max(np.abs(array).max() for array in products if array is not None)
        is_half = bool(largest < np.finfo(np.float16).max)
    dense = dense_kernel, dense_bias
    return pack_network(kind, COLUMNS, layers, table, dense, is_half=is_half)


def _first_inputs(network: Network, embedding: Floats, layer: LayerWeights) -> Floats | None:
    """What each token adds to the first layer's products; None if that is too much to store."""
    kernel, bias = layer.kernel, layer.bias
    if kernel is None or not network.config.embedding:
        return None if kernel is None else kernel + bias
    is_small = network.vocabulary_size * kernel.shape[1] <= network.max_table_numbers
    return np.asarray(embedding @ kernel + bias) if is_small else None


def pad_labels(network: Network, gates: Floats) -> Floats:
    """What labels add, in the units of compiled code."""
    from textgen.kernels.simd import COLUMNS

    return pad_gates(gates, network.config.units[0], COLUMNS)
