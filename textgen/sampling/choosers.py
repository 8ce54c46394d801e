"""How the tokens of texts side by side are chosen, when not all in the same way."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.decoding import ROW_SETTINGS, Choose, Value, values_of
from textgen.sampling.requests import GenerationConfig


class Choosers:
    """Chooses tokens for rows; those of a group are chosen together, each with its own values.

    Args:
        rows: The most rows.

    Attributes:
        groups: The number of each row's group, shape (rows,).
        values: What each row has for `ROW_SETTINGS`, shape (rows, settings); 1 for temperature 0.
    """

    def __init__(self, rows: int):
        self.groups = np.zeros(rows, np.int64)
        self.values = np.ones((rows, len(ROW_SETTINGS)))
        self._choosers: dict[Hashable, _Group] = {}
        self._sizes = Counter[Hashable]()

    def add(self, row: int, config: GenerationConfig) -> None:
        """Put a row into a group."""
        key = config.chooser_key
        if key not in self._choosers:
            used = {group.number for group in self._choosers.values()}
            number = next(number for number in range(len(used) + 1) if number not in used)
            self._choosers[key] = _Group(number, config.make_chooser())
        self.groups[row] = self._choosers[key].number
        values = values_of(config.decoding)
        self.values[row] = [values[name] for name in ROW_SETTINGS]
        self._sizes[key] += 1

    def remove(self, config: GenerationConfig) -> None:
        """Take a row out of its group; a group without rows is forgotten."""
        key = config.chooser_key
        self._sizes[key] -= 1
        if not self._sizes[key]:
            del self._choosers[key], self._sizes[key]

    def choose(self, logits: Floats, numbers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The ids that follow in the first rows.

        Args:
            logits: Shape (rows, vocabulary).
            numbers: A random number in [0, 1) for each row.

        Returns:
            Shape (rows,).
        """
        if len(self._choosers) == 1:
            (group,) = self._choosers.values()
            return np.asarray(group.choose(logits, numbers, self._values(slice(len(logits)))))
        chosen = np.zeros(len(logits), np.int64)
        for group in self._choosers.values():
            rows = np.flatnonzero(self.groups[: len(logits)] == group.number)
            chosen[rows] = group.choose(logits[rows], numbers[rows], self._values(rows))
        return chosen

    def _values(self, rows: Any) -> dict[str, Value]:
        """The values of some rows by the name of the setting, each of shape (rows, 1)."""
        values = self.values[rows]
        return {name: values[:, [place]] for place, name in enumerate(ROW_SETTINGS)}


@dataclass(frozen=True)
class _Group:
    """How some rows choose.

    Attributes:
        number: Its number in `Choosers.groups`.
        choose: Chooses their tokens.
    """

    number: int
    choose: Choose
