"""The loops that write: one text as it comes, and many side by side.

Knows readers (ids in, logits out), how characters are chosen and when a text is over; knows nothing
of characters, files or of how a network computes. `one` and `many` write the same texts: what is
drawn for a text depends on its own random generator alone.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.decoding import chooser, log_probabilities, noise
from textgen.sampling.network import Reader
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding

_NOISE = 1 << 16  # random numbers drawn at a time for a text: enough to make drawing cheap
_NOISE_OF_ALL = 1 << 20  # and for all texts side by side together


@dataclass(frozen=True)
class Task:
    """A text to write.

    Attributes:
        seed: Ids to start from, one or more.
        randomness: Numbers from which all that is drawn for it follows.
    """

    seed: Sequence[int]
    randomness: tuple[int, ...]

    def generator(self) -> np.random.Generator:
        """What draws for it, from the beginning."""
        return np.random.default_rng(self.randomness)


@dataclass(frozen=True)
class Written:
    """A text that was written.

    Attributes:
        ids: What was written after the seed, shape (characters,).
        mean_log_probability: The mean over its characters of the natural logarithm of the
            probability that the network gives them, at temperature 1 and with nothing shut out;
            nan where it was not asked for.
        complete: Whether it came to an end that was asked for, or has all its characters where
            only their number was asked for.
    """

    ids: npt.NDArray[np.int32]
    mean_log_probability: float
    complete: bool


@dataclass(frozen=True)
class Manner:
    """How texts are written.

    Attributes:
        size: The vocabulary's size.
        decoding: How characters are chosen.
        ending: When a text is over.
        unknown: An id that is never chosen.
    """

    size: int
    decoding: Decoding
    ending: StopCondition
    unknown: int | None = None

    def noise(self, generator: np.random.Generator, characters: int) -> npt.NDArray[np.float32]:
        """What chance adds to the logits of a text's next characters."""
        return noise(generator, characters, self.size, self.decoding.temperature)


