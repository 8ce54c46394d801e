"""Subwords as characters: how each token is spelled, and which tokens continue the end of a seed.

A seed may end inside a word, where its last token is not the one that the network learned to
expect: "th" may be a token, yet after it the network never saw "e", because "the" is another
token. So this last token is held back ("token healing"): the network reads those before it and
chooses among all tokens that begin with its text.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.text.vocabulary import Vocabulary

_LAST = "\U0010ffff"  # comes after every other character


@dataclass(frozen=True)
class HeldBack:
    """The end of a seed that is chosen again, as the beginning of a token.

    Attributes:
        length: Its characters.
        token_ids: The tokens that begin with it, itself among them, shape (tokens,).
    """

    length: int
    token_ids: npt.NDArray[np.int64]

    def restrict(self, logits: Floats) -> Floats:
        """Logits of a text, of which those of all other tokens are -inf; shape (vocabulary,)."""
        restricted = np.full_like(logits, -np.inf)
        restricted[self.token_ids] = logits[self.token_ids]
        return restricted


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
        texts = [*self._vocabulary.characters, *self._vocabulary.subwords]
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
    ) -> tuple[list[int], HeldBack | None]:
        """The part of a seed that is read, and the part that is held back.

        Nothing is held back if no other token can begin with it, or if nothing would be left to
        read: the document end, or a line end, is read before a seed of one token.

        Args:
            seed_ids: A seed's tokens, without the document end; may be empty.
            excluded: Ids that are never chosen.
        """
        vocabulary, ids = self._vocabulary, list(seed_ids)
        end = vocabulary.document_end_id
        before = [] if end is None else [end]
        if not ids or ids[-1] in excluded:
            return before + ids, None
        text = vocabulary.table[ids[-1]]
        token_ids = np.setdiff1d(self.find(text), excluded)
        read = before + ids[:-1]
        if not read and (line_end := vocabulary.characters.find("\n")) >= 0:
            read = [line_end]
        if not read or len(token_ids) == 1:
            return before + ids, None
        return read, HeldBack(len(text), token_ids)
