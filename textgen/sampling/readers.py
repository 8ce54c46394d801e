"""What reads texts side by side, a token at a time: a fixed number of them, or those in some rows.

What they compute is in network.py and cells.py. A reader with windows is in context.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Allocate, Floats

if TYPE_CHECKING:
    from textgen.sampling.compiled import CompiledRows

IdOrIds = npt.NDArray[np.integer[Any]] | np.integer[Any] | int


@dataclass(frozen=True)
class Reader:
    """Reads texts side by side, a token at a time, and has the state of each.

    Attributes:
        step: Takes the id of each text's next token, integers that NumPy can broadcast to the
            reader's shape, and returns the logits of the token after it: float32 of shape
            (*shape, vocabulary), overwritten by the next step.
        reset: Takes an index into the reader's shape and sets those texts' states to zero.
        activations: Returns the activations of each layer's units after the step, from -1 to 1:
            tanh of the cell state of an LSTM, the output of other layers; float32 of shape
            (*shape, units), overwritten by the next step.
        set_labels: Takes an index into the reader's shape and ids of labels, shape (..., fields),
            whose leading axes NumPy can broadcast to what is indexed: the labels with which those
            texts are read from now on. At first no text has a label, and `reset` changes none.
        schedule: As `TextRows.schedule`; does nothing where predictions do not depend on it.
        switch: Counts tokens that were read, and returns compiled rows with the state of this
            reader, which is a single text's, where those are to continue; None before. No function
            where there is no such thing.
        states: The arrays of each layer's states, as `cells.Layer` has them.
        label_gates: The array of what labels add to the first layer's products, shape
            (*shape, its gates); None without labels.
    """

    step: Callable[[IdOrIds], Floats]
    reset: Callable[[Any], None]
    activations: Callable[[], list[Floats]]
    set_labels: Callable[[Any, npt.ArrayLike], None] = field(default=lambda *_: None)
    schedule: Callable[[Any, Sequence[int], int], None] = field(default=lambda *_: None)
    states: Sequence[tuple[Floats, ...]] = ()
    label_gates: Floats | None = None
    switch: "Callable[[int], CompiledRows | None] | None" = None


class TextRows(Protocol):
    """What reads texts side by side that come and go; `Rows` is one.

    One whose predictions depend on where in its text they are also has a method `schedule`. It is
    called after `reset`, with an index of texts, the ids of their seed, and how many characters
    follow the seed at most.
    """

    capacity: int

    def step(self, ids: npt.NDArray[np.integer[Any]], /) -> Floats:
        """Read a token in each of the first rows, as `Rows.step`."""
        ...

    def reset(self, index: Any, /) -> None:
        """Set the states of texts to zero, as `Reader.reset`."""
        ...

    def set_labels(self, index: Any, label_ids: npt.ArrayLike, /) -> None:
        """Choose the labels that texts are read with, as `Reader.set_labels`."""
        ...

    def move(self, source: int, target: int, /) -> None:
        """Copy the states and labels of a text into another row."""
        ...


class Rows:
    """Reads texts side by side that come and go: those in the first rows, however many they are.

    All arrays are allocated once. A step of some rows works on the beginning of each array, where
    their states are. So the texts have to be kept together: a text that ends leaves its row to the
    last one, with `move`.

    Args:
        make_reader: Makes a reader with given arrays, as it finds them.
        no_labels: Ids of no labels, shape (fields,).
        shape: The most texts, then how many states each has.

    Attributes:
        capacity: The most texts.

    Example:
        >>> rows = network.rows(64)  # doctest: +SKIP
        >>> rows.step(np.array([3, 5])).shape  # doctest: +SKIP
        (2, 10)
    """

    def __init__(
        self,
        make_reader: Callable[[Allocate], Reader],
        no_labels: npt.NDArray[np.int64],
        shape: tuple[int, ...],
    ):
        self.capacity = shape[0]
        self._make_reader = make_reader
        self._arrays: list[Floats] = []
        self._readers: dict[int, Reader] = {}

        def allocate(width: int) -> Floats:
            self._arrays.append(np.zeros((*shape, width), np.float32))
            return self._arrays[-1]

        self._all = self._readers[self.capacity] = make_reader(allocate)
        self._all.reset(...)
        self._all.set_labels(..., no_labels)

    def first(self, count: int) -> Reader:
        """The reader of the first rows; it shares their states with this object."""
        reader = self._readers.get(count)
        if reader is None:
            arrays = iter(self._arrays)
            reader = self._readers[count] = self._make_reader(lambda _: next(arrays)[:count])
        return reader

    def step(self, ids: npt.NDArray[np.integer[Any]]) -> Floats:
        """Read a token in each of the first rows.

        Args:
            ids: Shape (rows,), with 1 to `capacity` rows.

        Returns:
            The logits of the tokens after them, float32 of shape (rows, vocabulary), overwritten by
            the next step.
        """
        return self.first(len(ids)).step(ids)

    def reset(self, index: Any) -> None:
        """Set the states of texts to zero, as `Reader.reset`."""
        self._all.reset(index)

    def set_labels(self, index: Any, label_ids: npt.ArrayLike) -> None:
        """Choose the labels that texts are read with, as `Reader.set_labels`."""
        self._all.set_labels(index, label_ids)

    def move(self, source: int, target: int) -> None:
        """Copy the states and labels of a text into another row."""
        for array in self._arrays:
            array[target] = array[source]

    @property
    def states(self) -> Sequence[tuple[Floats, ...]]:
        """The arrays of each layer's states, as `Reader.states`."""
        return self._all.states

    @property
    def label_gates(self) -> Floats | None:
        """The array of what labels add, as `Reader.label_gates`."""
        return self._all.label_gates
