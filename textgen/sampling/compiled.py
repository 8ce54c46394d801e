"""The network of a trained model in compiled code, for many tokens at a call.

NumPy spends as much time in its calls as in computing, and uses one processor for a few texts.
Here a call reads or writes many tokens of many texts (kernels/network.py), on all processors.
"""

import sys
import threading
from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import TrainingError
from textgen.kernels.cell_weights import LSTM
from textgen.kernels.text_table import TextTable
from textgen.kernels.threads import run_in_threads
from textgen.kernels.weights import CELL_STATE, HIDDEN, KIND, STATE_WIDTH, odd_stride
from textgen.sampling.cells import CELLS, Floats
from textgen.sampling.compiled_weights import LabelGates, pack, pad_labels
from textgen.sampling.network import Network
from textgen.sampling.readers import IdOrIds, Reader, Rows

_SLOW = 2.0  # seconds after which compiled code is not being loaded, but compiled
_MANY = 8  # rows that are worth a second thread
_loading = threading.Lock()

# What to call when code is compiled, not loaded: a program that shows texts as they are generated
# can say why they stop for ten seconds or more.
on_compilation: list[Callable[[], object]] = []


def load_compiled() -> ModuleType | None:
    """Load what was compiled, or compile it, which takes some seconds once.

    Returns:
        This module; None where Numba is missing, is of a version that textgen cannot use, or has no
        place for what it compiles.
    """
    with _loading:
        return _load_once()


@cache
def _load_once() -> ModuleType | None:
    try:
        from textgen.kernels import reading, writing
    except (ImportError, TrainingError):
        return None
    functions = reading.read, writing.run
    if not all(hasattr(function._cache, "cache_path") for function in functions):
        return None
    timer = threading.Timer(_SLOW, lambda: [call() for call in on_compilation])
    timer.daemon = True
    timer.start()
    try:
        _warm_up()
    finally:
        timer.cancel()
    return sys.modules[__name__]


def _run(rows: int, function: Any) -> None:
    """Run a function for some rows, in several threads if there are many."""
    run_in_threads(rows, 4 if rows >= _MANY else rows, function)


