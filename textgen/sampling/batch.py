"""Texts that are generated side by side, one in each row, by a network of characters.

Long because it is one class, whose step does everything for all rows at once.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.kernels.text_table import RUNNING, STOPPED, TextTable
from textgen.sampling.cells import Floats
from textgen.sampling.choosers import Choosers
from textgen.sampling.control import adjust_logits, advance_all, is_complete
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.details import Details
from textgen.sampling.readers import TextRows
from textgen.sampling.requests import (
    RANDOM_BLOCK,
    GeneratedIds,
    GenerationConfig,
    TextRequest,
    exclude,
)
from textgen.sampling.row_settings import RowSettings, can_be_compiled
from textgen.sampling.row_text import Text

Numbers = npt.NDArray[Any]  # of each row
Flags = npt.NDArray[np.bool_]


class Batch:
    """Texts that are generated side by side. They start and end between steps.

    Args:
        reader: Reads the texts; no other object uses it.
        config: How one of the texts is generated. The others may be generated in another way, by
            the same model: their vocabulary and spelling are the same.
        sizes: The numbers of rows that a step may compute, as from `find_batch_sizes`; by default
            as many as there are texts.

    Example:
        >>> batch = Batch(network.rows(64), config)  # doctest: +SKIP
        >>> text = batch.start(request, config)  # doctest: +SKIP
        >>> while text not in batch.step():  # doctest: +SKIP
        ...     pass
        >>> batch.result(text).ids  # doctest: +SKIP
    """

    def __init__(
        self,
        reader: TextRows,
        config: GenerationConfig,
        *,
        sizes: Sequence[int] | None = None,
    ):
        self._reader = reader
        self._schedule = getattr(reader, "schedule", None)
        rows = reader.capacity
        self._sizes = range(1, rows + 1) if sizes is None else sizes
        self._end_id = config.stop.document_end_id
        self._has_end = config.stop.has_document_end
        self._rows = np.arange(rows)
        self._texts: dict[int, Text] = {}  # by row
        self._count = 0  # rows up to the last one with a text
        self._gaps: set[int] = set()  # rows before it that have none
        self._detailed: dict[Text, Details] = {}
        self._controlled: set[Text] = set()
        self._scored: set[Text] = set()
        # Texts that compiled code cannot write, and how it writes the others.
        self._special: set[Text] = set()
        self._settings: RowSettings | None = None
        # Of each row: what compiled code needs, too, and some of that by itself; whether it still
        # reads its seed; the ids that it can end with; how its tokens are chosen.
        table = TextTable(rows, 64, RANDOM_BLOCK, config.vocabulary_size)
        table.end_id, table.line_end_id = self._end_id, config.stop.line_end_id
        self._table = table
        self._current, self._length = table.current, table.length
        self._max_length, self._line_ends = table.max_length, table.line_ends
        self._log_probability = table.log_probability
        self._reading = np.zeros(rows, np.bool_)
        self._is_final = np.zeros((rows, config.vocabulary_size), np.bool_)
        self._choosers = Choosers(rows)
        # Of this step: texts that end without a token; tokens that follow in prompts; texts whose
        # seed is read next.
        self._finished: list[Text] = []
        self._following: list[tuple[Text, int]] = []
        self._beginning: list[Text] = []

    @property
    def room(self) -> int:
        """How many more texts can start."""
        return self._reader.capacity - len(self._texts)

    def start(
        self,
        request: TextRequest,
        config: GenerationConfig,
        details: Details | None = None,
        *,
        scores: bool = False,
    ) -> Text:
        """Start a text, if there is room; the next step reads the first token of its seed.

        Args:
            request: Its seed and random numbers.
            config: How it is generated.
            details: What to record of its tokens; None for nothing.
            scores: Whether to compute its log-probability.
        """
        row = self._gaps.pop() if self._gaps else self._count
        self._count = max(self._count, row + 1)
        text = self._texts[row] = Text(request, config, row, details)
        self._length[row] = self._line_ends[row] = self._log_probability[row] = 0
        self._table.position[row] = RANDOM_BLOCK
        self._max_length[row] = config.max_length(request)
        self._table.is_empty[row] = config.stop.is_empty(request.seed_ids)
        self._is_final[row] = False
        self._is_final[row, list(config.stop.final_ids)] = True
        self._choosers.add(row, config)
        if text.controls:
            self._controlled.add(text)
        if scores:
            self._scored.add(text)
        if details is not None or not can_be_compiled(config):
            self._special.add(text)
        if self._settings is not None:
            self._settings.set(row, config)
        if details is not None:
            self._detailed[text] = details
        if details is not None and details.prompt is not None:
            details.start()
            self._read(text, details.prompt.ids, details.prompt.label_ids)
        else:
            self._begin(text)
        return text

    def remove(self, text: Text) -> None:
        """Take a text out of its row, whether it has ended or not."""
        del self._texts[text.row]
        self._gaps.add(text.row)
        self._detailed.pop(text, None)
        self._controlled.discard(text)
        self._scored.discard(text)
        self._special.discard(text)
        self._choosers.remove(text.config)

    def advance(self, tokens: int) -> list[Text]:
        """Do as many steps, in compiled code if that writes the texts, or else one.

        Returns:
            As `step`.
        """
        compiled = getattr(self._reader, "compiled", None)
        if compiled is None or self._special:
            return self.step()
        self._close_gaps()
        count = self._count
        if not count:
            return []
        self._prepare(tokens)
        compiled.run(self._table, tokens, count)
        ended = np.flatnonzero(self._table.status[:count] != RUNNING)
        for row in np.flatnonzero(self._reading[:count]).tolist():
            text = self._texts[row]
            text.seed_place += len(text.seed[text.seed_place :][:tokens])
            text.seed_place -= int(self._table.seed_end[row] - self._table.seed_position[row])
            self._reading[row] = not self._length[row]  # or the last id of the seed is next
        texts = [self._texts[row] for row in ended.tolist()]
        for text in texts:
            is_stopped = self._table.status[text.row] == STOPPED
            text.finish = "stop" if is_stopped else "length"
        return texts

    def _prepare(self, tokens: int) -> None:
        """Complete the table, for compiled code that reads so many tokens in each row."""
        table, count = self._table, self._count
        if self._settings is None:
            self._settings = RowSettings(table)
            for row, text in self._texts.items():
                self._settings.set(row, text.config)
        self._draw_numbers(np.flatnonzero(table.position[:count] == RANDOM_BLOCK))
        while self._length[:count].max() + tokens > table.ids.shape[1]:
            table.grow()
        table.status[:count], table.has_scores = RUNNING, bool(self._scored)
        table.seed_position[:count] = table.seed_end[:count] = 0
        seed_ids: list[int] = []
        for row in np.flatnonzero(self._reading[:count]).tolist():
            text = self._texts[row]
            table.seed_position[row] = len(seed_ids)
            seed_ids += text.seed[text.seed_place :][:tokens]
            table.seed_end[row] = len(seed_ids)
        table.seed_ids = np.array(seed_ids, np.int32)

    def step(self) -> list[Text]:
        """Read a token in each row and choose the next one.

        Returns:
            The texts that have ended; they have to be removed before the next step.
        """
        self._close_gaps()
        count = self._count
        if not count:
            return []
        computed = self._sizes[bisect_left(self._sizes, count)]
        logits = self._reader.step(self._current[:computed])[:count]
        reading, length = self._reading[:count], self._length[:count]
        self._finished.clear()
        self._following.clear()
        self._beginning.clear()
        if reading.any():
            self._read_seeds(reading)
        writing = ~reading
        place = self._table.position[:count]
        self._draw_numbers(np.flatnonzero(writing & (place == RANDOM_BLOCK)))
        logits = self._restrict(logits)
        possible = logits
        if self._has_end:
            empty = writing & (self._table.is_empty[:count] > 0) & (length == 0)
            possible = exclude(logits, empty, self._end_id) if empty.any() else logits
        if self._controlled:
            possible = self._adjust(possible, writing)
        rows = self._rows[:count]
        numbers = self._table.numbers[rows, np.minimum(place, RANDOM_BLOCK - 1)]
        chosen = self._choosers.choose(possible, numbers)
        place += writing
        writing, at_most = self._limit(chosen, writing)
        if self._scored:
            self._log_probability[:count] += np.where(writing, self._score(logits, chosen), 0)
        if self._detailed:
            self._record(logits, chosen, writing)
        np.copyto(self._current[:count], chosen, where=writing)
        self._table.ids[rows, length] = chosen  # rows that are not writing ignore it
        length += writing
        for text in self._beginning:
            self._begin(text)
        if length.max() == self._table.ids.shape[1]:
            self._table.grow()
        return [*self._finished, *self._end(chosen, writing, at_most)]

    def result(self, text: Text) -> GeneratedIds:
        """What was generated of a text, which was not removed yet."""
        ids = self._written(text.row)
        log_probability = (
            float(self._log_probability[text.row]) if text in self._scored else math.nan
        )
        complete = text.finish == "stop" or not text.config.stop.final_ids
        return GeneratedIds(ids, log_probability, complete)

    def has_more(self, text: Text) -> bool:
        """Whether there are tokens since the last call of `take`."""
        return bool(text.taken < self._length[text.row] or text.has_prompt_tokens)

    def take(self, text: Text, table: Sequence[str]) -> list[str]:
        """The texts of tokens since the last call, of the prompt and then of the generated text.

        Args:
            text: A text that was not removed yet.
            table: The text of each id. The document end is returned only for a text with details,
                and if the text is shorter than it may be.
        """
        first, text.taken = text.taken, int(self._length[text.row])
        ids = self._table.ids[text.row, first : text.taken].tolist()
        if self._has_end and ids[-1:] == [self._end_id] and not text.shows_end:
            ids.pop()
        return [*text.take_prompt(table), *map(table.__getitem__, ids)]

    def _begin(self, text: Text) -> None:
        """Begin to read a text's seed."""
        self._read(text, text.request.seed_ids, text.request.label_ids)
        self._schedule_text(text, text.request.seed_ids)

    def _schedule_text(self, text: Text, seed_ids: Sequence[int]) -> None:
        """Say how long a text is, where its predictions depend on that."""
        if self._schedule is not None:
            self._schedule(text.row, seed_ids, int(self._max_length[text.row]))

    def _read(self, text: Text, ids: Sequence[int], label_ids: Sequence[int]) -> None:
        """Begin to read ids from the zero state."""
        self._reader.reset(text.row)
        if label_ids:
            self._reader.set_labels(text.row, label_ids)
        self._current[text.row], self._reading[text.row] = text.read_seed(ids), True

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
        self._table.move(text.row, row)
        if self._settings is not None:
            self._settings.move(text.row, row)
        self._texts[row], text.row = text, row

    def _arrays(self) -> Sequence[Numbers]:
        """All arrays with something of each row that the table does not have."""
        return self._reading, self._is_final, self._choosers.groups, self._choosers.values

    def _read_seeds(self, reading: Flags) -> None:
        """Go on to the next ids of seeds and prompts."""
        for row in np.flatnonzero(reading).tolist():
            text = self._texts[row]
            following = text.next_seed_id()
            if following is not None:
                self._current[row] = following
                if text.is_in_prompt:
                    self._following.append((text, following))
            elif not self._max_length[row] and (text.is_in_prompt or not self._has_end):
                text.finish = "length"
                self._finished.append(text)
            elif text.is_in_prompt and not text.is_ready:
                text.is_in_prompt = False
                self._beginning.append(text)
            elif is_complete(text.controls):
                text.finish = "stop"
                self._finished.append(text)
            else:
                text.is_in_prompt = reading[row] = False

    def _record(self, logits: Floats, chosen: Numbers, writing: Flags) -> None:
        """Record the tokens of texts with details."""
        written = [(text, int(chosen[text.row])) for text in self._detailed if writing[text.row]]
        tokens = [*self._following, *(each for each in written if self._is_shown(*each))]
        if not tokens:
            return
        logs = log_probabilities(logits[[text.row for text, _ in tokens]])
        for (text, token_id), each in zip(tokens, logs, strict=True):
            details = self._detailed[text]
            if text.is_in_prompt:
                details.prompt_ids.append(token_id)
            details.add(token_id, each, partial(self._known_lengths, text))

    def _is_shown(self, text: Text, token_id: int) -> bool:
        """Whether a token that a text writes is one of those that `take` returns."""
        if token_id == self._end_id:
            text.shows_end = bool(self._count_characters(text.row) < self._max_length[text.row])
            return text.shows_end
        return True

    def _count_characters(self, row: int) -> int:
        """The characters of a text before the token that it writes in this step."""
        return int(self._length[row])

    def _known_lengths(self, _: Text, ids: list[int]) -> list[int]:
        """How many characters of tokens that can be next are in a text's seed."""
        return [0] * len(ids)

    def _draw_numbers(self, rows: Numbers) -> None:
        """Draw the random numbers for the next tokens of some rows."""
        for row in rows.tolist():
            self._table.numbers[row] = self._texts[row].generator.random(RANDOM_BLOCK)
        self._table.position[rows] = 0

    def _adjust(self, logits: Floats, writing: Flags) -> Floats:
        """The logits after the texts' controls."""
        adjusted = logits.copy()
        for text in self._controlled:
            if writing[text.row]:
                left = int(self._max_length[text.row]) - self._count_characters(text.row)
                adjusted[text.row] = adjust_logits(
                    text.controls, logits[text.row], text.config.excluded, left
                )
        return adjusted

    def _restrict(self, logits: Floats) -> Floats:
        """The logits, with -inf for tokens that cannot follow."""
        return logits

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
        for text in self._controlled:
            if writing[text.row] and (token_id := int(chosen[text.row])) != self._end_id:
                stopped[text.row] |= advance_all(text.controls, token_id)
        for row in np.flatnonzero(stopped | at_most).tolist():
            text = self._texts[row]
            text.finish = "stop" if stopped[row] else "length"
            yield text

    def _is_stopped(self, row: int) -> bool:
        """Whether a text ends with the id that was just written, whatever its length."""
        stop, length = self._texts[row].config.stop, self._length[row]
        tail = self._table.ids[row, max(0, length - stop.tail_length) : length]
        return stop.is_met(tail.tolist(), int(self._line_ends[row]))

    def _written(self, row: int) -> npt.NDArray[np.int32]:
        """The ids of a text's characters."""
        return self._table.ids[row, : self._length[row]].copy()
