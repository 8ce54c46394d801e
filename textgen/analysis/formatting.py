"""Figures, times and names written for people."""

from collections.abc import Sequence
from pathlib import Path


def percent(share: float) -> str:
    """A share in percent; only 1 and 0 are written as 100% and 0%.

    Example:
        >>> percent(1.0), percent(0.99999), percent(0.4)
        ('100%', '99.9%', '40.0%')
    """
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def duration(seconds: float) -> str:
    """A time in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{rest} s"


def visible_character(character: str) -> str:
    """A character, or a name for one that cannot be seen; an empty one ends a document."""
    names = {
        " ": "space",
        "\n": "line end",
        "\t": "tab",
        "\ufffd": "unknown",
        "": "end of document",
    }
    if character in names:
        return names[character]
    return character if character.isprintable() else f"U+{ord(character):04X}"


def visible_token(token: str) -> str:
    """A character as in `visible_character`, or a subword with signs for what cannot be seen.

    Example:
        >>> visible_token(" "), visible_token(" the")
        ('space', '\u2423the')
    """
    if len(token) < 2:
        return visible_character(token)
    signs = {" ": "\u2423", "\t": "\u21e5"}  # an open box, a tabulator's arrow
    return "".join(signs.get(sign, sign if sign.isprintable() else "\ufffd") for sign in token)


def list_names(paths: Sequence[str]) -> str:
    """The names of up to three files, and the number of the others.

    Example:
        >>> list_names(["texts/a.txt", "texts/b.txt"])
        'a.txt, b.txt'
    """
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(printable_name(Path(path).name) for path in paths[:3]) + more


def printable_name(name: str) -> str:
    """The name of a file or model with U+FFFD for what cannot be printed."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
