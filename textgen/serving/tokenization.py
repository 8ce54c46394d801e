"""Ids of texts, and texts of ids: for clients that count the tokens of a prompt themselves."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from textgen.errors import SeedError
from textgen.sampling import Sampler
from textgen.serving.api_errors import invalid, invalid_prompt
from textgen.serving.requests import Ids
from textgen.settings import ServeConfig

# What stands for the document end in a text to tokenize, if it is the whole text.
DOCUMENT_END = "<|document end|>"


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    model: str | None = Field(
        None, max_length=256, description="The model's name; optional if only one is served"
    )


class TokenizeRequest(_Request):
    """The body of POST /tokenize."""

    prompt: str = Field(description="The text")


class DetokenizeRequest(_Request):
    """The body of POST /detokenize."""

    tokens: Ids = Field(description="Ids of tokens")


def tokenize(request: TokenizeRequest, sampler: Sampler, limits: ServeConfig) -> dict[str, Any]:
    """The ids of a text.

    Raises:
        ApiError: the text has a character that the model does not know, or is too long.
    """
    vocabulary, text = sampler.vocabulary, request.prompt
    end = vocabulary.document_end_id
    if text == DOCUMENT_END and end is not None:
        ids = [end]
    else:
        _check_length(text, "prompt", limits)
        try:
            ids = vocabulary.encode(sampler.check_seed(text)).tolist() if text else []
        except SeedError as error:
            raise invalid_prompt(error) from None
    return {"tokens": ids, "count": len(ids), "max_model_len": limits.max_prompt}


def detokenize(request: DetokenizeRequest, sampler: Sampler, limits: ServeConfig) -> dict[str, Any]:
    """The text of ids; the document end has none.

    Raises:
        ApiError: an id is not one of the model's, or there are too many.
    """
    _check_length(request.tokens, "tokens", limits)
    size = sampler.vocabulary.size
    if wrong := next((number for number in request.tokens if number >= size), None):
        raise invalid(f"tokens: {wrong} is no id of the model; those are below {size}", "tokens")
    return {"prompt": sampler.vocabulary.decode(request.tokens)}


def describe_tokenizer(sampler: Sampler) -> dict[str, Any]:
    """What clients need to know of a model's tokens: what is before the first one of a text."""
    end = sampler.vocabulary.document_end_id
    return {
        "tokenizer_class": "textgen",
        "bos_token": None,
        "eos_token": None if end is None else DOCUMENT_END,
        "vocab_size": sampler.vocabulary.size,
    }


def _check_length(values: str | list[int], name: str, limits: ServeConfig) -> None:
    if len(values) > limits.max_prompt:
        raise invalid(f"{name} has {len(values):,} items; at most {limits.max_prompt:,}", name)
