"""The weights of a trained network as compiled code reads them."""

import threading
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from textgen.kernels.cell_weights import CELL_WEIGHTS, GRU
from textgen.kernels.weights import (
    LayerWeights,
    PackedNetwork,
    pack_network,
    pad_gates,
)
from textgen.sampling.cells import CELLS, Floats
from textgen.sampling.network import Network

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
    cell, kind = CELLS[config.cell], CELL_WEIGHTS[config.cell].number
    embedding, *rest, dense_kernel, dense_bias = network.weights
    rest = rest[len(config.label_sizes) :]
    layers = []
    for first in range(0, len(rest), 3):
        kernel, bias, recurrent, inner_bias = cell.arrange(*rest[first : first + 3])
        units = len(recurrent)
        if kind == GRU:
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
    has_conversion = not {"+f16c", "+avx512f", "+neon"}.isdisjoint(FEATURES)
    is_half = network.is_half and has_conversion
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


class LabelGates:
    """What labels add to the gates of the first layer.

    Each combination of labels is projected by itself: in a product of several, the last bits depend
    on how many there are.

    Args:
        network: One with labels.
    """

    def __init__(self, network: Network):
        self._network = network
        self._gates: dict[int, Floats] = {}

    def find(
        self, label_ids: npt.NDArray[np.integer[Any]]
    ) -> tuple[Floats, npt.NDArray[np.integer[Any]]]:
        """The gates of combinations, and which of them each text or token has.

        Args:
            label_ids: Shape (..., fields).

        Returns:
            float32 of shape (combinations, gates), in the units of compiled code; and integers of
            shape (...).
        """
        sizes = self._network.config.label_sizes
        keys = np.zeros(label_ids.shape[:-1], np.int64)
        for field, size in enumerate(sizes):
            keys = keys * size + label_ids[..., field]
        unique, numbers = np.unique(keys, return_inverse=True)
        return np.stack([self._project(key) for key in unique.tolist()]), numbers.reshape(
            keys.shape
        )

    def _project(self, key: int) -> Floats:
        """The gates of one combination, whose ids are the digits of its key."""
        gates = self._gates.get(key)
        if gates is None:
            ids, rest = list[int](), key
            for size in reversed(self._network.config.label_sizes):
                rest, digit = divmod(rest, size)
                ids.insert(0, digit)
            projected = self._network.project_labels(ids)
            gates = self._gates[key] = pad_labels(self._network, projected)
        return gates
