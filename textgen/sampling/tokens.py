"""What a sampler reads and never writes, as tokens: seeds, and excluded characters."""

from collections.abc import Sequence
from functools import cached_property

from textgen.sampling.subwords import Continuation, Spelling
from textgen.text.vocabulary import Vocabulary


class Tokens:
    """Turns what a user gives into tokens.

    Args:
        vocabulary: The vocabulary.
        window: Tokens that each prediction is made from; None to carry the state.
    """

    def __init__(self, vocabulary: Vocabulary, window: int | None):
        self._vocabulary, self._window = vocabulary, window

    @cached_property
    def spelling(self) -> Spelling | None:
        """The characters of the tokens; None for a vocabulary of characters."""
        return Spelling(self._vocabulary) if self._vocabulary.merges else None

    def exclude(self, characters: str) -> tuple[int, ...]:
        """The ids that are never chosen: those with one of some characters, and the unknown one."""
        encoded = self._vocabulary.encode_characters(characters)
        never = tuple(int(number) for number in encoded if number >= 0)
        if self.spelling is not None:
            never = tuple(self.spelling.containing(never).tolist())
        unknown = self._vocabulary.unknown_id
        return never if unknown is None else (*never, unknown)

    def read_seed(
        self, seed: str, excluded: Sequence[int]
    ) -> tuple[Sequence[int], tuple[Continuation, ...]]:
        """The ids to read for a seed, and the tokens that continue its end if that is held back.

        Args:
            seed: Text of the vocabulary's characters; it may be empty for a document.
            excluded: Ids that are never chosen.
        """
        ids: list[int] = self._vocabulary.encode(seed).tolist() if seed else []
        continuations: tuple[Continuation, ...] = ()
        if self.spelling is not None:
            ids, continuations = self.spelling.hold_back(ids, excluded)
        elif (end := self._vocabulary.document_end_id) is not None:
            ids.insert(0, end)
        return self._last(ids, continuations), continuations

    def read_ids(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids to read for a seed of ids, of which none is held back."""
        end = self._vocabulary.document_end_id
        return self._last(ids if end is None else [end, *ids])

    def _last(
        self, ids: Sequence[int], continuations: Sequence[Continuation] = ()
    ) -> Sequence[int]:
        """The ids of a seed that are needed; no window has more of them."""
        if not self._window:
            return ids
        return ids[-self._window - max((each.back for each in continuations), default=0) :]
