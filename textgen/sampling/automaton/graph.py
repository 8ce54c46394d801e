"""A regular expression as a graph (Thompson 1968): characters, choices and conditions.

A condition on the next character becomes a promise that the text keeps later, so a text never has
to be read twice. That is why a look ahead or behind can be of one character, but not of more.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from textgen.errors import SettingsError
from textgen.sampling.automaton import syntax
from textgen.sampling.automaton.syntax import Flags, Part

MAX_NODES = 20_000  # which take about a second


class Kind(Enum):
    """What a node of the graph is."""

    CHARACTER = auto()  # one character of a set follows
    CHOICE = auto()  # the text is at each of the next nodes
    BEGINNING = auto()  # only if the text begins here
    BEHIND = auto()  # only after a character of a set, or at the beginning
    AHEAD = auto()  # only before a character of a set, or at the end
    END = auto()  # only if the text ends here, or if a line end follows and ends it
    BOUNDARY = auto()  # only between a character of a set and another one, or the contrary
    MATCH = auto()  # anything follows


@dataclass(frozen=True)
class Node:
    """A node of the graph.

    Attributes:
        kind: What it is.
        following: The nodes after it.
        set_number: Of CHARACTER, BEHIND, AHEAD, END and BOUNDARY: the number of a set of
            characters. The set of an END has the line end, or nothing where the text must end.
        flag: Of BEHIND: whether the text can begin here; of AHEAD: whether it can end here; of
            BOUNDARY: whether it must not be at one.
    """

    kind: Kind
    following: tuple[int, ...] = ()
    set_number: int = -1
    flag: bool = False


class Graph:
    """The graph of an expression.

    Args:
        expression: An expression that `re.compile` accepts.
        characters: The characters that texts are made of.

    Attributes:
        nodes: The nodes.
        start: The first one.
        sets: The sets of characters, each of shape (characters,).
        lacking: Characters of the expression that texts do not have.

    Raises:
        SettingsError: `match` is not regular, or too large.
    """

    def __init__(self, expression: str, characters: str):
        self._characters = characters
        self.nodes: list[Node] = []
        self.sets: list[Flags] = []
        self.lacking: set[str] = set()
        self._set_numbers: dict[bytes, int] = {}
        self._found: dict[tuple[str, int], Flags] = {}
        everything = np.ones(len(characters), np.bool_)
        match = self._add(Node(Kind.MATCH, (), self._number(everything)))
        parts, flags = syntax.parse(expression)
        try:
            first = self._build(parts, flags, match)
        except RecursionError:
            raise SettingsError("match", "has too many groups inside each other") from None
        # It may match anywhere: other characters come before it.
        self.start = self._loop(lambda loop: self._character(everything, loop), first)

    def _add(self, node: Node) -> int:
        if len(self.nodes) >= MAX_NODES:
            raise SettingsError(
                "match",
                f"is too large: it has more than {MAX_NODES:,} characters when its repetitions are "
                "written out; repeat less often, or without a highest number, as in {3,}",
            )
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _number(self, characters: Flags) -> int:
        """The number of a set of characters."""
        number = self._set_numbers.setdefault(characters.tobytes(), len(self.sets))
        if number == len(self.sets):
            self.sets.append(characters)
        return number

    def _character(self, characters: Flags, following: int) -> int:
        return self._add(Node(Kind.CHARACTER, (following,), self._number(characters)))

    def _choice(self, *following: int) -> int:
        return self._add(Node(Kind.CHOICE, tuple(dict.fromkeys(following))))

    def _loop(self, build: Callable[[int], int], following: int) -> int:
        """A choice between what follows and something after which is the same choice."""
        loop = self._choice()
        self.nodes[loop] = Node(Kind.CHOICE, (build(loop), following))
        return loop

    def _build(self, parts: Sequence[Part], flags: int, following: int) -> int:
        """Add parts before a node; returns the first of their nodes."""
        for name, value in reversed(parts):
            following = _BUILD.get(str(name), Graph._refuse)(self, (name, value), flags, following)
        return following

    def _refuse(self, part: Part, _: int, __: int) -> int:
        raise _find_error(str(part[0]))

    def _find(self, part: Part, flags: int) -> Flags:
        """Which characters a part of one character matches."""
        key = str(part), flags
        if key not in self._found:
            self._found[key] = syntax.find_characters(part, flags, self._characters)
        return self._found[key]

    def _build_character(self, part: Part, flags: int, following: int) -> int:
        some = self._find(part, flags)
        if str(part[0]) == "LITERAL" and not some.any():
            self.lacking.add(chr(part[1]))
        return self._character(some, following)

    def _build_group(self, part: Part, flags: int, following: int) -> int:
        _, added, removed, parts = part[1]
        return self._build(parts, syntax.combine_flags(flags, added, removed), following)

    def _build_branch(self, part: Part, flags: int, following: int) -> int:
        return self._choice(*(self._build(each, flags, following) for each in part[1][1]))

    def _build_repeat(self, part: Part, flags: int, following: int) -> int:
        least, most, parts = part[1]
        if str(most) == "MAXREPEAT":
            following = self._loop(lambda loop: self._build(parts, flags, loop), following)
        else:
            end = following
            for _ in range(most - least):
                first = self._build(parts, flags, following)
                if first == following:  # repeats nothing
                    break
                following = self._choice(first, end)
        return self._build_times(parts, flags, following, least)

    def _build_times(self, parts: Sequence[Part], flags: int, following: int, times: int) -> int:
        for _ in range(times):
            first = self._build(parts, flags, following)
            if first == following:
                break
            following = first
        return following

    def _build_possessive(self, part: Part, flags: int, following: int) -> int:
        """A repetition that takes all that it can: what follows it is another character."""
        least, most, parts = part[1]
        if (one := self._single(parts, flags)) is None:
            return self._refuse(part, flags, following)
        other = self._add(Node(Kind.AHEAD, (following,), self._number(~one), flag=True))
        if str(most) == "MAXREPEAT":
            node = self._loop(lambda loop: self._character(one, loop), other)
        else:
            node = following
            for _ in range(most - least):
                node = self._choice(self._character(one, node), other)
        return self._build_times(parts, flags, node, least)

    def _build_atomic(self, part: Part, flags: int, following: int) -> int:
        parts = part[1]
        if len(parts) == 1 and str(parts[0][0]) in ("MAX_REPEAT", "POSSESSIVE_REPEAT"):
            return self._build_possessive(parts[0], flags, following)
        if self._single(parts, flags) is None:
            return self._refuse(part, flags, following)
        return self._build(parts, flags, following)

    def _build_look(self, part: Part, flags: int, following: int) -> int:
        """A look ahead or behind, which can be of one character."""
        direction, parts = part[1]
        negated = str(part[0]) == "ASSERT_NOT"
        if not len(parts):  # (?!) matches nothing, and (?=) everywhere
            return self._choice() if negated else following
        if (one := self._single(parts, flags)) is None:
            raise SettingsError(
                "match",
                "looks ahead or behind for more than one character, as in (?=...); "
                "write the expression as a choice with |, or exclude characters with [^...]",
            )
        kind = Kind.AHEAD if direction > 0 else Kind.BEHIND
        number = self._number(~one if negated else one)
        return self._add(Node(kind, (following,), number, negated))

    def _build_position(self, part: Part, flags: int, following: int) -> int:
        where, line_end = str(part[1]), self._number(self._equals("\n"))
        lines = bool(flags & re.MULTILINE)
        if where == "AT_BEGINNING" and lines:
            return self._add(Node(Kind.BEHIND, (following,), line_end, flag=True))
        if where in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return self._add(Node(Kind.BEGINNING, (following,)))
        if where == "AT_END" and lines:
            return self._add(Node(Kind.AHEAD, (following,), line_end, flag=True))
        if where == "AT_END":
            return self._add(Node(Kind.END, (following,), line_end))
        if where == "AT_END_STRING":
            nothing = self._number(np.zeros(len(self._characters), np.bool_))
            return self._add(Node(Kind.END, (following,), nothing))
        if where not in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            return self._refuse(part, flags, following)
        words = self._number(syntax.find_word_characters(flags, self._characters))
        is_not = where == "AT_NON_BOUNDARY"
        return self._add(Node(Kind.BOUNDARY, (following,), words, is_not))

    def _equals(self, character: str) -> Flags:
        return np.array([each == character for each in self._characters], np.bool_)

    def _single(self, parts: Sequence[Part], flags: int) -> Flags | None:
        """Which characters some parts match that always match one; None for other parts."""
        if len(parts) != 1:
            return None
        name, value = str(parts[0][0]), parts[0][1]
        if name in _CHARACTERS:
            return self._find(parts[0], flags)
        if name == "SUBPATTERN":
            _, added, removed, inner = value
            return self._single(inner, syntax.combine_flags(flags, added, removed))
        if name == "BRANCH":
            each = [self._single(branch, flags) for branch in value[1]]
            some = [one for one in each if one is not None]
            return np.logical_or.reduce(some) if len(some) == len(each) else None
        return None


_CHARACTERS = ("LITERAL", "NOT_LITERAL", "IN", "ANY")
# What adds each part of an expression, by the name that the parser gives it.
_BUILD: dict[str, Callable[[Graph, Part, int, int], int]] = {
    **dict.fromkeys(_CHARACTERS, Graph._build_character),
    "SUBPATTERN": Graph._build_group,
    "BRANCH": Graph._build_branch,
    "MAX_REPEAT": Graph._build_repeat,
    "MIN_REPEAT": Graph._build_repeat,
    "POSSESSIVE_REPEAT": Graph._build_possessive,
    "ATOMIC_GROUP": Graph._build_atomic,
    "ASSERT": Graph._build_look,
    "ASSERT_NOT": Graph._build_look,
    "FAILURE": lambda graph, *_: graph._choice(),
    "AT": Graph._build_position,
}


def _find_error(name: str) -> SettingsError:
    """The error for a part that no automaton can be made of, by its name."""
    problems = {
        "GROUPREF": "refers back to a group, as in (a+)\\1; write what follows without it",
        "GROUPREF_EXISTS": "depends on a group, as in (a)?(?(1)b|c); write both cases with |",
        "ATOMIC_GROUP": "has an atomic group, (?>...), of more than one character; write it as "
        "(?:...)",
        "POSSESSIVE_REPEAT": "has a possessive repetition, as in (?:ab)++, of more than one "
        "character; write it without the last +",
    }
    return SettingsError("match", problems.get(name, f"has a part that is not supported: {name}"))
