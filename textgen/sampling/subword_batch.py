"""Texts that are generated side by side by a network of subwords, cut at characters."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.batch import Batch, Flags, Rows
from textgen.sampling.cells import Floats
from textgen.sampling.network import Reader
from textgen.sampling.requests import GenerationConfig, TextRequest
from textgen.sampling.subwords import HeldBack, Spelling


class SubwordBatch(Batch):
    """Texts of tokens of several characters, side by side.

    A row holds tokens, and how many of their characters belong to its text: those after the end of
    the seed that was held back, up to where the text ends.

    Args:
        spelling: The characters of the tokens. The others are those of `Batch`.
    """

    def __init__(
        self,
        reader: Reader,
        rows: int,
        requests: Iterator[TextRequest],
        config: GenerationConfig,
        spelling: Spelling,
        *,
        scores: bool,
    ):
        self._spelling = spelling
        self._held_back: list[HeldBack | None] = [None] * rows
        # Of each row: the characters of its text, less than 0 before those of the seed's end that
        # was held back; the share of the last token that belongs to the text.
        self._characters, self._share = np.zeros(rows, np.int64), np.ones(rows)
        super().__init__(reader, rows, requests, config, scores=scores)
        final_ids = self._stop.final_ids
        self._is_final[spelling.containing([*final_ids])] = True

    def _start(self, row: Any, request: TextRequest) -> None:
        held_back = request.held_back
        self._held_back[row] = held_back
        self._characters[row] = 0
        if held_back is not None:
            self._characters[row] = -held_back.length
            self._is_empty[row] = False

    def _draw_noise(self, rows: Rows) -> None:
        for row in rows:
            self._noise[row] = self._config.draw_noise(self._generators[row], self._block)

    def _restrict(self, logits: Floats, writing: Flags) -> Floats:
        restricted = logits
        for row in np.flatnonzero(writing & (self._characters < 0)):
            if restricted is logits:
                restricted = logits.copy()
            held_back = self._held_back[row]
            assert held_back is not None  # noqa: S101 for mypy: its length is below 0
            restricted[row] = held_back.restrict(logits[row])
        return restricted

    def _limit(self, chosen: Rows, writing: Flags) -> tuple[Flags, Flags]:
        before = np.maximum(self._characters, 0)
        after = self._characters + self._spelling.lengths[chosen]
        at_most = writing & (after > self._max_length - (not self._stop.has_document_end))
        self._before, self._added = before, after - before
        np.copyto(self._characters, np.minimum(after, self._max_length), where=writing)
        return writing, at_most

    def _score(self, logits: Floats, chosen: Rows) -> Rows:
        highest = logits.max(axis=-1)
        sums = np.exp(logits - highest[:, None]).sum(axis=-1, dtype=np.float64)
        scores = logits[self._rows, chosen] - highest - np.log(sums)
        kept = self._characters - self._before
        # A token without new characters is the end of the document, or of the seed.
        self._score_each = np.where(self._added > 0, scores / np.maximum(self._added, 1), 0)
        return np.where(self._added > 0, kept * self._score_each, scores)

    def _is_stopped(self, row: np.int64) -> bool:
        """Whether a text ends with the token that was just written, or inside it."""
        stop, length = self._stop, int(self._length[row])
        *tokens, last = self._ids[row, max(0, length - stop.tail_length) : length].tolist()
        if last == stop.document_end_id:
            return True
        before, end = int(self._before[row]), int(self._characters[row])
        earlier = [*chain.from_iterable(map(self._spelling.ids.__getitem__, tokens))]
        earlier = earlier[max(0, len(earlier) - before) :]  # without the seed
        added = self._spelling.ids[last][-int(self._added[row]) :][: end - before]
        text, first = [*earlier, *added], len(earlier)
        for place, character_id in enumerate(added, start=first + 1):
            tail = text[max(0, place - stop.tail_length) : place]
            if character_id in stop.final_ids and stop.is_met(tail, int(self._line_ends[row])):
                self._characters[row] = before + place - first
                if self._scores:
                    left_out = end - self._characters[row]
                    self._log_probability[row] -= left_out * self._score_each[row]
                return True
        return False

    def _written(self, row: np.int64) -> npt.NDArray[np.int32]:
        tokens = self._ids[row, : self._length[row]].tolist()
        ids = [*chain.from_iterable(map(self._spelling.ids.__getitem__, tokens))]
        held_back = self._held_back[row]
        first = 0 if held_back is None else held_back.length
        has_end = self._stop.document_end_id in tokens[-1:]
        return np.array(ids[first : first + int(self._characters[row]) + has_end], np.int32)
