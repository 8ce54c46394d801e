"""What reading a text tells about a trained model.

Knows networks, ids and figures; knows nothing of pages, charts or where texts come from.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from textgen.analysis.evaluation import Surprise, surprise
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network
from textgen.sampling.scoring import score_windows, window_batch_size
from textgen.text.vocabulary import Ids, Vocabulary

Floats = npt.NDArray[np.float32]

_WORK = 1.5e11  # multiplications for reading a text character by character: a few seconds
_CHARACTERS = 20_000  # read, at most: enough to tell what a unit tracks
_NUMBERS = 2e7  # kept of each kind, at most: 80 MB
_WINDOW = 256  # characters of context where the state is carried and there is no other window
_STARTS_AT_LEAST, _STARTS_AT_MOST = 400, 4096  # windows to tell from what context is worth
_PARTS = 20  # of a text, whose means tell how far chance moves the mean of all
ERROR_AT_MOST = 0.25  # bits: all that context is worth is one or two
SURE = 2  # standard errors: chance alone moves a mean as far once in twenty times


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
    reading = make_reader(network, window)
    logits = np.empty((len(ids), network.size), np.float32)
    held: list[list[Floats]] = []
    for place, one in enumerate(ids.tolist()):
        logits[place] = reading.step(one)
        held.append([layer.copy() for layer in reading.activations()])
    layers = [np.stack(layer) for layer in zip(*held, strict=True)]
    logs = log_probabilities(logits).astype(np.float32)
    return Reading(vocabulary.decode(ids), ids, logs, layers)


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


@dataclass(frozen=True)
class Point:
    """Bits per character after so many characters of context.

    Attributes:
        context: Characters of context; the middle, of several lengths.
        bits: Mean bits per character.
        error: Its standard error.
    """

    context: float
    bits: float
    error: float


@dataclass(frozen=True)
class ContextWorth:
    """How many bits a character takes after ever more context.

    Attributes:
        points: By context, shortest first; those whose standard error is too large are left out.
        longest: Characters of context, at most, that were tried.
        starts: Places of the text that were read from.
        first, last: The shortest context, and the longer half of all; None where their standard
            error is too large.
    """

    points: list[Point]
    longest: int
    starts: int
    first: Point | None
    last: Point | None

    @property
    def differs(self) -> bool:
        """Whether first and last are further apart than chance explains."""
        if self.first is None or self.last is None:
            return False
        error = math.hypot(self.first.error, self.last.error)
        return abs(self.first.bits - self.last.bits) > SURE * error


def context_worth(
    network: Network, parameters: int, ids: Ids, window: int | None
) -> ContextWorth | None:
    """What context is worth: bits per character by the number of characters read before it.

    Windows start all over the text, as many as can be read in a few seconds and in a short text at
    every character, and each is read from a zero state. For every length of context the characters
    predicted are those of the same part of the text. Standard errors are those of the means of
    consecutive parts of it, since neighbouring characters are not independent.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        ids: A text's ids.
        window: Characters in a window; None for 256 of them.

    Returns:
        None where the text is too short to tell anything.
    """
    work = int(_WORK / parameters)  # characters that can be read
    longest = min(window or _WINDOW, (len(ids) - 1) // 2, max(1, work // _STARTS_AT_LEAST))
    if longest < 1 or len(ids) - longest < 2 * _PARTS:
        return None
    starts = _spread(len(ids) - 1, min(_STARTS_AT_MOST, max(_STARTS_AT_LEAST, work // longest)))
    padded = np.concatenate([ids, np.zeros(longest, ids.dtype)])
    targets = starts[:, None] + np.arange(1, longest + 1)
    inside = (targets >= longest) & (targets < len(ids))  # the same characters for each length
    part = (targets - longest) * _PARTS // (len(ids) - longest)
    cell = (part * longest + np.arange(longest))[inside]
    bits, rows = np.empty(targets.shape), window_batch_size(longest)
    for first in range(0, len(starts), rows):
        _, logs = score_windows(network, padded, starts[first : first + rows], longest)
        bits[first : first + rows] = logs / -math.log(2)
    size = _PARTS * longest
    sums = np.asarray(np.bincount(cell, bits[inside], size), np.float64).reshape(_PARTS, longest)
    counts = np.bincount(cell, minlength=size).reshape(_PARTS, longest)
    every = [_point(sums, counts, *bounds) for bounds in near_each_other(longest)]
    points = [point for point in every if point is not None]
    if not points:
        return None
    first_point = points[0] if points[0].context == 1 else None
    last_point = _point(sums, counts, longest // 2, longest)
    return ContextWorth(points, longest, len(starts), first_point, last_point)


def _spread(places: int, count: int) -> npt.NDArray[np.int64]:
    """Places all over a text, one drawn by chance from each of as many equal parts."""
    if count >= places:
        return np.arange(places)
    # Even distances would meet the same place of every line where lines are equally long.
    drawn = np.random.default_rng(0).random(count)
    return ((np.arange(count) + drawn) * places / count).astype(np.int64)


def _point(
    sums: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], begin: int, end: int
) -> Point | None:
    """The mean over some lengths of context, from sums and counts of shape (parts, lengths)."""
    total, number = sums[:, begin:end].sum(1), counts[:, begin:end].sum(1)
    read = number > 0
    if read.sum() < _PARTS / 2:
        return None
    mean = float(total.sum() / number.sum())
    # Of a ratio: parts of which more was read weigh more.
    deviations = total[read] - mean * number[read]
    parts = int(read.sum())
    error = math.sqrt(parts / (parts - 1) * float(np.square(deviations).sum())) / number.sum()
    if not error <= ERROR_AT_MOST:
        return None
    return Point((begin + 1 + end) / 2, mean, float(error))


def near_each_other(lengths: int) -> Iterator[tuple[int, int]]:
    """Lengths that lie near each other on a logarithmic scale, each as a range of indices.

    Example:
        >>> [*near_each_other(3)]
        [(0, 1), (1, 2), (2, 3)]
    """
    begin = 0
    while begin < lengths:
        end = min(max(begin + 1, int(1.1 * (begin + 1))), lengths)
        yield begin, end
        begin = end