class CompiledRows:
    """Reads and writes texts side by side that come and go; as `Rows`, and many tokens at a call.

    The numbers of a text do not depend on what is computed with it, to the last bit.

    Args:
        network: A trained network.
        capacity: The most texts.
        shape: How many states each text has, in one or more axes; () for a single one.

    Attributes:
        capacity: The most texts.

    Example:
        >>> rows = CompiledRows(network, 64)  # doctest: +SKIP
        >>> rows.step(np.array([3, 5])).shape  # doctest: +SKIP
        (2, 10)
    """

    def __init__(self, network: Network, capacity: int, shape: tuple[int, ...] = ()):
        self.capacity = capacity
        self._network, self._packed = network, pack(network)
        self._shape = shape
        self._each = int(np.prod(shape, dtype=int))  # states of a text
        total = capacity * self._each
        self._states = np.zeros((total, odd_stride(self._packed.sizes[STATE_WIDTH])), np.float32)
        self._tokens = np.full((3, total, 1), -1, np.int32)
        self._logits = np.zeros((total, network.vocabulary_size), np.float32)
        self._logs = np.zeros((total, 1), np.float32)
        self._resets = np.zeros((total, 1), np.bool_)
        self._labels = np.zeros((0, 0), np.float32)
        if network.config.label_sizes:
            self._label_gates = LabelGates(network)
            width = self._label_gates.find(network.no_labels)[0].shape[1]
            self._labels = np.zeros((total, width), np.float32)
            self._tokens[2, :, 0] = np.arange(total)
            self.set_labels(..., network.no_labels)

    @property
    def compiled(self) -> "CompiledRows":
        """These rows: what can write many tokens at a call."""
        return self

    def _view(self, array: npt.NDArray[Any], count: int | None = None) -> npt.NDArray[Any]:
        """An array with a row for each state, with the axes of texts and their states."""
        count = self.capacity if count is None else count
        return array[: count * self._each].reshape(count, *self._shape, *array.shape[1:])

    def first(self, count: int) -> Reader:
        """A reader of the first rows; it shares their states with this object."""
        return Reader(
            step=partial(self._step_first, count),
            reset=lambda index: self._set(self._view(self._states, count), index, 0),
            activations=lambda: [each[:count] for each in self.activations()],
            set_labels=self.set_labels,
        )

    def step(self, ids: npt.NDArray[np.integer[Any]]) -> Floats:
        """Read a token in each of the first rows, as `Rows.step`."""
        return self._step_first(len(ids), ids)

    def _step_first(self, count: int, ids: IdOrIds) -> Floats:
        from textgen.kernels.reading import read

        self._view(self._tokens[0, :, 0], count)[...] = ids
        arrays = self._states, self._tokens, self._resets, self._labels, self._logs, self._logits
        _run(count * self._each, lambda first, last: read(self._packed, *arrays, first, last))
        return self._view(self._logits, count)

    def read(
        self, tokens: npt.NDArray[np.int32], resets: npt.NDArray[np.bool_], labels: Floats
    ) -> Floats:
        """Read many tokens in each of the first rows, without holding the GIL.

        Args:
            tokens: The ids; those whose probability is wanted after each, or -1; and which of the
                labels each is read with, or -1: shape (3, rows, tokens).
            resets: Whether the state is set to zero before each token, shape (rows, tokens).
            labels: What labels add, padded: shape (any, gates).

        Returns:
            Log-probabilities, 0 where none is wanted: float32 of shape (rows, tokens).
        """
        from textgen.kernels.reading import read

        logs, no_logits = np.empty(resets.shape, np.float32), np.zeros((0, 0), np.float32)
        arrays = self._packed, self._states, tokens, resets, labels, logs, no_logits
        _run(len(resets), lambda first, last: read(*arrays, first, last))
        return logs

    def run(self, texts: TextTable, tokens: int, count: int | None = None) -> None:
        """Read and write tokens in the first rows, many at a call and without holding the GIL.

        Args:
            texts: The texts, a row for each; what they wrote is in its arrays afterwards.
            tokens: How many to read in each row, at most.
            count: How many rows; None for all. The arrays' rows must have room: a text
                waits for random numbers and for room in `ids`.
        """
        from textgen.kernels.writing import run

        arrays = self._packed, self._states, self._labels, texts.arrays(), tokens
        rows = len(texts.status) if count is None else count
        _run(rows, lambda first, last: run(*arrays, first, last))

    def reset(self, index: Any) -> None:
        """Set the states of texts to zero, as `Rows.reset`."""
        self._set(self._view(self._states), index, 0)

    def set_labels(self, index: Any, label_ids: npt.ArrayLike) -> None:
        """Choose the labels that texts are read with, as `Rows.set_labels`."""
        if len(self._labels):
            gates, numbers = self._label_gates.find(np.asarray(label_ids))
            self._set(self._view(self._labels), index, gates[numbers])

    @staticmethod
    def _set(array: npt.NDArray[Any], index: Any, values: Any) -> None:
        array[index] = values

    def move(self, source: int, target: int) -> None:
        """Copy the states and labels of a text into another row."""
        for array in (self._states, self._labels):
            if len(array):
                view = self._view(array)
                view[target] = view[source]

    def take_over(self, rows: Rows | Reader) -> None:
        """Copy the states and labels of all texts, which NumPy has read so far.

        Args:
            rows: Of the same network, capacity and shape.
        """
        scale = np.float32(CELLS[self._network.config.cell].output_scale)
        for ours, (h, *others) in zip(self.states, rows.states, strict=True):
            ours[0][...] = h * scale
            for target, array in zip(ours[1:], others, strict=True):
                target[...] = array
        if rows.label_gates is not None:
            self._view(self._labels)[...] = pad_labels(self._network, rows.label_gates)

    def activations(self) -> list[Floats]:
        """The activations of each layer's units, as `Reader.activations`, of all rows."""
        is_lstm = self._packed.sizes[KIND] == LSTM
        return [np.tanh(states[1]) if is_lstm else states[0] for states in self.states]

    @property
    def states(self) -> list[tuple[Floats, ...]]:
        """The arrays of each layer's states, h and, of an LSTM, c: shape (capacity, ..., units)."""
        view, places = self._view(self._states), [HIDDEN, CELL_STATE]
        if self._packed.sizes[KIND] != LSTM:
            places.pop()
        layers = zip(self._packed.layers.tolist(), self._network.config.units, strict=True)
        return [
            tuple(view[..., layer[place] : layer[place] + units] for place in places)
            for layer, units in layers
        ]


def _warm_up() -> None:
    """Load or compile all functions, with a network of one unit."""
    from textgen.sampling.compiled_scorer import CompiledScorer
    from textgen.sampling.network import weight_specs
    from textgen.settings import ModelConfig

    config = ModelConfig(units=(1,), embedding=1)
    network = Network(config, 2, [np.zeros(s.shape, np.float32) for s in weight_specs(config, 2)])
    rows = CompiledRows(network, 1)
    rows.step(np.zeros(1, np.int64))
    rows.run(TextTable(1, 1, 1, 2), 1)
    CompiledScorer(network, 1).score(*np.zeros((2, 1, 1), np.int64))
