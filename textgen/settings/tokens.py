"""The setting `tokens`: which tokens a text is to have."""

import re

from textgen.errors import SettingsError

CHARACTERS, BPE, AUTO = "characters", "bpe", "auto"
_SIZED = re.compile(r"bpe:(\d{1,9})")


def parse_tokens(request: str) -> int | None:
    """The number of tokens that is part of a request; None for one without.

    Raises:
        SettingsError: the request is none of `characters`, `bpe`, `bpe:N` and `auto`.

    Example:
        >>> parse_tokens("bpe:512"), parse_tokens("auto")
        (512, None)
    """
    if request in (CHARACTERS, BPE, AUTO):
        return None
    match = _SIZED.fullmatch(request) if isinstance(request, str) else None
    if match is None:
        raise SettingsError(
            "tokens", f"must be characters, bpe, bpe:N (such as bpe:512) or auto, not {request!r}"
        )
    return int(match[1])
