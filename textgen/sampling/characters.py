"""Characters that are never chosen: those of `ban`, and all but those of `only`."""

from collections.abc import Collection
from itertools import chain

from textgen.errors import SettingsError
from textgen.sampling.stopping import StopCondition
from textgen.settings import CharacterSet, Decoding


def find_banned(characters: str, decoding: Decoding) -> str:
    """Those of a vocabulary's characters that are never chosen.

    Example:
        >>> find_banned("abc", Decoding(only="a-b"))
        'c'
    """
    banned = CharacterSet(decoding.ban)
    if decoding.only is None:
        return "".join(each for each in characters if each in banned)
    allowed = CharacterSet(decoding.only)
    return "".join(each for each in characters if each in banned or each not in allowed)


def check_ends(characters: str, stop: StopCondition, excluded: Collection[int]) -> None:
    """Check that texts can reach their stop condition.

    Args:
        characters: Those of the vocabulary.
        stop: When texts end.
        excluded: Ids that are never chosen.

    Raises:
        SettingsError: they cannot, since a character is excluded.
    """
    never = frozenset(excluded)
    if stop.lines and stop.line_end_id in never:
        raise SettingsError("lines", f"cannot be reached: {_EXCLUDED} the line end, \\n; allow it")
    for number in chain(*stop.until):
        if number in never:
            raise SettingsError(
                "until",
                f"cannot be generated: {_EXCLUDED} {characters[number]!r}; allow it",
            )


_EXCLUDED = "ban or only excludes"
