"""What is known of a text so far, as its updates arrive: what to send, and why it ended."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from textgen.serving.engine import Update
from textgen.serving.stop_texts import StopFilter

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Token:
    """A token with its score.

    Attributes:
        text: Its text.
        offset: Where it begins in the text that is returned.
        log_probability: The natural logarithm of its probability; None for a first token.
        alternatives: The most likely tokens in its place with theirs; None for a first token.
    """

    text: str
    offset: int
    log_probability: float | None
    alternatives: Sequence[tuple[str, float]] | None


@dataclass
class Delta:
    """What is new of a text.

    Attributes:
        index: The number of the text in its request.
        text: Its new characters.
        tokens: Its new tokens, if scores are wanted.
        finish: Why it ended; None if it continues.
        about: What else is known of a text that ended: the labels that were drawn for it, and the
            prompt, if textgen chose it.
    """

    index: int
    text: str
    tokens: list[Token] = field(default_factory=list)
    finish: Finish | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


class Choice:
    """Turns the updates of a text into what a client gets of it.

    Args:
        index: Its number in the request.
        prompt: Its prompt, if that is returned before it; else empty.
        stops: Texts that end it.
        prompt_is_scored: Whether the tokens of the prompt come in the updates.

    Attributes:
        characters: How many characters were generated, with those that are left out.
        finish: Why the text ended; None while it continues.
        about: As in `Delta`.
    """

    def __init__(self, index: int, prompt: str, stops: Sequence[str], *, prompt_is_scored: bool):
        self.index, self.characters = index, 0
        self.about: Mapping[str, Any] = {}
        self.finish: Finish | None = None
        self._stops = StopFilter(stops)
        self._echo = "" if prompt_is_scored else prompt
        self._prompt_left = len(prompt) if prompt_is_scored else 0
        self._sent = 0  # characters that the client has
        self._received = len(self._echo)  # characters of the tokens so far, with the prompt
        self._tokens: deque[Token] = deque()

    def feed(self, update: Update) -> Delta:
        """What an update adds."""
        if update.log_probabilities is not None:
            self._add_tokens(update, update.log_probabilities)
        new = "".join(update.pieces)
        seen = min(self._prompt_left, len(new))
        self._prompt_left -= seen
        self.characters += len(new) - seen
        text = self._echo + new[:seen] + self._stops.feed(new[seen:])
        self._echo = ""
        if self._stops.is_met:
            self.finish = "stop"
        elif update.finish is not None:
            self.finish = update.finish
            text += self._stops.flush()
        return self._send(text)

    def end(self, finish: Finish) -> Delta:
        """What was held back, when a text ends without an update that says so."""
        return self.feed(Update([], finish=finish))

    def _add_tokens(self, update: Update, logs: Sequence[float | None]) -> None:
        others = update.alternatives or [None] * len(logs)
        for piece, log_probability, alternatives in zip(update.pieces, logs, others, strict=True):
            self._tokens.append(Token(piece, self._received, log_probability, alternatives))
            self._received += len(piece)

    def _send(self, text: str) -> Delta:
        """The text, with the tokens of which it has the last character."""
        self._sent += len(text)
        tokens = list[Token]()
        while self._tokens:
            token = self._tokens[0]
            # At the end, a token of which the client has a part only is sent, too.
            length = len(token.text)
            end = token.offset + (min(1, length) if self.finish else length)
            if end > self._sent:
                break
            tokens.append(self._tokens.popleft())
        return Delta(self.index, text, tokens, self.finish, self.about if self.finish else {})
