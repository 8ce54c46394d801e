"""Texts that are generated side by side, one in each row, by a network of characters."""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.context import WindowRows
from textgen.sampling.decoding import Choose, log_probabilities
from textgen.sampling.readers import Rows
from textgen.sampling.requests import GeneratedIds, GenerationConfig, TextRequest, exclude
from textgen.sampling.subwords import SeedEnd

Numbers = npt.NDArray[Any]  # a number of each row
Flags = npt.NDArray[np.bool_]  # whether something is so in each row


class Text:
    """A text that is generated in a row of a batch.

    Attributes:
        request: Its seed and random numbers.
        config: How it is generated.
        finish: `stop` once it has reached its stop condition, `length` once it has its maximum
            length, None before.
    """

    __slots__ = ("config", "finish", "generator", "request", "row", "seed", "seed_end")

    def __init__(self, request: TextRequest, config: GenerationConfig, row: int):
        self.request, self.config, self.row = request, config, row
        self.seed = iter(request.seed_ids)  # the rest of it
        self.seed_end: SeedEnd | None = None
        self.generator = request.generator()
        self.finish: Literal["stop", "length"] | None = None


class Batch:
    """Texts that are generated side by side. They start and end between steps.

    Args:
        reader: Reads the texts; no other object uses it.
        config: How one of the texts is generated. The others may be generated in another way, by
            the same model: their vocabulary and spelling are the same.
        scores: Whether to compute log-probabilities.

    Example:
        >>> batch = Batch(network.rows(64), config)  # doctest: +SKIP
        >>> text = batch.start(request, config)  # doctest: +SKIP
        >>> while text not in batch.step():  # doctest: +SKIP
        ...     pass
        >>> batch.result(text).ids  # doctest: +SKIP
    """

    def __init__(self, reader: Rows | WindowRows, config: GenerationConfig, *, scores: bool):
        self._reader, self._scores = reader, scores
        rows = reader.capacity
        self._end_id = config.stop.document_end_id
        self._has_end = config.stop.has_document_end
        self._rows = np.arange(rows)
        self._texts: dict[int, Text] = {}  # by row
        self._count = 0  # rows up to the last one with a text
        self._gaps: set[int] = set()  # rows before it that have none
        self._block, *shape = config.noise_block(rows)
        self._noise = np.zeros((rows, self._block, *shape), np.float32 if shape else np.float64)
        # Of each row: the id to read next; whether it is still reading its seed, and whether that
        # is empty; the generated ids, their number and the highest number of characters; the sums
        # of line ends and log-probabilities; the ids that it can end with; its group.
        self._current = np.zeros(rows, np.int64)
        self._reading, self._is_empty = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        self._ids = np.zeros((rows, 64), np.int32)
        self._length, self._max_length = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._line_ends, self._log_probability = np.zeros(rows, np.int64), np.zeros(rows)
        self._is_final = np.zeros((rows, config.vocabulary_size), np.bool_)
        self._group = np.zeros(rows, np.int64)
        # Rows of a group choose their tokens in the same way.
        self._groups: dict[Hashable, tuple[int, Choose]] = {}
        self._group_sizes = Counter[Hashable]()

    def __len__(self) -> int:
        """The number of texts."""
        return len(self._texts)

    @property
    def has_room(self) -> bool:
        """Whether one more text can start."""
        return len(self) < self._reader.capacity

    def start(self, request: TextRequest, config: GenerationConfig) -> Text:
        """Start a text, if there is room; the next step reads the first token of its seed.

        Args:
            request: Its seed and random numbers.
            config: How it is generated.
        """
        row = self._gaps.pop() if self._gaps else self._count
        self._count = max(self._count, row + 1)
        text = self._texts[row] = Text(request, config, row)
        self._reader.reset(row)
        if request.label_ids:
            self._reader.set_labels(row, request.label_ids)
        self._current[row], self._reading[row] = next(text.seed), True
        self._length[row] = self._line_ends[row] = self._log_probability[row] = 0
        self._max_length[row] = config.max_length(request)
        self._is_empty[row] = config.stop.is_empty(request.seed_ids)
        self._is_final[row] = False
        self._is_final[row, list(config.stop.final_ids)] = True
        self._join_group(row, config)
        return text

    def remove(self, text: Text) -> None:
        """Take a text out of its row, whether it has ended or not."""
        del self._texts[text.row]
        self._gaps.add(text.row)
        key = text.config.chooser_key
        self._group_sizes[key] -= 1
        if not self._group_sizes[key]:
            del self._groups[key], self._group_sizes[key]

    def step(self) -> list[Text]:
        """Read a token in each row and choose the next one.

        Returns:
            The texts that have ended; they have to be removed before the next step.
        """
        self._close_gaps()
        count = self._count
        if not count:
            return []
        logits = self._reader.step(self._current[:count])
        reading, length = self._reading[:count], self._length[:count]
        if reading.any():
            self._read_seeds(reading)
        writing = ~reading
        place = length % self._block
        self._draw_noise(np.flatnonzero(writing & (place == 0)))
        logits = self._restrict(logits)
        possible = logits
        if self._has_end:
            empty = writing & self._is_empty[:count] & (length == 0)
            possible = exclude(logits, empty, self._end_id) if empty.any() else logits
        rows = self._rows[:count]
        chosen = self._choose(possible, self._noise[rows, place])
        writing, at_most = self._limit(chosen, writing)
        if self._scores:
            self._log_probability[:count] += np.where(writing, self._score(logits, chosen), 0)
        np.copyto(self._current[:count], chosen, where=writing)
        self._ids[rows, length] = chosen  # rows that are not writing ignore it
        length += writing
        if length.max() == self._ids.shape[1]:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
        return [*self._end(chosen, writing, at_most)]

    def result(self, text: Text) -> GeneratedIds:
        """What was generated of a text, which was not removed yet."""
        ids = self._written(text.row)
        log_probability = float(self._log_probability[text.row]) if self._scores else math.nan
        complete = text.finish == "stop" or not text.config.stop.final_ids
        return GeneratedIds(ids, log_probability, complete)

    def _join_group(self, row: int, config: GenerationConfig) -> None:
        key = config.chooser_key
        if key not in self._groups:
            used = {number for number, _ in self._groups.values()}
            number = next(number for number in range(len(used) + 1) if number not in used)
            self._groups[key] = number, config.make_chooser()
        self._group[row] = self._groups[key][0]
        self._group_sizes[key] += 1

    def _close_gaps(self) -> None:
        """Move texts so that there are none in the first rows only."""
        for gap in sorted(self._gaps, reverse=True):
            self._count -= 1
            if self._count != gap:
                self._move(self._texts.pop(self._count), gap)
        self._gaps.clear()

    def _move(self, text: Text, row: int) -> None:
        self._reader.move(text.row, row)
        for array in self._arrays():
            array[row] = array[text.row]
        self._texts[row], text.row = text, row

    def _arrays(self) -> Sequence[Numbers]:
        """All arrays with something of each row."""
        return (
            *(self._current, self._reading, self._is_empty, self._ids, self._length),
            *(self._max_length, self._line_ends, self._log_probability, self._is_final),
            *(self._group, self._noise),
        )

    def _read_seeds(self, reading: Flags) -> None:
        """Go on to the next ids of seeds."""
        for row in np.flatnonzero(reading).tolist():
            text = self._texts[row]
            following = next(text.seed, None)
            if following is None:
                reading[row] = False
            else:
                self._current[row] = following

    def _draw_noise(self, rows: Numbers) -> None:
        """Draw the random numbers for the next tokens of some rows."""
        for row in rows.tolist():
            text = self._texts[row]
            # The document end is no character: one more id may be chosen.
            left = self._max_length[row] + self._has_end - self._length[row]
            count = int(min(self._block, left))
            self._noise[row, :count] = text.config.draw_noise(text.generator, count)

    def _restrict(self, logits: Floats) -> Floats:
        """The logits, with -inf for tokens that cannot follow."""
        return logits

    def _choose(self, logits: Floats, noise: Floats) -> Numbers:
        """The ids that follow in all rows."""
        if len(self._groups) == 1:
            ((_, choose),) = self._groups.values()
            return np.asarray(choose(logits, noise))
        chosen = np.zeros(self._count, np.int64)
        for number, choose in self._groups.values():
            rows = np.flatnonzero(self._group[: self._count] == number)
            chosen[rows] = choose(logits[rows], noise[rows])
        return chosen

    def _limit(self, chosen: Numbers, writing: Flags) -> tuple[Flags, Flags]:
        """Which rows write the chosen id, and which end because of their length."""
        length, max_length = self._length[: self._count], self._max_length[: self._count]
        at_most = writing & (length + (not self._has_end) == max_length)
        if self._has_end:  # a document that gets too long: this character is left out
            at_most &= chosen != self._end_id
            writing = writing & ~at_most
        return writing, at_most

    def _score(self, logits: Floats, chosen: Numbers) -> Numbers:
        """The log-probabilities of the chosen ids."""
        return np.asarray(log_probabilities(logits)[self._rows[: self._count], chosen])

    def _end(self, chosen: Numbers, writing: Flags, at_most: Flags) -> Iterator[Text]:
        """End texts; yields them."""
        rows = self._rows[: self._count]
        final = self._is_final[rows, chosen]
        stopped = np.zeros_like(writing)
        if final.any():
            for row in np.flatnonzero(writing & final).tolist():
                self._line_ends[row] += chosen[row] == self._texts[row].config.stop.line_end_id
                stopped[row] = self._is_stopped(row)
        for row in np.flatnonzero(stopped | at_most).tolist():
            text = self._texts[row]
            text.finish = "stop" if stopped[row] else "length"
            yield text

    def _is_stopped(self, row: int) -> bool:
        """Whether a text ends with the id that was just written, whatever its length."""
        stop, length = self._texts[row].config.stop, self._length[row]
        tail = self._ids[row, max(0, length - stop.tail_length) : length]
        return stop.is_met(tail.tolist(), int(self._line_ends[row]))

    def _written(self, row: int) -> npt.NDArray[np.int32]:
        """The ids of a text's characters."""
        return self._ids[row, : self._length[row]].copy()
