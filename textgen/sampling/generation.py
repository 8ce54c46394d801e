"""The loops that generate ids: one text as a stream, or many texts side by side.

`generate_stream` and `generate_batch` generate the same texts: the random numbers of a text depend
on its own request only.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.decoding import draw_noise, log_probabilities, make_chooser
from textgen.sampling.network import Reader
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding

_NOISE_BLOCK = 1 << 16  # random numbers drawn at a time for a text: enough to make drawing cheap
_MAX_BATCH_NOISE = 1 << 20  # random numbers held for all texts of a batch
_ENDLESS = np.iinfo(np.int64).max - 1


@dataclass(frozen=True)
class TextRequest:
    """A text to generate.

    Attributes:
        seed_ids: Ids to start from, one or more.
        entropy: Numbers that determine the text's random numbers, as for `np.random.SeedSequence`.
        label_ids: Ids of the document's labels; empty for a network without labels.
        max_length: Characters after the seed, instead of the maximum of the stop condition.
    """

    seed_ids: Sequence[int]
    entropy: tuple[int, ...]
    label_ids: tuple[int, ...] = ()
    max_length: int | None = None

    def generator(self) -> np.random.Generator:
        """A new generator of the text's random numbers."""
        return np.random.default_rng(self.entropy)


@dataclass(frozen=True)
class GeneratedIds:
    """The ids of a generated text.

    Attributes:
        ids: The ids after the seed, shape (ids,); with the document end, if it was reached.
        log_probability: The sum of the natural logarithms of the ids' probabilities, at
            temperature 1 and without filters; nan if scores were not requested.
        complete: Whether the text reached its stop condition: the document end, a text or number of
            lines to stop after or, without these, its maximum length.
    """

    ids: npt.NDArray[np.int32]
    log_probability: float
    complete: bool

    @property
    def mean_log_probability(self) -> float:
        """The mean over all ids; nan if there are none."""
        return self.log_probability / len(self.ids) if len(self.ids) else math.nan


