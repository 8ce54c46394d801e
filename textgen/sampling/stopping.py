"""When a generated text ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from textgen.errors import SettingsError
from textgen.settings import check_integer
from textgen.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class StopCondition:
    """When a generated text ends.

    Attributes:
        max_length: Characters after the seed, 1 or more; None for no bound.
        until: Ids of the characters of texts to stop after.
        lines: Number of line ends to stop after; 0 to ignore line ends.
        line_end_id: The id of the line end.
        document_end_id: The id that ends a document; -1 in a continuous text. It is not counted as
            a character.
    """

    max_length: int | None
    until: tuple[tuple[int, ...], ...] = ()
    lines: int = 0
    line_end_id: int = -1
    document_end_id: int = -1

    @cached_property
    def final_ids(self) -> frozenset[int]:
        """The ids that a text can end with before its maximum length."""
        last = {text[-1] for text in self.until}
        last |= {self.line_end_id} if self.lines else set()
        return frozenset(last | {self.document_end_id} if self.has_document_end else last)

    @property
    def has_document_end(self) -> bool:
        """Whether a text can end by itself."""
        return self.document_end_id >= 0

    def is_empty(self, seed_ids: Sequence[int]) -> bool:
        """Whether a document has no character yet; it cannot end here, since no document is empty.

        Args:
            seed_ids: What was read for it.
        """
        return self.has_document_end and seed_ids[-1] == self.document_end_id

    @cached_property
    def tail_length(self) -> int:
        """How many of the last ids `is_met` looks at."""
        return max(map(len, self.until), default=1)

    def is_met(self, tail: Sequence[int], line_ends: int) -> bool:
        """Whether a text ends here, apart from its maximum length.

        Args:
            tail: The last `tail_length` ids after the seed, or all of them if there are fewer.
            line_ends: The number of line ends after the seed.
        """
        tail = tuple(tail)
        return (
            (self.has_document_end and tail[-1] == self.document_end_id)
            or (0 < self.lines <= line_ends)
            or any(tail[-len(text) :] == text for text in self.until)
        )


def make_stop_condition(
    vocabulary: Vocabulary, max_length: int | None, until: Sequence[str] = (), lines: int = 0
) -> StopCondition:
    """The stop condition of texts in a vocabulary.

    Raises:
        SettingsError: the vocabulary lacks a character of a text in `until`, or the line end; or a
            number is out of its bounds.
    """
    if max_length is not None:
        max_length = check_integer("length", max_length, at_least=1)
    lines = check_integer("lines", lines, at_least=0)
    if not all(until):
        raise SettingsError("until", "must be a text of one or more characters")
    ids = tuple(tuple(vocabulary.encode_characters(text).tolist()) for text in until)
    for character, character_id in zip("".join(until), chain(*ids), strict=True):
        if character_id < 0:
            raise SettingsError(
                "until", f"cannot be generated: {character!r} is not in the vocabulary"
            )
    line_end_id = vocabulary.characters.find("\n")
    if lines and line_end_id < 0:
        raise SettingsError("lines", "cannot be reached: the vocabulary has no line end")
    end = vocabulary.document_end_id
    return StopCondition(max_length, ids, lines, line_end_id, -1 if end is None else end)