def one(
    reader: Reader, task: Task, manner: Manner, on_end: Callable[[], object] = lambda: None
) -> Iterator[int]:
    """Write one text.

    Args:
        reader: Of shape (), in its zero state.
        task: Where the text starts.
        manner: How it is written.
        on_end: Called when the text is complete, as in Written.

    Yields:
        The ids after the seed, as they are chosen.
    """
    choose, step = chooser(manner.decoding, manner.unknown), reader.step
    generator = task.generator()
    for seed_id in task.seed:
        logits = step(seed_id)
    ending = manner.ending
    last, tail, line_ends = ending.last, deque[int](maxlen=ending.longest), 0
    ahead, left = max(1, _NOISE // manner.size), ending.max_length
    while left is None or left > 0:
        length = ahead if left is None else min(left, ahead)
        for numbers in manner.noise(generator, length):
            chosen = choose(logits, numbers)
            yield chosen
            if last:
                tail.append(chosen)
                line_ends += chosen == ending.line_end
                if chosen in last and ending.over(tail, line_ends):
                    on_end()
                    return
            logits = step(chosen)
        if left is not None:
            left -= length
    if not last:
        on_end()


def many(
    start: Callable[[tuple[int, ...]], Reader],
    tasks: Iterable[Task],
    rows: int,
    manner: Manner,
    *,
    scores: bool = False,
) -> Iterator[Written]:
    """Write many texts side by side; where one is over, the next one begins in its row.

    Args:
        start: Makes a reader of a shape, in its zero state.
        tasks: The texts.
        rows: How many side by side, at most.
        manner: How they are written.
        scores: Whether to tell the log-probabilities.

    Yields:
        The texts in the order of the tasks.
    """
    remaining = iter(tasks)
    first = list(islice(remaining, rows))
    if not first:
        return
    batch = _Batch(start, len(first), chain(first, remaining), manner, scores=scores)
    finished: dict[int, Written] = {}
    for number in count():
        while number not in finished and batch.busy:
            finished.update(batch.step())
        if number not in finished:
            return
        yield finished.pop(number)


class _Batch:
    """Texts being written side by side, a row for each."""

    def __init__(
        self,
        start: Callable[[tuple[int, ...]], Reader],
        rows: int,
        tasks: Iterator[Task],
        manner: Manner,
        *,
        scores: bool,
    ):
        self._reader = start((rows,))
        self._tasks, self._manner, self._scores = enumerate(tasks), manner, scores
        self._ending = manner.ending
        at_most, largest = manner.ending.max_length, np.iinfo(np.int64).max
        self._at_most = largest if at_most is None else min(at_most, largest)
        self._choose = chooser(manner.decoding, manner.unknown)
        self._rows = np.arange(rows)
        self._ahead = max(1, min(_NOISE, _NOISE_OF_ALL // rows) // manner.size)
        self._noise = np.zeros((rows, self._ahead, manner.size), np.float32)
        self._is_last = np.zeros(manner.size, np.bool_)
        self._is_last[list(self._ending.last)] = True
        # Of each row: its text's number, -1 where there is none; what is still to be read of its
        # seed; the id to read next; what was written, how much of it, and what it adds up to.
        self._number = np.full(rows, -1)
        self._seeds: list[Iterator[int]] = [iter(())] * rows
        self._reading = np.zeros(rows, np.bool_)
        self._current = np.zeros(rows, np.int64)
        self._ids = np.zeros((rows, 64), np.int32)
        self._written = np.zeros(rows, np.int64)
        self._line_ends, self._log_probability = np.zeros(rows, np.int64), np.zeros(rows)
        self._generators = [np.random.default_rng(0)] * rows
        for row in self._rows:
            self._begin(row)

    @property
    def busy(self) -> bool:
        """Whether any row has a text."""
        return bool((self._number >= 0).any())

    def step(self) -> dict[int, Written]:
        """Read a character in each row and choose the next one; returns the texts then over."""
        logits = self._reader.step(self._current)
        for row in np.flatnonzero(self._reading):
            following = next(self._seeds[row], None)
            if following is None:
                self._reading[row] = False
            else:
                self._current[row] = following
        writing = ~self._reading & (self._number >= 0)
        place = self._written % self._ahead
        for row in np.flatnonzero(writing & (place == 0)):
            length = int(min(self._ahead, self._at_most - self._written[row]))
            self._noise[row, :length] = self._manner.noise(self._generators[row], length)
        chosen = self._choose(logits, self._noise[self._rows, place])
        if self._scores:
            scores = log_probabilities(logits)[self._rows, chosen]
            self._log_probability += np.where(writing, scores, 0)
        np.copyto(self._current, chosen, where=writing)
        self._ids[self._rows, self._written] = chosen  # where nothing is written, for nothing
        self._written += writing
        if self._written.max() == self._ids.shape[1]:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
        ended = np.zeros(len(writing), np.bool_)
        if self._ending.last:
            self._line_ends += writing & (chosen == self._ending.line_end)
            for row in np.flatnonzero(writing & self._is_last[chosen]):
                written = self._written[row]
                tail = self._ids[row, max(0, written - self._ending.longest) : written]
                ended[row] = self._ending.over(tail.tolist(), int(self._line_ends[row]))
        over = ended | (writing & (self._written == self._at_most))
        return dict(self._end(row, ended[row]) for row in np.flatnonzero(over))

    def _end(self, row: np.int64, ended: np.bool_) -> tuple[int, Written]:
        number, ids = int(self._number[row]), self._ids[row, : self._written[row]].copy()
        mean = float(self._log_probability[row] / len(ids)) if self._scores else math.nan
        complete = bool(ended) or not self._ending.last
        self._begin(row)
        return number, Written(ids, mean, complete)

    def _begin(self, row: Any) -> None:
        """Put the next task into a row; without one it goes on reading id 0, for nothing."""
        self._reader.reset(row)
        self._written[row] = self._line_ends[row] = self._log_probability[row] = 0
        self._number[row], self._reading[row], self._current[row] = -1, False, 0
        for number, task in islice(self._tasks, 1):
            self._seeds[row], self._generators[row] = iter(task.seed), task.generator()
            self._number[row], self._reading[row] = number, True
            self._current[row] = next(self._seeds[row])
