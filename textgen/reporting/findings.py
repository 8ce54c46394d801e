"""What reading a text tells about a trained model.

Knows networks, ids and figures; knows nothing of pages, charts or where texts come from.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from textgen.evaluation import Surprise, surprise
from textgen.sampling.context import reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network
from textgen.sampling.scoring import Ids, by_windows
from textgen.vocabulary import Vocabulary

Floats = npt.NDArray[np.float32]

_WORK = 1.5e11  # multiplications for reading a text character by character: a few seconds
_CHARACTERS = 20_000  # read, at most: enough to tell what a unit tracks
_NUMBERS = 2e7  # kept of each kind, at most: 80 MB
_WINDOW = 256  # positions shown where the state is carried and there is no other window


@dataclass(frozen=True)
class Reading:
    """A text, and what a network made of each of its characters.

    Attributes:
        text: The characters.
        ids: Their ids, shape (characters,).
        logs: The natural logarithms of the probabilities of all characters after each of them,
            float32 of shape (characters, vocabulary).
        activations: For each layer what its units held after each character, float32 of shape
            (characters, units).
    """

    text: str
    ids: Ids
    logs: Floats = field(repr=False)
    activations: list[Floats] = field(repr=False)

    def surprises(self, vocabulary: Vocabulary, count: int) -> Iterator[Surprise]:
        """How surprising the first characters are, given those before them."""
        before = None
        for place, (character, one) in enumerate(zip(self.text[:count], self.ids, strict=False)):
            yield surprise(vocabulary, character, int(one), before)
            before = self.logs[place]


def at_most(network: Network, parameters: int, window: int | None) -> int:
    """How many characters of a text can be read in a few seconds.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        window: As `read` takes it.
    """
    by_work = _WORK / (parameters * (window or 1))
    by_memory = _NUMBERS / max(network.size, network.units)
    return max(2, int(min(_CHARACTERS, by_work, by_memory)))


def read(network: Network, ids: Ids, vocabulary: Vocabulary, window: int | None) -> Reading:
    """Read a text as a model writes.

    Args:
        network: A trained network.
        ids: The text's ids, 1 or more.
        vocabulary: Whose ids they are.
        window: Characters that each prediction is made from; None to carry the state on.
    """
    reading = reader(network, window)
    logits = np.empty((len(ids), network.size), np.float32)
    held: list[list[Floats]] = []
    for place, one in enumerate(ids.tolist()):
        logits[place] = reading.step(one)
        held.append([layer.copy() for layer in reading.activations()])
    layers = [np.stack(layer) for layer in zip(*held, strict=True)]
    logs = log_probabilities(logits).astype(np.float32)
    return Reading(vocabulary.text(ids), ids, logs, layers)


@dataclass(frozen=True)
class Confusion:
    """A character that a network expects where another one stands.

    Attributes:
        stands: The character in the text.
        expected: The other one.
        share: Mean probability of the other one in its places.
        times: How often it stands there.
    """

    stands: str
    expected: str
    share: float
    times: int


def confusions(reading: Reading, vocabulary: Vocabulary, count: int = 12) -> list[Confusion]:
    """The pairs of characters that take most probability from what stands in a text.

    Args:
        reading: A text that was read.
        vocabulary: Whose ids they are.
        count: Pairs to give.

    Returns:
        Pairs by the probability lost to them in all, most first.
    """
    size, table = vocabulary.size, vocabulary.table
    standing, rows, times = np.unique(reading.ids[1:], return_inverse=True, return_counts=True)
    lost = np.zeros((len(standing), size), np.float32)  # no more rows than characters were read
    np.add.at(lost, rows, np.exp(reading.logs[:-1]))
    lost[np.arange(len(standing)), standing] = 0
    count = min(count, lost.size)
    best = np.argpartition(lost, lost.size - count, axis=None)[lost.size - count :]
    found = []
    for place in sorted(best.tolist(), key=lambda one: (-lost.flat[one], one)):
        row, expected = divmod(place, size)
        if lost[row, expected] > 0:
            share = float(lost[row, expected] / times[row])
            found.append(Confusion(table[standing[row]], table[expected], share, int(times[row])))
    return found


def by_position(
    network: Network, parameters: int, ids: Ids, window: int | None
) -> npt.NDArray[np.float64]:
    """What each further character of context is worth.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        ids: A text's ids, 2 or more.
        window: Characters in a window; None for 256 of them.

    Returns:
        Bits per character after 1, 2, ... characters of context, each window read from a zero
        state; float64 of shape (positions,).
    """
    length = min(window or _WINDOW, len(ids) - 1)
    windows = max(1, int(2 * _WORK / parameters) // length)
    parts = by_windows(network, length, [ids[: windows * length + 1]])
    losses = np.concatenate(list(parts)).reshape(-1, length)
    return np.asarray(-losses.mean(axis=0) / math.log(2))


def thinned(values: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Means over places that lie near each other on a logarithmic scale.

    Args:
        values: At places 1, 2, ...

    Returns:
        Pairs of a place and a value; the first ten are each by themselves.

    Example:
        >>> thinned(np.array([4.0, 2.0]))
        [(1.0, 4.0), (2.0, 2.0)]
    """
    found, begin = [], 0
    while begin < len(values):
        end = min(max(begin + 1, int(1.1 * (begin + 1))), len(values))
        found.append(((begin + 1 + end) / 2, float(values[begin:end].mean())))
        begin = end
    return found
