"""Subwords as characters: how each token is spelled, and which tokens continue the end of a seed.

A seed may end inside a word, where its last tokens are not those that the network learned to
expect: "th" may be a token, yet after it the network never saw "e", because "the" is another
token. So the end of the seed is held back ("token healing"), and the next token is chosen among
all that begin with it: with the last token of the seed, with the last two, and so on. Each is as
probable as it is together with the tokens of the seed before it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.decoding import log_probabilities
from textgen.text.tokens.subwords import LONGEST_SUBWORD
from textgen.text.vocabulary import Vocabulary

_LAST = "\U0010ffff"  # comes after every other character


@dataclass(frozen=True)
class Continuation:
    """Tokens that begin with the end of a seed.

    Attributes:
        back: How many tokens before the seed's last one they replace, too.
        length: How many of their characters are in the seed.
        token_ids: Their ids, shape (tokens,).
    """

    back: int
    length: int
    token_ids: npt.NDArray[np.int64]


class SeedEnd:
    """The end of a seed while the seed is read, all but its last token.

    Args:
        continuations: The tokens that can continue it.
        ids: The ids that are read.
    """

    def __init__(self, continuations: Sequence[Continuation], ids: Sequence[int]):
        self._continuations = {each.back: each for each in continuations}
        self._furthest = max(self._continuations)
        self._ids, self._left = ids, len(ids)
        self._logs: dict[int, npt.NDArray[np.float64]] = {}
        self._chosen_from = np.zeros(0, np.int64)

    def read(self, logits: Floats) -> bool:
        """Take the logits after the next id, shape (vocabulary,); returns whether it is last."""
        self._left -= 1
        if self._left <= self._furthest:
            self._logs[self._left] = log_probabilities(logits)
        return not self._left

    def scores(self) -> Floats:
        """The log-probabilities of all continuations, but for a constant; -inf for other tokens."""
        size = len(self._logs[0])
        scores = np.full(size, -np.inf, np.float32)
        self._chosen_from = np.zeros(size, np.int64)
        before = 0.0  # the logarithm of the probability of the tokens that are not replaced
        for back in range(self._furthest, -1, -1):
            logs = self._logs[back]
            if (each := self._continuations.get(back)) is not None:
                token_ids = each.token_ids[before + logs[each.token_ids] > scores[each.token_ids]]
                scores[token_ids] = before + logs[token_ids]
                self._chosen_from[token_ids] = back
            if back:
                before += logs[self._ids[-back]]
        return scores

    def locate(self, token_id: int) -> tuple[int, list[int]]:
        """Where a token that was chosen by its score continues the seed.

        Returns:
            How many of its characters are in the seed; the ids to read before it if these are not
            all ids.
        """
        back = int(self._chosen_from[token_id])
        return self._continuations[back].length, list(self._ids[:-back]) if back else []


class Spelling:
    """The characters of the tokens of a vocabulary with subwords.

    Args:
        vocabulary: The vocabulary.

    Attributes:
        ids: The ids of each token's characters; those of the unknown id and the document end are
            themselves.
        lengths: How many characters each token is, shape (vocabulary,); 0 for the document end.

    Example:
        >>> spelling = Spelling(Vocabulary("abc", merges=(("a", "b"), ("ab", "c"))))
        >>> spelling.ids
        ((0,), (1,), (2,), (0, 1), (0, 1, 2))
        >>> spelling.find("ab").tolist()
        [3, 4]
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        subwords, first = vocabulary.subwords, len(vocabulary.characters)
        flat = vocabulary.encode_characters("".join(subwords)).tolist()
        ends = np.cumsum([len(text) for text in subwords], dtype=np.int64).tolist()
        self.ids: tuple[tuple[int, ...], ...] = (
            *((number,) for number in range(first)),
            *(tuple(flat[end - len(text) : end]) for text, end in zip(subwords, ends, strict=True)),
            *((number,) for number in range(first + len(subwords), vocabulary.size)),
        )
        self.lengths = vocabulary.lengths.copy()
        if vocabulary.document_end_id is not None:
            self.lengths[vocabulary.document_end_id] = 0

    @cached_property
    def _sorted(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The texts of characters and subwords in their order, and their ids."""
        texts = self._vocabulary.tokens
        order = sorted(range(len(texts)), key=texts.__getitem__)
        return [texts[number] for number in order], np.array(order)

    def find(self, beginning: str) -> npt.NDArray[np.int64]:
        """The ids of the tokens that begin with a text, sorted."""
        texts, order = self._sorted
        first, end = bisect_left(texts, beginning), bisect_left(texts, beginning + _LAST)
        return np.sort(order[first:end])

    def containing(self, character_ids: Sequence[int]) -> npt.NDArray[np.int64]:
        """The ids of the tokens that have one of some characters, sorted."""
        some = frozenset(character_ids)
        return np.array(
            [number for number, ids in enumerate(self.ids) if not some.isdisjoint(ids)], np.int64
        )

    def hold_back(
        self, seed_ids: Sequence[int], excluded: Sequence[int]
    ) -> tuple[list[int], tuple[Continuation, ...]]:
        """What is read of a seed, and the tokens that continue it.

        Nothing is held back if no other token can begin with it. What begins with the whole seed
        needs something that is read before: the document end, or else a line end.

        Args:
            seed_ids: A seed's tokens, without the document end; may be empty.
            excluded: Ids that are never chosen.

        Returns:
            The ids to read; the continuations, of which none means that these are all ids.
        """
        vocabulary, never = self._vocabulary, frozenset(excluded)
        end = vocabulary.document_end_id
        unchanged = [*seed_ids] if end is None else [end, *seed_ids]
        if not seed_ids or seed_ids[-1] in never:
            return unchanged, ()
        continuations, text = list[Continuation](), ""
        for back, seed_id in enumerate(reversed(seed_ids)):
            text = vocabulary.table[seed_id] + text
            if len(text) > LONGEST_SUBWORD:
                break
            token_ids = self.find(text)
            token_ids = token_ids[[number not in never for number in token_ids.tolist()]]
            if len(token_ids):
                continuations.append(Continuation(back, len(text), token_ids))
        read = unchanged[:-1]
        if end is None and continuations[-1].back == len(seed_ids) - 1:  # nothing is before it
            line_end = vocabulary.characters.find("\n")
            if line_end >= 0:
                read = [line_end, *read]
            else:
                continuations.pop()
        if sum(len(each.token_ids) for each in continuations) < 2:
            return unchanged, ()
        return read, tuple(continuations)