@dataclass(frozen=True)
class GenerationConfig:
    """How texts are generated.

    Attributes:
        vocabulary_size: Number of ids.
        decoding: How characters are chosen.
        stop: When a text ends.
        excluded: Ids that are never chosen.
    """

    vocabulary_size: int
    decoding: Decoding
    stop: StopCondition
    excluded: tuple[int, ...] = ()

    def draw_noise(self, generator: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
        """The random numbers for choosing the next `count` characters of a text."""
        return draw_noise(generator, count, self.vocabulary_size, self.decoding.temperature)

    def max_length(self, request: TextRequest) -> int:
        """Characters after the seed of a text, at most; a huge number if there is no bound."""
        own, shared = request.max_length, self.stop.max_length
        length = shared if own is None else own
        return _ENDLESS if length is None else min(length, _ENDLESS)


def generate_stream(
    reader: Reader,
    request: TextRequest,
    config: GenerationConfig,
    on_complete: Callable[[], object] = lambda: None,
) -> Iterator[int]:
    """Generate one text.

    Args:
        reader: Of shape (), in its zero state and without labels.
        request: The text's seed and random numbers.
        config: How it is generated.
        on_complete: Called if the text reaches its stop condition, as in `GeneratedIds.complete`.

    Yields:
        The ids after the seed, each as soon as it is chosen, without the document end.
    """
    if request.label_ids:
        reader.set_labels((), request.label_ids)
    choose, step = make_chooser(config.decoding, config.excluded), reader.step
    generator = request.generator()
    for seed_id in request.seed_ids:
        logits = step(seed_id)
    stop = config.stop
    final_ids, tail, line_ends = stop.final_ids, deque[int](maxlen=stop.tail_length), 0
    block, length = max(1, _NOISE_BLOCK // config.vocabulary_size), 0
    max_length = config.max_length(request)
    places = max_length + stop.has_document_end  # the document end is no character
    while length < places:
        for noise in config.draw_noise(generator, min(places - length, block)):
            if not length and stop.is_empty(request.seed_ids):
                logits = _without(logits, ..., stop.document_end_id)
            chosen = choose(logits, noise)
            if chosen == stop.document_end_id:
                on_complete()
                return
            length += 1
            if length > max_length:  # and the document has not ended
                return
            yield chosen
            if final_ids:
                tail.append(chosen)
                line_ends += chosen == stop.line_end_id
                if chosen in final_ids and stop.is_met(tail, line_ends):
                    on_complete()
                    return
            logits = step(chosen)
    if not final_ids:
        on_complete()


def generate_batch(
    make_reader: Callable[[tuple[int, ...]], Reader],
    requests: Iterable[TextRequest],
    rows: int,
    config: GenerationConfig,
    *,
    scores: bool = False,
) -> Iterator[GeneratedIds]:
    """Generate many texts side by side; when one ends, the next one starts in its row.

    Args:
        make_reader: Makes a reader of a shape, in its zero state.
        requests: The texts' seeds and random numbers.
        rows: How many texts side by side, at most.
        config: How they are generated.
        scores: Whether to compute log-probabilities.

    Yields:
        The texts in the order of the requests.
    """
    remaining = iter(requests)
    first = list(islice(remaining, rows))
    if not first:
        return
    batch = _Batch(make_reader, len(first), chain(first, remaining), config, scores=scores)
    finished: dict[int, GeneratedIds] = {}
    for number in count():
        while number not in finished and batch.busy:
            finished.update(batch.step())
        if number not in finished:
            return
        yield finished.pop(number)


class _Batch:
    """Texts that are generated side by side, one in each row."""

    def __init__(
        self,
        make_reader: Callable[[tuple[int, ...]], Reader],
        rows: int,
        requests: Iterator[TextRequest],
        config: GenerationConfig,
        *,
        scores: bool,
    ):
        self._reader = make_reader((rows,))
        self._requests, self._config, self._scores = enumerate(requests), config, scores
        self._stop = config.stop
        self._choose = make_chooser(config.decoding, config.excluded)
        self._rows = np.arange(rows)
        size = config.vocabulary_size
        self._block = max(1, min(_NOISE_BLOCK, _MAX_BATCH_NOISE // rows) // size)
        self._noise = np.zeros((rows, self._block, size), np.float32)
        self._is_final = np.zeros(size, np.bool_)
        self._is_final[list(self._stop.final_ids)] = True
        # Of each row: the number of its text, -1 for none; the rest of its seed, whether it is
        # still reading that, and whether the seed is empty; the id to read next; the generated
        # ids, their number and the highest number of characters; the sums of line ends and
        # log-probabilities.
        self._number = np.full(rows, -1)
        self._seeds: list[Iterator[int]] = [iter(())] * rows
        self._reading, self._is_empty = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        self._current = np.zeros(rows, np.int64)
        self._ids = np.zeros((rows, 64), np.int32)
        self._length, self._max_length = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._line_ends, self._log_probability = np.zeros(rows, np.int64), np.zeros(rows)
        self._generators = [np.random.default_rng(0)] * rows
        for row in self._rows:
            self._start_next(row)

    @property
    def busy(self) -> bool:
        """Whether any row has a text."""
        return bool((self._number >= 0).any())

    def step(self) -> dict[int, GeneratedIds]:
        """Read a character in each row and choose the next one; returns the texts that end."""
        logits = self._reader.step(self._current)
        for row in np.flatnonzero(self._reading):
            following = next(self._seeds[row], None)
            if following is None:
                self._reading[row] = False
            else:
                self._current[row] = following
        writing = ~self._reading & (self._number >= 0)
        place = self._length % self._block
        has_end = self._stop.has_document_end  # which is no character: one more id may be chosen
        for row in np.flatnonzero(writing & (place == 0)):
            length = int(min(self._block, self._max_length[row] + has_end - self._length[row]))
            self._noise[row, :length] = self._config.draw_noise(self._generators[row], length)
        empty = writing & self._is_empty & (self._length == 0)
        possible = _without(logits, empty, self._stop.document_end_id) if empty.any() else logits
        chosen = self._choose(possible, self._noise[self._rows, place])
        at_most = writing & (self._length + (not has_end) == self._max_length)
        if has_end:  # a document that gets too long: this character is left out
            at_most &= chosen != self._stop.document_end_id
            writing &= ~at_most
        if self._scores:
            scores = log_probabilities(logits)[self._rows, chosen]
            self._log_probability += np.where(writing, scores, 0)
        np.copyto(self._current, chosen, where=writing)
        self._ids[self._rows, self._length] = chosen  # rows that are not writing ignore it
        self._length += writing
        if self._length.max() == self._ids.shape[1]:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
        stopped = np.zeros(len(writing), np.bool_)
        if self._stop.final_ids:
            self._line_ends += writing & (chosen == self._stop.line_end_id)
            for row in np.flatnonzero(writing & self._is_final[chosen]):
                length = self._length[row]
                tail = self._ids[row, max(0, length - self._stop.tail_length) : length]
                stopped[row] = self._stop.is_met(tail.tolist(), int(self._line_ends[row]))
        return dict(self._finish(row, stopped[row]) for row in np.flatnonzero(stopped | at_most))

    def _finish(self, row: np.int64, stopped: np.bool_) -> tuple[int, GeneratedIds]:
        number, ids = int(self._number[row]), self._ids[row, : self._length[row]].copy()
        log_probability = float(self._log_probability[row]) if self._scores else math.nan
        complete = bool(stopped) or not self._stop.final_ids
        self._start_next(row)
        return number, GeneratedIds(ids, log_probability, complete)

    def _start_next(self, row: Any) -> None:
        """Start the next text in a row; without one, the row reads id 0 and nothing uses it."""
        self._reader.reset(row)
        self._length[row] = self._line_ends[row] = self._log_probability[row] = 0
        self._number[row], self._reading[row], self._current[row] = -1, False, 0
        for number, request in islice(self._requests, 1):
            self._seeds[row], self._generators[row] = iter(request.seed_ids), request.generator()
            self._number[row], self._reading[row] = number, True
            self._max_length[row] = self._config.max_length(request)
            self._is_empty[row] = self._stop.is_empty(request.seed_ids)
            if request.label_ids:
                self._reader.set_labels(row, request.label_ids)
            self._current[row] = next(self._seeds[row])


def _without(logits: Floats, texts: Any, excluded: int) -> Floats:
    """Logits of which those of one id are -inf for some of the texts."""
    changed = logits.copy()
    changed[texts, excluded] = -np.inf
    return changed
