"""The recurrent network of a trained model, one token at a time, in NumPy.

What happens inside a layer is in cells.py. Here layers are stacked such that each takes one matrix
product for each token: its output is multiplied with one matrix, which holds, side by side,
its own recurrent kernel (for the next token) and the kernel of the layer above, or the dense
kernel (for this token). The biases are one more row of the matrix, and the output ends with
a 1 that multiplies them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import CELLS, Allocate, Floats
from textgen.sampling.readers import IdOrIds, Reader, Rows
from textgen.settings import ModelConfig

# The product of embedding and first kernel is computed once if it has no more numbers than this.
MAX_TABLE_NUMBERS = 1 << 24
# Text is generated with weights in float16 if a step computes more products. The weights of smaller
# networks are near the processor, and read as fast in float32.
MAX_FLOAT32_PRODUCTS = 2_000_000


@dataclass(frozen=True)
class WeightSpec:
    """One array of a model: where Keras stores it in `model.weights.h5`, and its shape."""

    path: str
    shape: tuple[int, ...]


def weight_specs(config: ModelConfig, vocabulary_size: int) -> list[WeightSpec]:
    """The arrays of a model, in the order of Keras's `get_weights()`.

    Args:
        config: The network.
        vocabulary_size: Tokens in the vocabulary.

    Example:
        >>> [spec.shape for spec in weight_specs(ModelConfig(units=(8,), embedding=4), 10)]
        [(10, 4), (4, 32), (8, 32), (32,), (8, 10), (10,)]
    """
    cell, width = CELLS[config.cell], config.embedding or vocabulary_size
    specs = [
        WeightSpec(f"layers/embedding{f'_{number}' if number else ''}/vars/0", (rows, width))
        for number, rows in enumerate((vocabulary_size, *config.label_sizes))
    ]
    for number, units in enumerate(config.units):
        name = cell.keras_name + (f"_{number}" if number else "")
        gates = cell.gates * units
        bias = (gates,) if cell.biases == 1 else (cell.biases, gates)
        for index, shape in enumerate(((width, gates), (units, gates), bias)):
            specs.append(WeightSpec(f"layers/{name}/cell/vars/{index}", shape))
        width = units
    specs.append(WeightSpec("layers/dense/vars/0", (width, vocabulary_size)))
    specs.append(WeightSpec("layers/dense/vars/1", (vocabulary_size,)))
    return specs


class Network:
    """A trained network.

    Args:
        config: The network.
        vocabulary_size: Tokens in the vocabulary.
        weights: float32 arrays as `weight_specs` lists them.
        max_table_numbers: The most numbers in a table of the embedding's products with the first
            kernel, from which the first layer's inputs are looked up; beyond, they are computed.

    Attributes:
        config: The network's settings.
        weights: The arrays that it was made from, float32.
        max_table_numbers: As above.
        is_half: Whether its kernels are numbers of float16.
        products: How many products of two numbers a step computes for a text, about.
        vocabulary_size: Tokens in the vocabulary.
        units: The number of units in all layers together.

    Example:
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 10)]
        >>> reader = Network(config, 10, zeros).reader((2,))
        >>> reader.step(np.array([3, 5])).shape
        (2, 10)
    """

    def __init__(
        self,
        config: ModelConfig,
        vocabulary_size: int,
        weights: Sequence[npt.NDArray[Any]],
        max_table_numbers: int = MAX_TABLE_NUMBERS,
    ):
        self.is_half = False
        self.config, self.max_table_numbers = config, max_table_numbers
        self.weights = tuple(np.asarray(array, np.float32) for array in weights)
        embedding, *rest, dense_kernel, dense_bias = self.weights
        fields = len(config.label_sizes)
        label_embeddings, rest = rest[:fields], rest[fields:]
        self.products = sum(array.size for array in self.weights) - embedding.size
        self.vocabulary_size = vocabulary_size
        self.units = sum(config.units)
        self._units = config.units
        self._cell = CELLS[config.cell]
        layers = [self._cell.arrange(*rest[first : first + 3]) for first in range(0, len(rest), 3)]
        above = [layer[:2] for layer in layers[1:]] + [(dense_kernel, dense_bias)]
        self._weights = [
            _join(recurrent, recurrent_bias, *upper, scale=self._cell.output_scale)
            for (_, _, recurrent, recurrent_bias), upper in zip(layers, above, strict=True)
        ]
        kernel, bias, _, _ = layers[0]
        # What each label adds to the first layer's products. All at once, since the last bits of a
        # product depend on its size.
        self._label_gates = [embedding @ kernel for embedding in label_embeddings]
        self._first_width = kernel.shape[1]
        self._project: Callable[[IdOrIds], Floats]
        if not config.embedding:
            self._project = (kernel + bias).__getitem__
        elif vocabulary_size * kernel.shape[1] <= max_table_numbers:
            # The input is one row of the embedding, whose product can be looked up.
            self._project = (embedding @ kernel + bias).__getitem__
        else:
            self._project = lambda ids: embedding[ids] @ kernel + bias

    def for_generation(self) -> "Network":
        """The network to generate text with: of a large one, the kernels are rounded to float16.

        They are read from memory twice as fast then. The loss of a trained network changes by some
        millionths.
        """
        first, last = 1 + len(self.config.label_sizes), len(self.weights) - 2
        # Each layer has two kernels and a bias; then come the output layer's kernel and bias.
        kernels = {place for place in range(first, last) if (place - first) % 3 < 2} | {last}
        largest = max(float(np.abs(self.weights[place]).max()) for place in kernels)
        if self.products <= MAX_FLOAT32_PRODUCTS or not largest < float(np.finfo(np.float16).max):
            return self
        weights = [
            array.astype(np.float16) if place in kernels else array
            for place, array in enumerate(self.weights)
        ]
        rounded = Network(self.config, self.vocabulary_size, weights, self.max_table_numbers)
        rounded.is_half = True
        return rounded

    def reader(self, shape: tuple[int, ...] = ()) -> Reader:
        """A reader of texts, each from a zero state.

        Args:
            shape: How many texts side by side, in one or more axes; () for a single text.
        """
        reader = self._make_reader(lambda width: np.zeros((*shape, width), np.float32))
        reader.reset(...)
        reader.set_labels(..., self.no_labels)
        return reader

    def rows(self, capacity: int, shape: tuple[int, ...] = ()) -> Rows:
        """A reader of texts that come and go.

        Args:
            capacity: How many texts side by side, at most.
            shape: How many states each text has, in one or more axes; () for a single one.
        """
        return Rows(self._make_reader, self.no_labels, (capacity, *shape))

    def _make_reader(self, allocate: Allocate) -> Reader:
        """A reader with given arrays, which are not set to the zero state."""
        project = self._project
        layers = [
            self._cell.create_layer(weights, units, allocate)
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

        def activations() -> list[Floats]:
            return [layer.activations for layer in layers]

        states = [layer.states for layer in layers]
        if not self._label_gates:
            return Reader(step, reset, activations, states=states)

        of_labels = allocate(self._first_width)

        def step_with_labels(ids: IdOrIds) -> Floats:
            x = project(ids) + of_labels
            for advance in advances:
                x = advance(x)
            return x

        def set_labels(index: Any, label_ids: npt.ArrayLike) -> None:
            of_labels[index] = self.project_labels(label_ids)

        return Reader(
            *(step_with_labels, reset, activations, set_labels),
            states=states,
            label_gates=of_labels,
        )

    @property
    def no_labels(self) -> npt.NDArray[np.int64]:
        """The ids of labels that are not known, shape (fields,)."""
        return np.zeros(len(self._label_gates), np.int64)

    def project_labels(self, label_ids: npt.ArrayLike) -> Floats:
        """What labels add to the first layer's products, shape (..., its gates).

        Args:
            label_ids: Shape (..., fields).
        """
        columns = np.moveaxis(np.asarray(label_ids), -1, 0)
        pairs = zip(self._label_gates, columns, strict=True)
        return np.asarray(sum(gates[ids] for gates, ids in pairs))


def _join(
    recurrent: Floats, recurrent_bias: Floats, kernel: Floats, bias: Floats, *, scale: float
) -> Floats:
    """The matrix that multiplies a layer's output with a 1 after it."""
    rows = np.concatenate([recurrent, kernel], axis=1) * np.float32(scale)
    return np.vstack([rows, np.concatenate([recurrent_bias, bias])]).astype(np.float32)
