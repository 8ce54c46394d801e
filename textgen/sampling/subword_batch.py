"""Texts that are generated side by side by a network of subwords, cut at characters."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.batch import Batch, Flags, Rows
from textgen.sampling.cells import Floats
from textgen.sampling.readers import Reader
from textgen.sampling.requests import GeneratedIds, GenerationConfig, TextRequest
from textgen.sampling.subwords import SeedEnd, Spelling


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
        # Of each row: the end of its seed while that is read; the characters of its text, and how
        # many of the first token's characters are in the seed.
        self._seed_ends: dict[int, SeedEnd] = {}
        self._characters, self._known = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        # Of this step: rows that choose the first token after their seed was held back; rows that
        # have to read their seed again, with the numbers of their texts and the ids.
        self._continued: list[int] = []
        self._again: list[tuple[int, int, list[int]]] = []
        super().__init__(reader, rows, requests, config, scores=scores)
        self._is_final[spelling.containing([*self._stop.final_ids])] = True

    def step(self) -> dict[int, GeneratedIds]:
        """Read a token in each row and choose the next one; returns the texts that end."""
        finished = super().step()
        for row, number, (first, *others) in self._again:
            if self._number[row] == number:  # it has not ended
                self._reader.reset(row)
                self._current[row], self._seeds[row] = first, iter(others)
                self._reading[row] = True
        self._again.clear()
        return finished

    def _start(self, row: Any, request: TextRequest) -> None:
        self._characters[row] = self._known[row] = 0
        if request.continuations:
            self._seed_ends[int(row)] = SeedEnd(request.continuations, request.seed_ids)
            self._is_empty[row] = False

    def _draw_noise(self, rows: Rows) -> None:
        for row in rows:
            self._noise[row] = self._config.draw_noise(self._generators[row], self._block)

    def _restrict(self, logits: Floats) -> Floats:
        restricted = logits
        self._continued = []
        for row, seed_end in self._seed_ends.items():
            if seed_end.read(logits[row]):
                if restricted is logits:
                    restricted = logits.copy()
                restricted[row] = seed_end.scores()
                self._continued.append(row)
        return restricted

    def _limit(self, chosen: Rows, writing: Flags) -> tuple[Flags, Flags]:
        for row in self._continued:
            known, again = self._seed_ends.pop(row).locate(int(chosen[row]))
            self._known[row], self._characters[row] = known, -known
            if again:
                self._again.append((row, int(self._number[row]), [*again, int(chosen[row])]))
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
        first = int(self._known[row])
        has_end = self._stop.document_end_id in tokens[-1:]
        return np.array(ids[first : first + int(self._characters[row]) + has_end], np.int32)
