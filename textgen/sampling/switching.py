"""Rows that NumPy computes at first, and compiled code where there is much to compute.

Loading compiled code takes half a second, so NumPy writes what comes first. How much that is
depends on the amount of computing alone, never on time: the same command gives the same text.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.compiled import CompiledRows, load_compiled
from textgen.sampling.network import Network
from textgen.sampling.readers import Reader, Rows

# Products of two numbers that NumPy computes before compiled code is loaded: half a second's, which
# is as long as loading takes.
SWITCH_AFTER = 4_000_000_000


class Switch:
    """When to switch.

    Args:
        network: The network.
        states: How many states each text has.
    """

    def __init__(self, network: Network, states: int = 1):
        self._each = network.products * states
        self._left = SWITCH_AFTER

    def is_due(self, tokens: int) -> bool:
        """Count tokens that were read; returns whether compiled code is loaded and takes over."""
        if self._left <= 0:
            return False  # it was due before, and there is none
        self._left -= tokens * self._each
        return self._left <= 0 and load_compiled() is not None


class SwitchingRows:
    """Reads texts that come and go, as `Rows`, at first with NumPy.

    Args:
        network: A trained network.
        capacity: The most texts.
        shape: How many states each text has, in one or more axes; () for a single one.
        at_once: Whether compiled code reads from the first token on, where there is any.
    """

    def __init__(
        self,
        network: Network,
        capacity: int,
        shape: tuple[int, ...] = (),
        *,
        at_once: bool = False,
    ):
        self.capacity = capacity
        self._network, self._shape = network, shape
        self._switch = Switch(network, int(np.prod(shape, dtype=int)))
        self._rows: Rows | CompiledRows
        if at_once and load_compiled() is not None:
            self._rows = CompiledRows(network, capacity, shape)
        else:
            self._rows = network.rows(capacity, shape)

    @property
    def compiled(self) -> CompiledRows | None:
        """The rows, once compiled code has taken over."""
        return self._rows if isinstance(self._rows, CompiledRows) else None

    def first(self, count: int) -> Reader:
        """The reader of the first rows for one step, as `Rows.first`."""
        if isinstance(self._rows, Rows) and self._switch.is_due(count):
            rows = CompiledRows(self._network, self.capacity, self._shape)
            rows.take_over(self._rows)
            self._rows = rows
        return self._rows.first(count)

    def step(self, ids: npt.NDArray[np.integer[Any]]) -> Floats:
        """Read a token in each of the first rows, as `Rows.step`."""
        return self.first(len(ids)).step(ids)

    def reset(self, index: Any) -> None:
        """Set the states of texts to zero, as `Reader.reset`."""
        self._rows.reset(index)

    def set_labels(self, index: Any, label_ids: npt.ArrayLike) -> None:
        """Choose the labels that texts are read with, as `Reader.set_labels`."""
        self._rows.set_labels(index, label_ids)

    def move(self, source: int, target: int) -> None:
        """Copy the states and labels of a text into another row."""
        self._rows.move(source, target)


def make_switch(network: Network, reader: Reader) -> Callable[[int], CompiledRows | None]:
    """What `Reader.switch` is for a single text.

    Args:
        network: The network.
        reader: Reads the text with NumPy.
    """
    switch = Switch(network)

    def take_over(tokens: int) -> CompiledRows | None:
        if not switch.is_due(tokens):
            return None
        rows = CompiledRows(network, 1)
        rows.take_over(reader)
        return rows

    return take_over
