"""The fields of requests that say how tokens are chosen, and their bounds."""

from typing import Annotated

from pydantic import BaseModel, Field

from textgen.settings import Decoding

_TEMPERATURE = 1.0  # what clients expect; `textgen sample` has 0.5
_MAX_RAMP = 64  # characters of a temperature that changes
_MAX_EXPRESSION = 1_000  # characters of `match`
_MAX_CHARACTERS = 10_000  # that are banned or allowed

Temperature = (
    Annotated[float, Field(ge=0, le=1_000_000)] | Annotated[str, Field(max_length=_MAX_RAMP)]
)


class DecodingFields(BaseModel):
    """How tokens are chosen: the settings of `Decoding`, all optional."""

    temperature: Temperature | None = Field(
        None,
        description="Low is careful, high is wild, 0 always picks the most likely token; 1 by "
        "default. A text such as `1.0:0.5` changes it over the text, `1.0:0.5/line` and "
        "`1.0:0.5/word` over each line or word",
    )
    top_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Choose among the fewest tokens that together have this probability",
    )
    top_k: int | None = Field(
        None, ge=0, lt=2**31, description="Choose among the k most likely tokens; 0 for all"
    )
    min_p: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Choose among tokens whose probability is at least this share of the most "
        "likely one's",
    )
    match: str | None = Field(
        None,
        max_length=_MAX_EXPRESSION,
        description="A regular expression of Python that must match somewhere in the prompt with "
        "the text that follows",
    )
    ban: str | None = Field(
        None,
        max_length=_MAX_CHARACTERS,
        description="Characters that are never chosen; `a-z` is all from a to z",
    )
    only: str | None = Field(
        None,
        min_length=1,
        max_length=_MAX_CHARACTERS,
        description="Characters besides which none is chosen; `a-z` is all from a to z",
    )
    repetition_penalty: float | None = Field(
        None,
        ge=1,
        le=1000,
        description="How many times less likely a character that continues a repeated passage "
        "gets with each character of the passage; 1 for no penalty",
    )
    no_repeat: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="No sequence of this many characters occurs twice in a text with its prompt, "
        "unless nothing else could follow; 0 for no such limit",
    )

    def decoding(self) -> Decoding:
        """How tokens are chosen.

        Raises:
            SettingsError: a range of characters is empty, or the temperature is a text of another
                form.
        """
        values = {name: getattr(self, name) for name in DecodingFields.model_fields}
        given = {name: value for name, value in values.items() if value is not None}
        return Decoding(**{"temperature": _TEMPERATURE, **given})
