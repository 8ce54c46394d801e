"""What a prediction is made from: all tokens before it (carried state), or a window of them.

Both contexts are a `Reader` of texts side by side: `step` takes the ids of the next tokens and
returns the logits of the ones after them; `reset` starts some of the texts again. Texts that come
and go are read by a `Rows` or `WindowRows`. A `Predictor` makes both: a network with its context,
or a mixture of such (mixture.py).
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.network import Network
from textgen.sampling.readers import IdOrIds, Reader, TextRows
from textgen.sampling.switching import SwitchingRows, make_switch


class Predictor(Protocol):
    """What predicts the next token of texts; a `Network`, for example.

    Attributes:
        vocabulary_size: Number of ids.
    """

    @property
    def vocabulary_size(self) -> int: ...

    def reader(self, shape: tuple[int, ...] = ()) -> Reader:
        """A reader of a fixed number of texts, as `Network.reader`."""
        ...

    def rows(self, capacity: int) -> TextRows:
        """A reader of texts that come and go, `capacity` of them side by side at most."""
        ...


class TextPredictor(Predictor, Protocol):
    """What predicts the next token of texts that are generated, which may be many."""

    def rows(self, capacity: int, *, at_once: bool = False) -> TextRows:
        """A reader of texts that come and go.

        Args:
            capacity: How many texts side by side, at most.
            at_once: Whether compiled code reads from the first token on, where there is any; it is
                loaded now.
        """
        ...


@dataclass(frozen=True)
class NetworkPredictor:
    """A network and what it predicts from.

    Attributes:
        network: The network.
        window: Tokens that each prediction is made from; None to carry the state without end.
    """

    network: Network
    window: int | None = None

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""
        return self.network.vocabulary_size

    def reader(self, shape: tuple[int, ...] = ()) -> Reader:
        """A reader of a fixed number of texts, as `Network.reader`."""
        reader = make_reader(self.network, self.window, shape)
        if self.window is not None or shape:
            return reader
        return replace(reader, switch=make_switch(self.network, reader))

    def rows(self, capacity: int, *, at_once: bool = False) -> TextRows:
        """A reader of texts that come and go, as `TextPredictor.rows`."""
        if self.window is None:
            return SwitchingRows(self.network, capacity, at_once=at_once)
        return WindowRows(self.network, self.window, capacity, at_once=at_once)


def make_reader(network: Network, maxlen: int | None, shape: tuple[int, ...] = ()) -> Reader:
    """A reader with windows of `maxlen` tokens, or with carried state if that is None."""
    return (
        carried_reader(network, shape) if maxlen is None else window_reader(network, maxlen, shape)
    )


def carried_reader(network: Network, shape: tuple[int, ...] = ()) -> Reader:
    """Carry the state without end, as a model trained with carried state predicts.

    Args:
        network: A trained network.
        shape: (rows,) for texts side by side, () for a single text.
    """
    return network.reader(shape)


def window_reader(network: Network, maxlen: int, shape: tuple[int, ...] = ()) -> Reader:
    """Read the last `maxlen` tokens from a zero state, or all of them while there are fewer.

    That is how a model trained on windows predicts.

    Args:
        network: A trained network.
        maxlen: Tokens in a window.
        shape: (rows,) for texts side by side, () for a single text.
    """
    windows = WindowRows(network, maxlen, int(np.prod(shape, dtype=int)))
    texts = np.arange(windows.capacity).reshape(shape)

    def step(ids: IdOrIds) -> Floats:
        return windows.step(np.reshape(ids, windows.capacity)).reshape(*shape, -1)

    def activations() -> list[Floats]:
        return [layer.reshape(*shape, -1) for layer in windows.activations()]

    def reset(index: Any) -> None:
        windows.reset(texts[index])

    def set_labels(index: Any, label_ids: npt.ArrayLike) -> None:
        windows.set_labels(texts[index], label_ids)

    return Reader(step, reset, activations, set_labels)


class WindowRows:
    """Reads texts that come and go, as `Rows`, each prediction from a window.

    Reading the window again for every token would take `maxlen` steps. Instead, each text has
    `maxlen` states, which start one token after another. Every token advances all of them in one
    batched step. The state that has read exactly `maxlen` tokens gives the logits, and starts from
    zero at the next token.

    Args:
        network: A trained network.
        maxlen: Tokens in a window.
        capacity: How many texts side by side, at most.
        at_once: Whether compiled code reads from the first token on, as for `TextPredictor.rows`.
    """

    def __init__(self, network: Network, maxlen: int, capacity: int, *, at_once: bool = False):
        self.capacity = capacity
        self._states = SwitchingRows(network, capacity, (maxlen,), at_once=at_once)
        self._maxlen, self._texts = maxlen, np.arange(capacity)
        self._read = self._rows = 0  # steps so far, and the rows of the last one
        self._first = np.zeros(capacity, np.int64)  # the value of `read` when each text started

    def step(self, ids: npt.NDArray[np.integer[Any]]) -> Floats:
        """Read a token in each of the first rows, as `Rows.step`."""
        self._rows = len(ids)
        self._reader = states = self._states.first(self._rows)
        states.reset((slice(None), self._read % self._maxlen))
        logits = states.step(ids[:, None])
        self._read += 1
        return self._oldest(logits)

    def activations(self) -> list[Floats]:
        """The activations after the step, as `Reader.activations`, of its rows."""
        return [self._oldest(layer) for layer in self._reader.activations()]

    def _oldest(self, values: Floats) -> Floats:
        """The values of each text's oldest state."""
        place = np.maximum(self._read - self._maxlen, self._first[: self._rows]) % self._maxlen
        return np.asarray(values[self._texts[: self._rows], place])

    def reset(self, index: Any) -> None:
        """Start texts again, as `Rows.reset`."""
        self._first[index] = self._read

    def set_labels(self, index: Any, label_ids: npt.ArrayLike) -> None:
        """Choose the labels that texts are read with, as `Rows.set_labels`."""
        self._states.set_labels(index, np.asarray(label_ids)[..., None, :])

    def move(self, source: int, target: int) -> None:
        """Copy the states and labels of a text into another row, as `Rows.move`."""
        self._states.move(source, target)
        self._first[target] = self._first[source]
