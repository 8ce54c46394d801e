"""The answers: objects and events in the format that clients of completion servers read."""

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from textgen.serving.api_errors import ApiError
from textgen.serving.choices import Delta, Token

_LEAST = -9999.0  # for a probability of 0, as JSON has no infinity

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Usage:
    """Characters of prompts and texts."""

    prompt: int
    completion: int

    def to_json(self) -> dict[str, int]:
        """The counts, as clients expect them."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
        }


@dataclass(frozen=True)
class Format:
    """Writes the answers of a request.

    Attributes:
        model: The model's name.
        logprobs: How many of the most likely tokens are in an answer for each token; None for none.
        includes_usage: Whether a stream ends with the counts.
        identifier, created: What tells answers apart.
    """

    model: str
    logprobs: int | None = None
    includes_usage: bool = False
    identifier: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def first_events(self, _count: int) -> Iterable[dict[str, Any]]:
        """Events before the first characters of some texts."""
        return ()

    def event(self, delta: Delta) -> dict[str, Any]:
        """The event for what is new of a text."""
        return self._envelope("text_completion", [self._choice(delta)], is_event=True)

    def usage_event(self, usage: Usage) -> dict[str, Any]:
        """The last event of a stream with counts."""
        return {**self._envelope("text_completion", [], is_event=True), "usage": usage.to_json()}

    def answer(self, texts: Sequence[Delta], usage: Usage) -> dict[str, Any]:
        """The whole answer."""
        choices = [self._choice(text) for text in texts]
        return {**self._envelope("text_completion", choices), "usage": usage.to_json()}

    def _choice(self, delta: Delta) -> dict[str, Any]:
        logprobs = None if self.logprobs is None else _format_tokens(delta.tokens, self.logprobs)
        choice = {
            "index": delta.index,
            "text": delta.text,
            "logprobs": logprobs,
            "finish_reason": delta.finish,
        }
        return _add_about(choice, delta)

    def _envelope(
        self, kind: str, choices: list[dict[str, Any]], *, is_event: bool = False
    ) -> dict[str, Any]:
        prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
        envelope = {
            "id": f"{prefix}-{self.identifier}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return {**envelope, "usage": None} if is_event and self.includes_usage else envelope


class ChatFormat(Format):
    """The same for conversations."""

    def first_events(self, count: int) -> Iterable[dict[str, Any]]:
        for index in range(count):
            delta = {"role": "assistant", "content": ""}
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
            yield self._envelope("chat.completion.chunk", [choice], is_event=True)

    def event(self, delta: Delta) -> dict[str, Any]:
        choice = {
            "index": delta.index,
            "delta": {"content": delta.text} if delta.text else {},
            "logprobs": None,
            "finish_reason": delta.finish,
        }
        choices = [_add_about(choice, delta)]
        return self._envelope("chat.completion.chunk", choices, is_event=True)

    def usage_event(self, usage: Usage) -> dict[str, Any]:
        envelope = self._envelope("chat.completion.chunk", [], is_event=True)
        return {**envelope, "usage": usage.to_json()}

    def answer(self, texts: Sequence[Delta], usage: Usage) -> dict[str, Any]:
        choices = [
            _add_about(
                {
                    "index": text.index,
                    "message": {"role": "assistant", "content": text.text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": text.finish,
                },
                text,
            )
            for text in texts
        ]
        return {**self._envelope("chat.completion", choices), "usage": usage.to_json()}


def encode_json(value: Any) -> bytes:
    """JSON in UTF-8, on one line."""
    return _ENCODER.encode(value).encode()


def encode_event(value: Any) -> bytes:
    """A server-sent event with JSON.

    Example:
        >>> encode_event({"a": 1})
        b'data: {"a":1}\\n\\n'
    """
    return b"data: " + encode_json(value) + b"\n\n"


def encode_error(error: ApiError) -> bytes:
    """The event for an error in the middle of a stream."""
    return encode_event(error.to_json())


def join(deltas: Sequence[Delta]) -> Delta:
    """One for all that arrived of a text.

    Example:
        >>> join([Delta(0, "To "), Delta(0, "be", finish="length")]).text
        'To be'
    """
    text = "".join(delta.text for delta in deltas)
    tokens = [token for delta in deltas for token in delta.tokens]
    return Delta(deltas[0].index, text, tokens, deltas[-1].finish, deltas[-1].about)


def _add_about(choice: dict[str, Any], delta: Delta) -> dict[str, Any]:
    """A choice with what only textgen says about it."""
    return {**choice, "textgen": delta.about} if delta.about else choice


def _format_tokens(tokens: Sequence[Token], count: int) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [_bound(token.log_probability) for token in tokens],
        "top_logprobs": [_format_alternatives(token) for token in tokens] if count else None,
        "text_offset": [token.offset for token in tokens],
    }


def _format_alternatives(token: Token) -> dict[str, float] | None:
    """The most likely tokens, and the token that was chosen."""
    if token.alternatives is None or token.log_probability is None:
        return None
    values = dict[str, float]()
    for text, value in (*token.alternatives, (token.text, token.log_probability)):
        values.setdefault(text, max(value, _LEAST))  # the likelier of two with the same text
    return values


def _bound(value: float | None) -> float | None:
    return None if value is None else max(value, _LEAST)
