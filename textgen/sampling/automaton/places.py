"""Where a text can be in the graph of an expression, and which places follow each character.

A place is a node that the next character leads to, which characters these are, and whether the text
ends after it. Conditions on the character before are decided where a place is found, those on the
next one restrict its characters.
"""

from collections.abc import Sequence

from textgen.errors import SettingsError
from textgen.sampling.automaton.classes import Classes
from textgen.sampling.automaton.graph import Graph, Kind, Node
from textgen.sampling.automaton.syntax import MATCHES_NO_BOUNDARY_OF_NOTHING

_MAX_WORK = 1_000_000  # nodes visited: about two seconds

Places = frozenset[int]
Place = tuple[int, int, bool]  # the next node, the classes that lead to it, and whether it is last


class PlaceFinder:
    """Finds the places that follow others, and numbers them.

    Args:
        graph: The expression.
        classes: A partition of the characters, by the graph's sets and perhaps others.

    Attributes:
        first: The places at the beginning of a text.
        places: All that were found.
        accepting: Of each whether the text may end there.
        anything: The number of the place that any text may follow and that any text matches at.
        contexts: Of each class a number: classes with the same have the same places after them.

    Raises:
        SettingsError: `match` is too large.
    """

    def __init__(self, graph: Graph, classes: Classes):
        self._nodes, self._masks = graph.nodes, classes.masks
        self._end = 1 << classes.count
        self._all = 2 * self._end - 1
        self._work = 0
        self.places: list[Place] = []
        self.accepting: list[bool] = []
        self._numbers: dict[Place, int] = {}
        self._found: dict[tuple[int, bool, int], Places] = {}
        self.contexts = self._find_contexts(classes)
        (match,) = (number for number, each in enumerate(self._nodes) if each.kind is Kind.MATCH)
        self.anything = self._number((match, self._all, False))
        self.first = self._find(graph.start, self._all, -1)

    def follow(self, place: int, number: int) -> Places:
        """The places after a place and a character of a class."""
        node, mask, is_last = self.places[place]
        if not mask >> number & 1:
            return frozenset()
        key = node, is_last, self.contexts[number]
        if key not in self._found:
            self._found[key] = self._find(node, self._end if is_last else self._all, number)
        return self._found[key]

    def _find_contexts(self, classes: Classes) -> Sequence[int]:
        looks_back = {
            node.set_number for node in self._nodes if node.kind in (Kind.BEHIND, Kind.BOUNDARY)
        }
        numbers: dict[tuple[int, ...], int] = {}
        each = (
            tuple(self._masks[number] >> place & 1 for number in sorted(looks_back))
            for place in range(classes.count)
        )
        return [numbers.setdefault(signature, len(numbers)) for signature in each]

    def _number(self, place: Place) -> int:
        number = self._numbers.setdefault(place, len(self.places))
        if number == len(self.places):
            self.places.append(place)
            self.accepting.append(bool(place[1] & self._end))
        return number

    def _find(self, first: int, mask: int, previous: int) -> Places:
        """The places that a node is at, without any further character.

        Args:
            first: The node.
            mask: The classes that may follow; one more bit says whether the text may end.
            previous: The class of the character before; -1 at the beginning.
        """
        found = set[int]()
        waiting: list[Place] = [(first, mask, False)]
        seen = set(waiting)
        while waiting:
            number, mask, is_last = waiting.pop()
            node = self._nodes[number]
            if node.kind is Kind.MATCH:
                found.add(self._number((number, mask, is_last)))
                continue
            if node.kind is Kind.CHARACTER:
                if mask := mask & self._masks[node.set_number]:
                    found.add(self._number((node.following[0], mask, is_last)))
                continue
            for promise in self._pass(node, (mask, is_last), previous):
                for following in node.following if promise[0] else ():
                    place = following, *promise
                    if place not in seen:
                        seen.add(place)
                        waiting.append(place)
        self._work += len(seen)
        if self._work > _MAX_WORK:
            raise SettingsError(
                "match",
                "is too large: too many repetitions can be left out; write them inside each other, "
                "as in (a(b)?)?, or repeat less often",
            )
        return frozenset([self.anything]) if self.anything in found else frozenset(found)

    def _pass(
        self, node: Node, promise: tuple[int, bool], previous: int
    ) -> Sequence[tuple[int, bool]]:
        """What may follow after a node, and whether it is last: none, one or two ways."""
        mask, is_last = promise
        if node.kind is Kind.CHOICE:
            return (promise,)
        if node.kind is Kind.BEGINNING:
            return (promise,) if previous < 0 else ()
        some = self._masks[node.set_number]
        if node.kind is Kind.END:
            return ((mask & self._end, is_last), (mask & some, True))
        if node.kind is Kind.AHEAD:
            return ((mask & (some | self._end if node.flag else some), is_last),)
        is_in = previous >= 0 and bool(some >> previous & 1)
        if node.kind is Kind.BEHIND:
            return (promise,) if (node.flag if previous < 0 else is_in) else ()
        # At a boundary, the next character is of the other kind.
        others = self._all & ~some
        if previous < 0 and not MATCHES_NO_BOUNDARY_OF_NOTHING:
            others &= ~self._end
        return ((mask & (some if is_in == node.flag else others), is_last),)
