"""How much of a text has been read, for a progress bar."""

from collections.abc import Callable

from textgen.analysis.model_text import ModelText

# Called with the characters that have been read, and how many there are, None if that is not known.
OnCharacters = Callable[[int, int | None], object]


class TextProgress:
    """Turns tokens that were scored into characters that were read.

    Args:
        text: The text, which is read a little ahead of what has been scored.
        on_progress: Called with the characters; None for nobody.
    """

    def __init__(self, text: ModelText, on_progress: OnCharacters | None):
        self._text, self._on_progress, self._tokens = text, on_progress, 0

    def __call__(self, tokens: int) -> None:
        """Add tokens."""
        self._tokens += tokens
        if self._on_progress is not None:
            read = self._text.reader.text
            characters = read.characters * min(1.0, self._tokens / max(read.tokens, 1))
            self._on_progress(round(characters), self._text.expected_characters)
