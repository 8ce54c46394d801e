"""Where a text ends that stops after some text or number of lines: an automaton (Aho, Corasick)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

Progress = tuple[int, tuple[int, ...]]  # lines that are left, and the beginning of a stop text


@dataclass(frozen=True)
class Stops:
    """When a text ends, apart from its length and the document end.

    Attributes:
        until: Classes of the characters of texts to stop after. Each is a class with one character.
        lines: Number of line ends to stop after; 0 to ignore line ends.
        line_end: The class of the line end; -1 without.

    Example:
        >>> stops = Stops(until=((0, 1),), lines=2, line_end=3)
        >>> stops.follow(stops.first, 0), stops.follow((2, (0,)), 1), stops.follow((1, ()), 3)
        ((2, (0,)), None, None)
    """

    until: tuple[tuple[int, ...], ...] = ()
    lines: int = 0
    line_end: int = -1

    @property
    def first(self) -> Progress:
        """Where a text begins."""
        return self.lines, ()

    @property
    def is_empty(self) -> bool:
        """Whether no text stops."""
        return not self.until and not self.lines

    def follow(self, progress: Progress, number: int) -> Progress | None:
        """Where a text is after a character of a class; None if it has stopped."""
        lines, tail = progress
        if lines and number == self.line_end:
            lines -= 1
            if not lines:
                return None
        if not self.until:
            return lines, ()
        tail = (*tail, number)
        if any(tail[-len(text) :] == text for text in self.until):
            return None
        while tail not in self._beginnings:
            tail = tail[1:]
        return lines, tail

    def with_lines(self, lines: int) -> "Stops":
        """The same with fewer lines."""
        return replace(self, lines=min(lines, self.lines))

    def list_all(self) -> Iterator[Progress]:
        """Where a text can be before it stops."""
        for lines in range(1, self.lines + 1) if self.lines else [0]:
            for tail in self._beginnings:
                yield lines, tail

    @cached_property
    def _beginnings(self) -> dict[tuple[int, ...], None]:
        """All that a stop text can begin with."""
        each = (text[:length] for text in self.until for length in range(len(text)))
        return dict.fromkeys([(), *each])
