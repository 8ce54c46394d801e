"""Texts that are generated side by side by a network of subwords, cut at characters."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from textgen.sampling.batch import Batch, Flags, Numbers
from textgen.sampling.cells import Floats
from textgen.sampling.details import Details
from textgen.sampling.readers import TextRows
from textgen.sampling.requests import GenerationConfig, TextRequest
from textgen.sampling.row_text import Text
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
        reader: TextRows,
        config: GenerationConfig,
        spelling: Spelling,
        *,
        sizes: Sequence[int] | None = None,
    ):
        super().__init__(reader, config, sizes=sizes)
        self._spelling = spelling
        # Of each row: the characters of its text, and how many of the first token's characters are
        # in the seed.
        self._characters = np.zeros(reader.capacity, np.int64)
        self._known = np.zeros(reader.capacity, np.int64)
        # Texts that read a seed whose end is held back, and those that do so from the next step on.
        self._held_back, self._begun = set[Text](), set[Text]()
        # Of this step: rows that choose the first token after such a seed; texts that have to read
        # their seed again, with the ids.
        self._continued: dict[int, SeedEnd] = {}
        self._again: list[tuple[Text, list[int]]] = []
        # Characters that texts can end with, and the tokens that have one of them.
        self._final_ids, self._final_tokens = frozenset[int](), np.zeros(0, np.int64)

    def start(
        self,
        request: TextRequest,
        config: GenerationConfig,
        details: Details | None = None,
        *,
        scores: bool = False,
    ) -> Text:
        text = super().start(request, config, details, scores=scores)
        row = text.row
        self._characters[row] = self._known[row] = 0
        if request.continuations:
            self._table.is_empty[row] = False
        if config.stop.final_ids != self._final_ids:
            self._final_ids = config.stop.final_ids
            self._final_tokens = self._spelling.containing([*self._final_ids])
        self._is_final[row, self._final_tokens] = True
        return text

    def _begin(self, text: Text) -> None:
        super()._begin(text)
        if text.request.continuations:
            text.seed_end = SeedEnd(text.request.continuations, text.request.seed_ids)
            self._begun.add(text)

    def remove(self, text: Text) -> None:
        self._held_back.discard(text)
        self._begun.discard(text)
        super().remove(text)

    def advance(self, tokens: int) -> list[Text]:  # noqa: ARG002  compiled code writes characters
        return self.step()

    def step(self) -> list[Text]:
        self._held_back |= self._begun
        self._begun.clear()
        ended = super().step()
        for text, ids in self._again:
            if text.finish is None:
                self._reader.reset(text.row)
                self._schedule_text(text, ids)
                self._current[text.row] = text.read_seed(ids)
                self._reading[text.row] = True
        self._again.clear()
        return ended

    def take(self, text: Text, table: Sequence[str]) -> list[str]:
        row, pieces = text.row, text.take_prompt(table)
        for place in range(text.taken, int(self._length[row])):
            token_id = int(self._table.ids[row, place])
            known = 0 if place else int(self._known[row])
            if token_id != self._end_id:
                left = int(self._characters[row]) - text.taken_characters
                piece = table[token_id][known:][:left]
                text.taken_characters += len(piece)
                if piece:
                    pieces.append(piece)
            elif text.shows_end:
                pieces.append(table[token_id])
        text.taken = int(self._length[row])
        return pieces

    def _is_shown(self, text: Text, token_id: int) -> bool:
        if token_id == self._end_id:
            return super()._is_shown(text, token_id)
        # The first token after a seed may have no more characters than those of the seed.
        return bool(self._characters[text.row] > self._before[text.row])

    def _count_characters(self, row: int) -> int:
        return int(self._characters[row])

    def _known_lengths(self, text: Text, ids: list[int]) -> list[int]:
        seed_end = self._continued.get(text.row)
        if seed_end is None:
            return super()._known_lengths(text, ids)
        return [seed_end.locate(number)[0] for number in ids]

    def _arrays(self) -> tuple[Numbers, ...]:
        return (*super()._arrays(), self._characters, self._known)

    def _restrict(self, logits: Floats) -> Floats:
        restricted = logits
        self._continued.clear()
        for text in self._held_back:
            if text.seed_end is not None and text.seed_end.read(logits[text.row]):
                if restricted is logits:
                    restricted = logits.copy()
                restricted[text.row] = text.seed_end.scores()
                self._continued[text.row] = text.seed_end
        return restricted

    def _limit(self, chosen: Numbers, writing: Flags) -> tuple[Flags, Flags]:
        for row, seed_end in self._continued.items():
            text = self._texts[row]
            self._held_back.discard(text)
            known, again = seed_end.locate(int(chosen[row]))
            self._known[row], self._characters[row] = known, -known
            if again:
                self._again.append((text, [*again, int(chosen[row])]))
        characters, max_length = self._characters[: self._count], self._max_length[: self._count]
        before = np.maximum(characters, 0)
        after = characters + self._spelling.lengths[chosen]
        at_most = writing & (after > max_length - (not self._has_end))
        self._before, self._added = before, after - before
        np.copyto(characters, np.minimum(after, max_length), where=writing)
        return writing, at_most

    def _score(self, logits: Floats, chosen: Numbers) -> Numbers:
        highest = logits.max(axis=-1)
        sums = np.exp(logits - highest[:, None]).sum(axis=-1, dtype=np.float64)
        scores = logits[self._rows[: self._count], chosen] - highest - np.log(sums)
        kept = self._characters[: self._count] - self._before
        # A token without new characters is the end of the document, or of the seed.
        self._score_each = np.where(self._added > 0, scores / np.maximum(self._added, 1), 0)
        return np.where(self._added > 0, kept * self._score_each, scores)

    def _is_stopped(self, row: int) -> bool:
        """Whether a text ends with the token that was just written, or inside it."""
        stop, length = self._texts[row].config.stop, int(self._length[row])
        *tokens, last = self._table.ids[row, max(0, length - stop.tail_length) : length].tolist()
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
                if self._scored:
                    left_out = end - self._characters[row]
                    self._log_probability[row] -= left_out * self._score_each[row]
                return True
        return False

    def _written(self, row: int) -> npt.NDArray[np.int32]:
        tokens = self._table.ids[row, : self._length[row]].tolist()
        ids = [*chain.from_iterable(map(self._spelling.ids.__getitem__, tokens))]
        first = int(self._known[row])
        has_end = self._end_id in tokens[-1:]
        return np.array(ids[first : first + int(self._characters[row]) + has_end], np.int32)
