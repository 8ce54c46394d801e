"""How probable given tokens are, in compiled code."""

from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.compiled import CompiledRows
from textgen.sampling.compiled_weights import LabelGates
from textgen.sampling.network import Network


class CompiledScorer:
    """Reads given texts side by side, and says how probable their tokens were.

    Args:
        network: A trained network.
        capacity: The most texts.

    Attributes:
        capacity: The most texts.

    Example:
        >>> scorer = CompiledScorer(network, 64)  # doctest: +SKIP
        >>> scorer.score(np.array([[3, 5]]), np.array([[5, -1]])).shape  # doctest: +SKIP
        (1, 2)
    """

    def __init__(self, network: Network, capacity: int):
        self.capacity = capacity
        self._network, self._rows = network, CompiledRows(network, capacity)
        self._label_gates = LabelGates(network)

    def score(
        self,
        ids: npt.NDArray[np.integer[Any]],
        targets: npt.NDArray[np.integer[Any]],
        resets: npt.NDArray[np.bool_] | None = None,
        label_ids: npt.NDArray[np.integer[Any]] | None = None,
    ) -> Floats:
        """Read tokens in the first rows, as `Scorer.score`."""
        rows, count = ids.shape
        tokens = np.full((3, rows, count), -1, np.int32)
        tokens[0], tokens[1] = ids, targets
        if resets is None:
            resets = np.zeros((rows, count), np.bool_)
        labels = np.zeros((0, 0), np.float32)
        if fields := len(self._network.config.label_sizes):
            if label_ids is None:
                label_ids = np.broadcast_to(self._network.no_labels, (rows, count, fields))
            labels, tokens[2] = self._label_gates.find(label_ids)
        return self._rows.read(tokens, np.ascontiguousarray(resets), labels)

    def states(self, rows: int) -> Floats:
        """All that the network remembers in each of the first rows, from -1 to 1.

        Returns:
            float32 of shape (rows, states).
        """
        arrays = [array[:rows] for layer in self._rows.states for array in layer]
        return np.asarray(np.tanh(np.concatenate(arrays, axis=-1)))

    def move(self, source: int, target: int) -> None:
        """Copy a row's state into another row."""
        self._rows.move(source, target)
