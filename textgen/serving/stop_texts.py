"""Leaves the text that ends a text out of it, while the text arrives in pieces."""

from collections.abc import Sequence


class StopFilter:
    """Passes text on up to the first of some texts, which is left out with all that follows.

    Args:
        stops: The texts, none of them empty.

    Attributes:
        is_met: Whether one of them was found.

    Example:
        >>> stops = StopFilter(["\\n\\n"])
        >>> stops.feed("a\\nb\\n"), stops.feed("c"), stops.feed("\\n"), stops.feed("\\nd")
        ('a\\nb', '\\nc', '', '')
        >>> stops.is_met
        True
    """

    def __init__(self, stops: Sequence[str]):
        self._stops, self._held = tuple(stops), ""
        self.is_met = False

    def feed(self, text: str) -> str:
        """The text that can be passed on; the beginning of a text that ends it is held back."""
        if not self._stops:
            return text
        if self.is_met:
            return ""
        text, self._held = self._held + text, ""
        # The one that is complete first counts, as in the engine.
        found = [
            (place + len(stop), place) for stop in self._stops if (place := text.find(stop)) >= 0
        ]
        if found:
            self.is_met = True
            return text[: min(found)[1]]
        held = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """What was held back, once nothing follows."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text are the beginning of another."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
