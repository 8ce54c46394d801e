"""When a text is over.

Knows ids, lengths, texts to stop after and line ends; knows nothing of networks or of how
characters are chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from textgen.errors import SettingsError
from textgen.settings import check_integer
from textgen.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class StopCondition:
    """What ends a text.

    Attributes:
        max_length: Characters after the seed, 1 or more; None for no bound.
        until: Ids of texts, after any of which the text is over.
        lines: Line ends after which it is over; 0 for no such end.
        line_end: The id of the line end.
    """

    max_length: int | None
    until: tuple[tuple[int, ...], ...] = ()
    lines: int = 0
    line_end: int = -1

    @property
    def last(self) -> frozenset[int]:
        """Ids that a text can end with before its bound: only after one need `over` be asked."""
        ends = {text[-1] for text in self.until}
        return frozenset(ends | {self.line_end} if self.lines else ends)

    @property
    def longest(self) -> int:
        """How many of the last ids `over` wants to see."""
        return max(map(len, self.until), default=1)

    def over(self, tail: Sequence[int], line_ends: int) -> bool:
        """Whether a text is over.

        Args:
            tail: The `longest` last ids that were written after the seed, or all of them.
            line_ends: How many line ends were written after the seed.
        """
        tail = tuple(tail)
        return (0 < self.lines <= line_ends) or any(
            tail[-len(text) :] == text for text in self.until
        )


def make_stop_condition(
    vocabulary: Vocabulary, max_length: int | None, until: Sequence[str] = (), lines: int = 0
) -> StopCondition:
    """What ends a text, from a user's words.

    Raises:
        SettingsError: it could never come, since the vocabulary lacks a character of it; or the
            bound is not a number of characters.
    """
    if max_length is not None:
        max_length = check_integer("length", max_length, at_least=1)
    lines = check_integer("lines", lines, at_least=0)
    ids = tuple(tuple(vocabulary.encode(text).tolist()) for text in until)
    for character, place in zip("".join(until), chain(*ids), strict=True):
        if place < 0:
            raise SettingsError(
                "until", f"can never be written: {character!r} is not in the vocabulary"
            )
    line_end = int(vocabulary.encode("\n")[0])
    if lines and line_end < 0:
        raise SettingsError("lines", "can never end: the vocabulary has no line end")
    return StopCondition(max_length, ids, lines, line_end)
