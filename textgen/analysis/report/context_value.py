"""What context is worth: bits per character by the number of tokens read before it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.analysis.report.trace import MAX_WORK
from textgen.sampling.network import Network
from textgen.sampling.scorer import MAX_ROWS, choose_scorers
from textgen.sampling.window_scoring import Windows, score_windows
from textgen.text.vocabulary import Ids

_MAX_CONTEXT = 256  # tokens, for a model without windows
_LOGIT_WORK = 300  # multiplications take as long as a subword's part of the softmax
_MIN_STARTS, _MAX_STARTS = 400, 4096  # windows to read
_PARTS = 20  # of a text, whose means show the standard error of the whole
MAX_ERROR = 0.25  # bits: all that context is worth is one or two
BAND_ERRORS = 2  # standard errors: chance alone moves a mean as far once in twenty times


@dataclass(frozen=True)
class Point:
    """Bits per character after a number of tokens of context.

    Attributes:
        context: Tokens of context; for several lengths, their middle.
        bits: Mean bits per character.
        error: Its standard error.
    """

    context: float
    bits: float
    error: float


@dataclass(frozen=True)
class ContextValue:
    """How many bits per character a model needs after more and more context.

    Attributes:
        points: By context, shortest first, without those whose standard error is too large.
        longest: The most tokens of context that were tried.
        starts: The number of windows that were read.
        first, last: The shortest context, and the longer half of all; None if the standard error
            is too large.
    """

    points: list[Point]
    longest: int
    starts: int
    first: Point | None
    last: Point | None

    @property
    def differs(self) -> bool:
        """Whether the difference of first and last is larger than chance explains."""
        if self.first is None or self.last is None:
            return False
        error = math.hypot(self.first.error, self.last.error)
        return abs(self.first.bits - self.last.bits) > BAND_ERRORS * error


def measure(
    network: Network,
    parameters: int,
    ids: Ids,
    window: int | None,
    lengths: npt.NDArray[np.int64] | None = None,
) -> ContextValue | None:
    """Measure what context is worth.

    Windows start all over the text, as many as can be read in a few seconds; in a short text, at
    every token. Each is read from a zero state. For every length of context the predicted tokens
    are those of the same part of the text. Standard errors come from the means of
    consecutive parts of it, since neighbouring tokens are not independent.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        ids: A text's ids.
        window: Tokens in a window; None for 256.
        lengths: Characters of each of the vocabulary's ids; None for 1.

    Returns:
        None if the text is too short.
    """
    work = parameters + (0 if lengths is None else _LOGIT_WORK * len(lengths))
    readable = int(MAX_WORK / work)  # tokens
    longest = min(window or _MAX_CONTEXT, (len(ids) - 1) // 2, max(1, readable // _MIN_STARTS))
    if longest < 1 or len(ids) - longest < 2 * _PARTS:
        return None
    starts = spread(len(ids) - 1, min(_MAX_STARTS, max(_MIN_STARTS, readable // longest)))
    padded = np.concatenate([ids, np.zeros(longest, ids.dtype)])
    targets = starts[:, None] + np.arange(1, longest + 1)
    inside = (targets >= longest) & (targets < len(ids))  # the same tokens for each length
    part = (targets - longest) * _PARTS // (len(ids) - longest)
    cell = (part * longest + np.arange(longest))[inside]
    scorer = choose_scorers(network, targets.size)(MAX_ROWS)
    bits = score_windows(scorer, Windows(padded, starts, longest)) / -math.log(2)
    size = _PARTS * longest
    sums = np.asarray(np.bincount(cell, bits[inside], size), np.float64).reshape(_PARTS, longest)
    counted = None if lengths is None else lengths[padded[targets[inside]]]
    counts = np.bincount(cell, counted, size).astype(np.int64).reshape(_PARTS, longest)
    candidates = [_point(sums, counts, *bounds) for bounds in context_groups(longest)]
    points = [point for point in candidates if point is not None]
    if not points:
        return None
    first_point = points[0] if points[0].context == 1 else None
    last_point = _point(sums, counts, longest // 2, longest)
    return ContextValue(points, longest, len(starts), first_point, last_point)


def spread(places: int, count: int) -> npt.NDArray[np.int64]:
    """Random places all over a text, one in each of `count` equal parts."""
    if count >= places:
        return np.arange(places)
    # If all lines have the same length, even distances would hit the same place of every line.
    offsets = np.random.default_rng(0).random(count)
    return ((np.arange(count) + offsets) * places / count).astype(np.int64)


def _point(
    sums: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], begin: int, end: int
) -> Point | None:
    """The mean over some lengths of context, from sums and counts of shape (parts, lengths).

    None if the text has too few characters for it, or the standard error is too large.
    """
    total, number = sums[:, begin:end].sum(1), counts[:, begin:end].sum(1)
    nonempty = number > 0
    if nonempty.sum() < _PARTS / 2:
        return None
    mean = float(total.sum() / number.sum())
    # The error of a ratio: larger parts weigh more.
    deviations = total[nonempty] - mean * number[nonempty]
    parts = int(nonempty.sum())
    error = math.sqrt(parts / (parts - 1) * float(np.square(deviations).sum())) / number.sum()
    if not error <= MAX_ERROR:
        return None
    return Point((begin + 1 + end) / 2, mean, float(error))


def context_groups(lengths: int) -> Iterator[tuple[int, int]]:
    """Groups of lengths that are close on a logarithmic scale, each as a range of indices.

    Example:
        >>> [*context_groups(3)]
        [(0, 1), (1, 2), (2, 3)]
    """
    begin = 0
    while begin < lengths:
        end = min(max(begin + 1, int(1.1 * (begin + 1))), lengths)
        yield begin, end
        begin = end
