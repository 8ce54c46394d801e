"""The bodies of requests: which fields they have, their bounds, and what they mean.

The names are those that clients of completion servers send; textgen's own (`label`, `novel`, ...)
are those of `textgen sample`. A field that would change the answer in a way that textgen does not
know is refused. Other unknown fields are ignored, and the answer's header `X-Textgen-Ignored` names
them.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from textgen.serving.api_errors import invalid
from textgen.serving.decoding_fields import DecodingFields
from textgen.serving.other_fields import list_ignored

MAX_LOGPROBS = 20
_SHORT = 1_000  # characters of all texts' prompts
_MAX_STOPS, _MAX_STOP = 16, 256

_Stop = Annotated[str, Field(max_length=_MAX_STOP)]
# An error for each of half a million items would take seconds, in which nobody else is served.
Ids = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(fail_fast=True)]
_Texts = Annotated[list[str], Field(fail_fast=True)]


class StreamOptions(BaseModel):
    """What a stream holds besides the text."""

    model_config = ConfigDict(strict=True)

    include_usage: bool | None = Field(None, description="Send an event with the counts at the end")


class _TextRequest(DecodingFields):
    """What completions and chat have in common."""

    # Strict: a text is no number. Unknown fields are kept, to be refused or named.
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    model: str | None = Field(
        None, max_length=256, description="The model's name; optional if only one is served"
    )
    max_tokens: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="Characters to generate, at most. By default 400, and 10,000 with `stop` and "
        "for documents, which end by themselves",
    )
    n: int | None = Field(None, ge=1, lt=2**31, description="Texts for each prompt; 1 by default")
    best_of: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="Generate so many texts for each prompt, and return the `n` with the highest "
        "mean log-probability, the best one first; not with `stream`",
    )
    stop: _Stop | Annotated[list[_Stop], Field(max_length=_MAX_STOPS, fail_fast=True)] | None = (
        Field(None, description="End a text before the first of these texts that it contains")
    )
    seed: int | None = Field(
        None, ge=-(2**63), lt=2**63, description="The same number gives the same texts"
    )
    stream: bool | None = Field(None, description="Send the text in events as it is generated")
    stream_options: StreamOptions | None = Field(None, description="Options of the stream")
    label: str | _Texts | dict[str, str] | None = Field(
        None,
        description='Labels of the documents: `"horror"`, `"genre=horror"`, a list of such, or an '
        "object; those that are not named are drawn as often as they occur",
    )
    unique: bool | None = Field(None, description="Whether no document may appear twice")
    novel: bool | None = Field(
        None, description="Whether no document may be one of those that the model learned from"
    )
    max_copy: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="No run of this many characters may be copied from the corpus",
    )
    min_length: int | None = Field(
        None, ge=0, lt=2**31, description="Characters of a document, at least"
    )
    max_length: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="Characters of a document, at most; longer ones are left out",
    )
    tries: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Documents to generate for each one that is wanted, at most; 100 by default",
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a text; an empty one ends none."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in stop if text)

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def ignored(self) -> list[str]:
        """The names of unknown fields, which change nothing.

        Raises:
            ApiError: a field would change the answer.
        """
        return list_ignored(self.model_extra or {})


class CompletionRequest(_TextRequest):
    """The body of POST /v1/completions."""

    prompt: str | _Texts | Ids | Annotated[list[Ids], Field(fail_fast=True)] | None = Field(
        None,
        description="Text to start from, several, or ids of tokens. Without one, a text starts as "
        "`textgen sample` starts it: a document from nothing, a continuous text after a part of "
        "the corpus",
    )
    echo: bool | None = Field(None, description="Return the prompt before the text")
    logprobs: int | None = Field(
        None,
        ge=0,
        le=MAX_LOGPROBS,
        description="Return the natural logarithms of the tokens' probabilities, exact, at "
        "temperature 1 and without filters; and of as many of the most likely ones",
    )

    def prompts(self) -> list[str | list[int] | None]:
        """Each prompt: a text, ids, or None where there is none.

        Raises:
            ApiError: there is an empty list of prompts.
        """
        prompt: Any = self.prompt
        if prompt == []:
            raise invalid("prompt must not be an empty list", "prompt")
        is_one = prompt is None or isinstance(prompt, str) or isinstance(prompt[0], int)
        return [prompt] if is_one else list(prompt)

    @property
    def is_short(self) -> bool:
        """Whether reading its prompts takes no longer than a step of the model."""
        if self.match is not None:
            return False
        prompt: Any = self.prompt or ""
        length = len(prompt) if isinstance(prompt, str) else sum(map(_length, prompt))
        return length * (self.n or 1) <= _SHORT


def _length(prompt: Any) -> int:
    """The length of one of several prompts, or of an id."""
    return 1 if isinstance(prompt, int) else len(prompt) + 1


class TextPart(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(strict=True, extra="ignore")

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A message of a conversation."""

    model_config = ConfigDict(strict=True, extra="ignore")

    role: str = Field(max_length=64)
    content: str | Annotated[list[TextPart], Field(fail_fast=True)] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class ChatRequest(_TextRequest):
    """The body of POST /v1/chat/completions: the last message of the user is the prompt."""

    messages: Annotated[list[Message], Field(fail_fast=True)] = Field(
        min_length=1, description="The last one of the user counts"
    )
    max_completion_tokens: int | None = Field(
        None, ge=0, lt=2**31, description="The same as `max_tokens`"
    )
    logprobs: Literal[False] | None = Field(None, description="/v1/completions returns them")
    top_logprobs: Literal[0] | None = Field(None, description="/v1/completions returns them")

    def to_completion(self) -> CompletionRequest:
        """The completion that generates the answer.

        Raises:
            ApiError: no message is the user's.
        """
        users = [message.text for message in self.messages if message.role == "user"]
        if not users:
            raise invalid("messages has no message of the user", "messages")
        names = _TextRequest.model_fields
        values = {name: getattr(self, name) for name in names if name in self.model_fields_set}
        if self.max_completion_tokens is not None:
            values["max_tokens"] = self.max_completion_tokens
        return CompletionRequest(prompt=users[-1], **values)

    def ignored(self) -> list[str]:
        others = ["messages"] if len(self.messages) > 1 else []
        return [*others, *super().ignored()]


