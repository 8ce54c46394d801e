"""How the tokens of texts side by side are chosen, when not all in the same way."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.decoding import Choose
from textgen.sampling.requests import GenerationConfig


class Choosers:
    """Chooses tokens for rows; those of a group are chosen together, in the same way.

    Args:
        rows: The most rows.

    Attributes:
        groups: The number of each row's group, shape (rows,).
    """

    def __init__(self, rows: int):
        self.groups = np.zeros(rows, np.int64)
        self._choosers: dict[Hashable, tuple[int, Choose]] = {}  # with the number of the group
        self._sizes = Counter[Hashable]()

    def add(self, row: int, config: GenerationConfig) -> None:
        """Put a row into a group."""
        key = config.chooser_key
        if key not in self._choosers:
            used = {number for number, _ in self._choosers.values()}
            number = next(number for number in range(len(used) + 1) if number not in used)
            self._choosers[key] = number, config.make_chooser()
        self.groups[row], _ = self._choosers[key]
        self._sizes[key] += 1

    def remove(self, config: GenerationConfig) -> None:
        """Take a row out of its group; a group without rows is forgotten."""
        key = config.chooser_key
        self._sizes[key] -= 1
        if not self._sizes[key]:
            del self._choosers[key], self._sizes[key]

    def choose(self, logits: Floats, noise: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The ids that follow in the first rows.

        Args:
            logits: Shape (rows, vocabulary).
            noise: Random numbers for each row, as the choosers take them.

        Returns:
            Shape (rows,).
        """
        if len(self._choosers) == 1:
            ((_, choose),) = self._choosers.values()
            return np.asarray(choose(logits, noise))
        chosen = np.zeros(len(logits), np.int64)
        for number, choose in self._choosers.values():
            rows = np.flatnonzero(self.groups[: len(logits)] == number)
            chosen[rows] = choose(logits[rows], noise[rows])
        return chosen
