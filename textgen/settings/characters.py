"""Sets of characters, as users write them: one by one, or as ranges such as a-z."""

import re
from typing import Any

from textgen.errors import SettingsError

_RANGE = re.compile("(.)-(.)", re.DOTALL)


class CharacterSet:
    """Some characters.

    Args:
        text: The characters; a-z is all from a to z. A - at the beginning or the end is itself.

    Raises:
        ValueError: a range has no character; the message says which.

    Example:
        >>> digits = CharacterSet("0-9.")
        >>> [character in digits for character in "4.x"]
        [True, True, False]
    """

    def __init__(self, text: str):
        self._ranges = [(match[1], match[2]) for match in _RANGE.finditer(text)]
        self._single = frozenset(_RANGE.sub("", text))
        for first, last in self._ranges:
            if first > last:
                raise ValueError(f"{first}-{last}")

    def __contains__(self, character: object) -> bool:
        if not isinstance(character, str):
            return False
        return character in self._single or any(
            first <= character <= last for first, last in self._ranges
        )


def check_characters(name: str, value: Any) -> None:
    """Check that a setting is a set of characters.

    Raises:
        SettingsError: it is not.
    """
    if not isinstance(value, str):
        raise SettingsError(name, f"must be characters, as a text, not {value!r}")
    try:
        CharacterSet(value)
    except ValueError as error:
        raise SettingsError(
            name,
            f"has the range {error}, which is empty; write the smaller character first, or a - at "
            "the end",
        ) from None