Body = TypeVar("Body", bound=BaseModel)


def parse(kind: type[Body], data: bytes) -> Body:
    """The request in a body.

    Raises:
        ApiError: it is not JSON, or a field is out of its bounds; the message names the field.

    Example:
        >>> parse(CompletionRequest, b'{"prompt": "To be", "n": 2}').n
        2
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        # One line about the first one. What was sent is not repeated.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = [str(part) for part in first["loc"] if str(part) in kind.model_fields][:1]
        name = place[0] if place else None
        problem = first["msg"][:1].lower() + first["msg"][1:]
        if name is None:
            raise invalid(f"the body is not a request: {problem}") from None
        if kind.model_fields[name].annotation in _SHAPES:
            problem = _SHAPES[kind.model_fields[name].annotation]
        raise invalid(f"{name}: {problem}", name) from None


# What pydantic says about a union is long.
_SHAPES: dict[Any, str] = {
    CompletionRequest.model_fields["prompt"].annotation: "must be a text, a list of texts, a list "
    "of ids, or a list of lists of ids",
    CompletionRequest.model_fields["temperature"].annotation: "must be a number from 0 to "
    "1,000,000, or a text such as 1.0:0.5",
    CompletionRequest.model_fields["stop"].annotation: "must be a text of at most "
    f"{_MAX_STOP} characters, or a list of at most {_MAX_STOPS} such texts",
    CompletionRequest.model_fields["label"].annotation: "must be a text, a list of texts, or an "
    "object of texts",
    ChatRequest.model_fields["messages"].annotation: "must be a list of messages with role and "
    "content; parts of a content must be of type text",
}
