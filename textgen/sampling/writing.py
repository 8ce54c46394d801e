"""The loops that write: one text as it comes, and many side by side.

Knows readers (ids in, logits out), how characters are chosen and when a text is over; knows nothing
of characters, files or of how a network computes. `one` and `many` write the same texts: what is
drawn for a text depends on its own random generator alone.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.config import Decoding
from textgen.sampling.decoding import chooser, log_probabilities, noise
from textgen.sampling.ending import Ending
from textgen.sampling.network import Reader

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
        log_probability: The mean over its characters of the natural logarithm of the probability
            that the network gives them, at temperature 1 and with nothing shut out; nan where it
            was not asked for.
    """

    ids: npt.NDArray[np.int64]
    log_probability: float


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
    ending: Ending
    unknown: int | None = None

    def noise(self, generator: np.random.Generator, characters: int) -> npt.NDArray[np.float32]:
        """What chance adds to the logits of a text's next characters."""
        return noise(generator, characters, self.size, self.decoding.temperature)


def one(reader: Reader, task: Task, manner: Manner) -> Iterator[int]:
    """Write one text.

    Args:
        reader: Of shape (), in its zero state.
        task: Where the text starts.
        manner: How it is written.

    Yields:
        The ids after the seed, as they are chosen.
    """
    choose, step = chooser(manner.decoding, manner.unknown), reader.step
    generator = task.generator()
    for seed_id in task.seed:
        logits = step(seed_id)
    ending = manner.ending
    last, tail, line_ends = ending.last, deque[int](maxlen=ending.longest), 0
    ahead, left = max(1, _NOISE // manner.size), ending.at_most
    while left is None or left > 0:
        count = ahead if left is None else min(left, ahead)
        for numbers in manner.noise(generator, count):
            chosen = choose(logits, numbers)
            yield chosen
            if last:
                tail.append(chosen)
                line_ends += chosen == ending.line_end
                if chosen in last and ending.over(tail, line_ends):
                    return
            logits = step(chosen)
        if left is not None:
            left -= count


def many(
    start: Callable[[tuple[int, ...]], Reader],
    tasks: Sequence[Task],
    rows: int,
    manner: Manner,
    *,
    scores: bool = False,
) -> Iterator[Written]:
    """Write many texts side by side; where one is over, the next one begins in its row.

    Args:
        start: Makes a reader of a shape, in its zero state.
        tasks: The texts.
        rows: How many side by side.
        manner: How they are written.
        scores: Whether to tell the log-probabilities.

    Yields:
        The texts in the order of the tasks.
    """
    if not tasks:
        return
    batch = _Batch(start, min(rows, len(tasks)), tasks, manner, scores=scores)
    finished: dict[int, Written] = {}
    for number in range(len(tasks)):
        while number not in finished:
            finished.update(batch.step())
        yield finished.pop(number)


class _Batch:
    """Texts being written side by side, a row for each."""

    def __init__(
        self,
        start: Callable[[tuple[int, ...]], Reader],
        rows: int,
        tasks: Sequence[Task],
        manner: Manner,
        *,
        scores: bool,
    ):
        self._reader = start((rows,))
        self._tasks, self._manner, self._scores = tasks, manner, scores
        self._ending = manner.ending
        self._at_most = manner.ending.at_most or np.iinfo(np.int64).max
        self._choose = chooser(manner.decoding, manner.unknown)
        self._rows = np.arange(rows)
        self._ahead = max(1, min(_NOISE, _NOISE_OF_ALL // rows) // manner.size)
        self._noise = np.zeros((rows, self._ahead, manner.size), np.float32)
        self._is_last = np.zeros(manner.size, np.bool_)
        self._is_last[list(self._ending.last)] = True
        # Of each row: its task, -1 where it has none; its ids, first the seed's; how many of them
        # were read; how many the seed has; and what was counted since.
        self._task = np.full(rows, -1)
        self._ids = np.zeros((rows, 64), np.int64)
        self._read, self._seed = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._line_ends, self._log_probability = np.zeros(rows, np.int64), np.zeros(rows)
        self._generators = [np.random.default_rng(0)] * rows
        self._next = 0
        for row in self._rows:
            self._begin(row)

    def step(self) -> dict[int, Written]:
        """Read a character in each row and choose the next one; returns the texts then over."""
        logits = self._reader.step(self._ids[self._rows, self._read])
        self._read += self._task >= 0
        if self._read.max() == self._ids.shape[1]:
            self._make_room()
        written = self._read - self._seed  # before the one that is chosen now
        writing = written >= 0
        place = written % self._ahead
        for row in np.flatnonzero(writing & (place == 0)):
            self._draw(row, int(written[row]))
        chosen = self._choose(logits, self._noise[self._rows, place])
        if self._scores:
            scores = log_probabilities(logits)[self._rows, chosen]
            self._log_probability += np.where(writing, scores, 0)
        places = (self._rows, self._read)
        self._ids[places] = np.where(writing, chosen, self._ids[places])
        over = written + 1 == self._at_most
        if self._ending.last:
            self._line_ends += writing & (chosen == self._ending.line_end)
            for row in np.flatnonzero(writing & self._is_last[chosen]):
                end = self._read[row] + 1
                tail = self._ids[row, max(self._seed[row], end - self._ending.longest) : end]
                over[row] |= self._ending.over(tail.tolist(), int(self._line_ends[row]))
        return dict(self._end(row) for row in np.flatnonzero(over))

    def _draw(self, row: np.int64, written: int) -> None:
        count = min(self._ahead, self._at_most - written)
        self._noise[row, :count] = self._manner.noise(self._generators[row], count)

    def _end(self, row: np.int64) -> tuple[int, Written]:
        number = int(self._task[row])
        ids = self._ids[row, self._seed[row] : self._read[row] + 1].copy()
        mean = float(self._log_probability[row] / len(ids)) if self._scores else math.nan
        written = Written(ids, mean)
        self._begin(row)
        return number, written

    def _begin(self, row: Any) -> None:
        """Put the next task into a row; without one it goes on reading id 0, for nothing."""
        self._reader.reset(row)
        self._read[row] = self._line_ends[row] = self._log_probability[row] = 0
        self._ids[row, 0], self._task[row], self._seed[row] = 0, -1, np.iinfo(np.int64).max
        if self._next < len(self._tasks):
            task = self._tasks[self._next]
            self._generators[row] = task.generator()
            seed = task.seed
            while len(seed) >= self._ids.shape[1]:
                self._make_room()
            self._ids[row, : len(seed)] = seed
            self._task[row], self._seed[row] = self._next, len(seed)
            self._next += 1

    def _make_room(self) -> None:
        self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
