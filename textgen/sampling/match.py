"""Texts that match a regular expression: a control for each, which excludes all other choices."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from textgen.errors import SettingsError
from textgen.sampling.automaton.distances import FAR
from textgen.sampling.automaton.states import Automaton, Row, State
from textgen.sampling.automaton.trie import Trie
from textgen.sampling.cells import Floats
from textgen.sampling.requests import TextRequest
from textgen.sampling.stopping import StopCondition
from textgen.sampling.subwords import Continuation, Spelling
from textgen.text.vocabulary import Vocabulary

_MAX_MEMORY = 1 << 26  # bytes of rows
_SHOWN = 30  # characters of a seed in a message

Sequences = Sequence[Sequence[int] | None]  # of each token the classes of its characters


def make_match_controls(
    expression: str,
    vocabulary: Vocabulary,
    stop: StopCondition,
    excluded: tuple[int, ...] = (),
    spelling: Spelling | None = None,
) -> Callable[[TextRequest], "MatchControl"]:
    """Make what makes the controls of texts in which `re.search` finds a regular expression.

    A text is its seed and what follows it, up to where it ends.

    Args:
        expression: An expression that `re.compile` accepts.
        vocabulary: The tokens.
        stop: When a text ends.
        excluded: Ids that are never chosen.
        spelling: The characters of each token; None if each token is a character.

    Returns:
        A function for `GenerationConfig.controls`. It raises a SettingsError if a text cannot match
        with its seed and within its length.

    Raises:
        SettingsError: `match` is not regular, too large, or matches no text of the characters.
    """
    endless = replace(stop, max_length=None)
    match = _find_match(expression, vocabulary, endless, excluded, spelling)
    return lambda request: match.control(request, stop.max_length)


class Match:
    """What texts must match; several texts share what is found of the automaton.

    Args and exceptions: as for `make_match_controls`.
    """

    def __init__(
        self,
        expression: str,
        vocabulary: Vocabulary,
        stop: StopCondition,
        excluded: tuple[int, ...],
        spelling: Spelling | None,
    ):
        never, count = frozenset(excluded), len(vocabulary.characters)
        selectable = np.array([number not in never for number in range(count)], np.bool_)
        self._vocabulary, self._stop = vocabulary, stop
        self.automaton = Automaton(expression, vocabulary.characters, selectable, stop)
        classes, tokens = self.automaton.classes, len(vocabulary.tokens)
        spelled = spelling.ids if spelling is not None else [(each,) for each in range(count)]
        self._sequences: list[Sequence[int] | None] = [
            [classes[each] for each in ids] if number < tokens and number not in never else None
            for number, ids in enumerate(spelled)
        ]
        self._sequences += [None] * (vocabulary.size - len(self._sequences))
        self._trie = Trie(self._sequences)
        self._max_rows = max(16, _MAX_MEMORY // (5 * vocabulary.size))
        self._rows = 0
        self._last_seed: tuple[str, State] | None = None
        self._last_first: tuple[str, Sequences, Trie] | None = None

    def control(self, request: TextRequest, max_length: int | None) -> "MatchControl":
        """The control of a text.

        Args:
            request: The text.
            max_length: Characters after the seed, at most, unless the request says; None for no
                bound.

        Raises:
            SettingsError: it cannot match, with this seed or within its length.
        """
        state = self._read(request.seed)
        if (error := self._find_error(request, state, max_length)) is not None:
            raise error
        if not request.continuations or state is self.automaton.anything:
            return MatchControl(self, state, self._sequences, self._trie)
        first = self._last_first
        if first is None or first[0] != request.seed:
            sequences = self._continue(request.continuations)
            first = self._last_first = request.seed, sequences, Trie(sequences)
        return MatchControl(self, state, *first[1:])

    def find_row(self, state: State, left: int, trie: Trie) -> Row:
        """Which tokens may follow a state, if the text ends after some characters."""
        limit = min(left or FAR, trie.depth)
        is_first = trie is not self._trie
        row = None if is_first else state.rows.get(limit)
        if row is None:
            row = self.automaton.compute_row(state, trie, self._stop.document_end_id, limit)
        if not is_first and limit not in state.rows:
            if self._rows == self._max_rows:
                self.automaton.forget()
                self._rows = 0
            self._rows += 1
            state.rows[limit] = row
        return row

    @property
    def later(self) -> tuple[Sequences, Trie]:
        """The tokens after the first one."""
        return self._sequences, self._trie

    def is_complete(self, state: State, left: int) -> bool:
        """Whether a text matches, and no longer one does; a document ends by itself.

        Args:
            state: The text's.
            left: Characters that may still follow.
        """
        if not left or not state.accepts or self._stop.has_document_end:
            return False
        nearest = self.automaton.find_nearest(state)
        return nearest == FAR or nearest > left

    def _read(self, seed: str) -> State:
        last = self._last_seed
        if last is None or last[0] != seed:
            ids = self._vocabulary.encode_characters(seed).tolist()
            last = self._last_seed = seed, self.automaton.read(ids)
        return last[1]

    def _find_error(
        self, request: TextRequest, state: State, max_length: int | None
    ) -> SettingsError | None:
        """The error for a text that cannot match."""
        automaton, seed = self.automaton, request.seed
        max_length = max_length if request.max_length is None else request.max_length
        needed = state.distance
        if not seed:  # no document is empty
            needed = automaton.find_nearest(state)
        end = repr(seed if len(seed) <= _SHOWN else f"...{seed[-_SHOWN:]}")
        if needed == FAR and seed:
            problem = f"has no match in a text that begins with the seed, {end}"
        elif needed == FAR:
            problem = "matches no text of the characters that may be chosen"
        elif max_length is not None and needed > max_length:
            problem = (
                f"needs {needed:,} characters or more after the seed, and the text has at most "
                f"{max_length:,}; allow more, or shorten the expression"
            )
        elif self.is_complete(state, FAR if max_length is None else max_length):
            problem = f"matches the seed, {end}, and nothing may follow; give a shorter seed"
        else:
            return None
        return SettingsError("match", problem)

    def _continue(self, continuations: Sequence[Continuation]) -> Sequences:
        """Of each first token the classes of its characters that are not in the seed."""
        sequences: list[Sequence[int] | None] = [None] * self._vocabulary.size
        ambiguous = set[int]()
        for each in continuations:
            for number in each.token_ids.tolist():
                token = self._sequences[number]
                if sequences[number] is not None:
                    ambiguous.add(number)
                sequences[number] = token[each.length :] if token is not None else None
        # The seed's last token is never one of these, so there is always a choice.
        for number in ambiguous:
            sequences[number] = None
        return sequences


class MatchControl:
    """Excludes what can no longer lead to a match, for one text; a `Control`.

    Args:
        match: What the text must match.
        state: The state after its seed.
        sequences, trie: Its first tokens, without characters that are in the seed.
    """

    __slots__ = ("_left", "_match", "_sequences", "_state", "_trie")
    is_preference = False

    def __init__(self, match: Match, state: State, sequences: Sequences, trie: Trie):
        self._match, self._state = match, state
        self._sequences, self._trie = sequences, trie
        self._left = FAR

    def adjust(self, logits: Floats, left: int) -> None:
        """Exclude tokens, in place.

        Args:
            logits: Shape (vocabulary,).
            left: Characters that may still follow.
        """
        if self._state is self._match.automaton.anything:
            return
        self._left = left
        row = self._match.find_row(self._state, left, self._trie)
        # A document that is as long as it may be matches: it ends here, by itself or cut.
        is_far = not left or left >= row.highest
        logits[row.blocked if is_far else row.costs > left] = -np.inf

    def advance(self, token_id: int) -> None:
        """Take the token that was chosen."""
        automaton = self._match.automaton
        for number in self._sequences[token_id] or ():
            self._state = automaton.follow(self._state, number)
            self._left -= 1
        self._sequences, self._trie = self._match.later

    @property
    def is_complete(self) -> bool:
        """Whether the text matches, and no longer one does within its length."""
        match = self._match
        return self._state is not match.automaton.anything and match.is_complete(
            self._state, self._left
        )


# Documents that filters reject are generated again, many times with the same expression.
_find_match = lru_cache(maxsize=4)(Match)
