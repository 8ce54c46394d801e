"""Expressions as Python's own parser reads them: what `re` means by a character is what we mean.

The modules behind `re` are undocumented. Python 3.11 to 3.13 have the same.
"""

import re
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.private_names import PrivateNames, check, has_parameters, lookup

Part = tuple[Any, Any]  # a name of the parser, such as LITERAL, and what belongs to it
Flags = npt.NDArray[np.bool_]

# \B matches an empty text from Python 3.14 on.
MATCHES_NO_BOUNDARY_OF_NOTHING = re.search(r"\B", "") is not None

_TYPES = re.ASCII | re.LOCALE | re.UNICODE  # of which a group has one


def _parses_as_expected() -> bool:
    """Whether the parser describes expressions as `graph.py` reads them."""
    tree = lookup("re._parser", "parse")(r"(?i:a|bc)+?[^\d]$")
    found = [(str(name), value) for name, value in tree]
    (repeat, (least, most, body)), (kind, items), (at, where) = found
    ((group, (number, added, removed, branches)),) = body
    return bool(
        [repeat, kind, at, str(where)] == ["MIN_REPEAT", "IN", "AT", "AT_END"]
        and (least, str(most), str(group), number) == (1, "MAXREPEAT", "SUBPATTERN", None)
        and (added, removed) == (re.IGNORECASE, 0)
        and str(branches[0][0]) == "BRANCH"
        and [len(branch) for branch in branches[0][1][1]] == [1, 2]
        and [str(name) for name, _ in items] == ["NEGATE", "CATEGORY"]
        and tree.state.flags == re.UNICODE
    )


PYTHON = PrivateNames(
    "Python",
    {
        "re._parser.parse": _parses_as_expected,
        "re._parser.State": lambda: lookup("re._parser", "State")().groups == 1,
        "re._parser.SubPattern": lambda: has_parameters(
            lookup("re._parser", "SubPattern"), "state", "data"
        ),
        "re._compiler.compile": lambda: has_parameters(lookup("re._compiler", "compile"), "flags"),
    },
)


def parse(expression: str) -> tuple[Sequence[Part], int]:
    """The parts of an expression, one after the other, and its flags.

    Args:
        expression: An expression that `re.compile` accepts.

    Raises:
        TrainingError: this version of Python has another parser.
    """
    check(PYTHON)
    with warnings.catch_warnings():  # of syntax that may change its meaning
        warnings.simplefilter("ignore")
        tree = lookup("re._parser", "parse")(expression)
    return tree, tree.state.flags


def combine_flags(flags: int, added: int, removed: int) -> int:
    """The flags inside a group such as (?i-s:...)."""
    if added & _TYPES:
        flags &= ~_TYPES
    return (flags | added) & ~removed


def find_characters(part: Part, flags: int, characters: str) -> Flags:
    """Which characters a part of one character matches.

    Args:
        part: A character, a set, or the dot.
        flags: Those of `re` that it has.
        characters: The characters.

    Returns:
        Shape (characters,).
    """
    parser = "re._parser"
    state = lookup(parser, "State")()
    state.flags = flags
    tree = lookup(parser, "SubPattern")(state, [part])
    return _matching(lookup("re._compiler", "compile")(tree, flags), characters)


@cache
def word_pattern(flags: int) -> re.Pattern[str]:
    """Matches the characters that words are made of, between which there is no \\b."""
    return re.compile(r"\w", flags & _TYPES)


def find_word_characters(flags: int, characters: str) -> Flags:
    """Which characters words are made of, shape (characters,)."""
    return _matching(word_pattern(flags), characters)


def _matching(pattern: re.Pattern[str], characters: str) -> Flags:
    return np.array([pattern.match(each) is not None for each in characters], np.bool_)
