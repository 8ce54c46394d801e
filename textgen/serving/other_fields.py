"""Fields of requests that textgen does not know: which of them would change the answer."""

import re
from collections.abc import Mapping
from typing import Any

from textgen.serving.api_errors import invalid

_MAX_NAMES = 20  # in a header
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)

# Fields of other servers that change what is generated, and the values that change nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "suffix": ("",),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repeat_penalty": (1,),
    "length_penalty": (1,),
    "typical_p": (1,),
    "tfs_z": (1,),
    "top_a": (0,),
    "mirostat": (0,),
    "xtc_probability": (0,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "min_tokens": (0,),
    "ignore_eos": (False,),
    "use_beam_search": (False,),
    "stop_token_ids": ([],),
    "bad_words": ([],),
    "prompt_logprobs": (0,),
    "grammar": ("",),
    "json_schema": (),
    "guided_json": (),
    "guided_regex": (),
    "guided_choice": (),
    "guided_grammar": (),
    "structured_outputs": (),
    "response_format": ({"type": "text"},),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
    "adapter": (),
    "lora": ([],),
}


def list_ignored(fields: Mapping[str, Any]) -> list[str]:
    """The names of unknown fields, which change nothing, for a header.

    Args:
        fields: Unknown fields of a request, by name.

    Raises:
        ApiError: one of them would change the answer.

    Example:
        >>> list_ignored({"user": "me", "presence_penalty": 0})
        ['user']
    """
    names = set[str]()
    for name, value in fields.items():
        if name not in _NEUTRAL:
            names.add(name if _NAME.fullmatch(name) else "?")
        elif value is not None and value not in _NEUTRAL[name]:
            raise invalid(f"{name} is not supported; leave it out", name, "unsupported")
    return sorted(names)[:_MAX_NAMES]
