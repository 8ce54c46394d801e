"""Texts that are generated side by side, one in each row, by a network of characters."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.readers import Reader
from textgen.sampling.requests import GeneratedIds, GenerationConfig, TextRequest, exclude

Rows = npt.NDArray[Any]  # a number of each row
Flags = npt.NDArray[np.bool_]  # whether something is so in each row


class Batch:
    """Texts that are generated side by side; when one ends, the next one starts in its row.

    Args:
        reader: Of shape (rows,), in its zero state.
        rows: How many texts side by side.
        requests: The texts; at least as many as rows.
        config: How they are generated.
        scores: Whether to compute log-probabilities.
    """

    def __init__(
        self,
        reader: Reader,
        rows: int,
        requests: Iterator[TextRequest],
        config: GenerationConfig,
        *,
        scores: bool,
    ):
        self._reader = reader
        self._requests, self._config, self._scores = enumerate(requests), config, scores
        self._stop = config.stop
        self._choose = config.make_chooser()
        self._rows = np.arange(rows)
        self._block, *shape = config.noise_block(rows)
        self._noise = np.zeros((rows, self._block, *shape), np.float32 if shape else np.float64)
        self._is_final = np.zeros(config.vocabulary_size, np.bool_)
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
        """Read a token in each row and choose the next one; returns the texts that end."""
        logits = self._reader.step(self._current)
        for row in np.flatnonzero(self._reading):
            following = next(self._seeds[row], None)
            if following is None:
                self._reading[row] = False
            else:
                self._current[row] = following
        writing = ~self._reading & (self._number >= 0)
        place = self._length % self._block
        self._draw_noise(np.flatnonzero(writing & (place == 0)))
        logits = self._restrict(logits)
        empty = writing & self._is_empty & (self._length == 0)
        possible = exclude(logits, empty, self._stop.document_end_id) if empty.any() else logits
        chosen = self._choose(possible, self._noise[self._rows, place])
        writing, at_most = self._limit(chosen, writing)
        if self._scores:
            self._log_probability += np.where(writing, self._score(logits, chosen), 0)
        np.copyto(self._current, chosen, where=writing)
        self._ids[self._rows, self._length] = chosen  # rows that are not writing ignore it
        self._length += writing
        if self._length.max() == self._ids.shape[1]:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
        stopped = np.zeros(len(writing), np.bool_)
        if self._stop.final_ids:
            self._line_ends += writing & (chosen == self._stop.line_end_id)
            for row in np.flatnonzero(writing & self._is_final[chosen]):
                stopped[row] = self._is_stopped(row)
        return dict(self._finish(row, stopped[row]) for row in np.flatnonzero(stopped | at_most))

    def _draw_noise(self, rows: Rows) -> None:
        """Draw the random numbers for the next tokens of some rows."""
        has_end = self._stop.has_document_end  # which is no character: one more id may be chosen
        for row in rows:
            length = int(min(self._block, self._max_length[row] + has_end - self._length[row]))
            self._noise[row, :length] = self._config.draw_noise(self._generators[row], length)

    def _restrict(self, logits: Floats) -> Floats:
        """The logits, with -inf for tokens that cannot follow."""
        return logits

    def _limit(self, chosen: Rows, writing: Flags) -> tuple[Flags, Flags]:
        """Which rows write the chosen id, and which end because of their length."""
        has_end = self._stop.has_document_end
        at_most = writing & (self._length + (not has_end) == self._max_length)
        if has_end:  # a document that gets too long: this character is left out
            at_most &= chosen != self._stop.document_end_id
            writing = writing & ~at_most
        return writing, at_most

    def _score(self, logits: Floats, chosen: Rows) -> Rows:
        """The log-probabilities of the chosen ids."""
        return np.asarray(log_probabilities(logits)[self._rows, chosen])

    def _is_stopped(self, row: np.int64) -> bool:
        """Whether a text ends with the id that was just written, whatever its length."""
        length = self._length[row]
        tail = self._ids[row, max(0, length - self._stop.tail_length) : length]
        return self._stop.is_met(tail.tolist(), int(self._line_ends[row]))

    def _written(self, row: np.int64) -> npt.NDArray[np.int32]:
        """The ids of a text's characters."""
        return self._ids[row, : self._length[row]].copy()

    def _finish(self, row: np.int64, stopped: np.bool_) -> tuple[int, GeneratedIds]:
        number, ids = int(self._number[row]), self._written(row)
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
            self._start(row, request)
            if request.label_ids:
                self._reader.set_labels(row, request.label_ids)
            self._current[row] = next(self._seeds[row])

    def _start(self, row: Any, request: TextRequest) -> None:
        """What else there is to do when a text starts."""
