"""The states of an automaton, each a set of places, found when a text reaches them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError
from textgen.sampling.automaton.classes import Classes
from textgen.sampling.automaton.distances import FAR, Distances
from textgen.sampling.automaton.graph import Graph
from textgen.sampling.automaton.places import PlaceFinder, Places
from textgen.sampling.automaton.stops import Progress, Stops
from textgen.sampling.automaton.syntax import Flags
from textgen.sampling.automaton.trie import Trie
from textgen.sampling.stopping import StopCondition


@dataclass(frozen=True)
class Row:
    """Which tokens may follow a state.

    Attributes:
        costs: The characters of each token, and the fewest after them until the text matches; FAR
            if it never does. Shape (tokens,).
        blocked: Where they are FAR, shape (tokens,).
        highest: The highest of the others.
    """

    costs: npt.NDArray[np.int32]
    blocked: Flags
    highest: int


class State:
    """A set of places, for a text that has come so far towards where it stops.

    Attributes:
        places: The places.
        progress: Towards a stop; None where every character leads here again.
        distance: The fewest characters until the text matches; FAR if it never does.
        accepts: Whether a text that ends here matches.
        nearest: As `Automaton.find_nearest` returns it; None if that was not computed.
        following: The states after it that were found, by the class of the character.
        rows: Which tokens may follow, by the characters of a token that are counted.
    """

    __slots__ = ("accepts", "distance", "following", "nearest", "places", "progress", "rows")

    def __init__(
        self,
        distance: int,
        *,
        accepts: bool,
        places: Places = frozenset(),
        progress: Progress | None = None,
    ):
        self.places, self.progress, self.distance = places, progress, distance
        self.accepts = accepts
        self.nearest: int | None = None
        self.following: dict[int, State] = {}
        self.rows: dict[int, Row] = {}


class Automaton:
    """Finds which characters can still lead to a match of an expression.

    Args:
        expression: An expression that `re.compile` accepts.
        characters: The characters that texts are made of.
        selectable: Which of them may be chosen, shape (characters,); others are in seeds only.
        stop: When a text ends; its length does not matter here.

    Attributes:
        classes: The class of each character.
        dead: The state of a text that never matches.
        anything: The state of a text that matches whatever follows.
        stopped: The state of a text that has stopped and matches.

    Raises:
        SettingsError: `match` is not regular, too large, or matches no text of the characters.
    """

    def __init__(self, expression: str, characters: str, selectable: Flags, stop: StopCondition):
        graph = Graph(expression, characters)
        line_end = characters.find("\n")
        single = {line_end, *(number for text in stop.until for number in text)} - {-1}
        numbers = np.arange(len(characters))
        classes = Classes([*graph.sets, selectable, *(numbers == each for each in sorted(single))])
        self.classes = classes.of
        self._line_end = self.classes[line_end] if line_end >= 0 else -1
        until = tuple(tuple(self.classes[each] for each in text) for text in stop.until)
        self._stops = Stops(until, stop.lines, self._line_end)
        self._selectable = sorted({self.classes[each] for each in np.flatnonzero(selectable)})
        can = [number in self._selectable for number in range(classes.count)]
        self._finder = PlaceFinder(graph, classes)
        self._distances = Distances(self._finder, classes, can, self._stops)
        if not self._distances.can_match:
            lacking = ", ".join(map(repr, sorted(graph.lacking)))
            reason = f"; the model has no {lacking}" if lacking else ""
            raise SettingsError("match", f"matches no text of the model's characters{reason}")
        self.dead, self.stopped = State(FAR, accepts=False), State(0, accepts=True)
        self.anything = State(0, accepts=True)
        self._states: dict[tuple[Places, Progress], State] = {}

    def read(self, ids: Iterable[int]) -> State:
        """The state after a seed.

        Args:
            ids: The ids of its characters.
        """
        places = self._finder.first
        for each in ids:
            places = self._follow(places, self.classes[each])
        return self._find_state(places, self._stops.first)

    def follow(self, state: State, number: int) -> State:
        """The state after a state and a character of a class."""
        if state.progress is None:
            return state
        after = state.following.get(number)
        if after is None:
            places = self._follow(state.places, number)
            progress = self._stops.follow(state.progress, number)
            if progress is not None:
                after = self._find_state(places, progress)
            elif any(self._finder.accepting[place] for place in places):
                after = self.stopped
            else:
                after = self.dead
            state.following[number] = after
        return after

    def find_nearest(self, state: State) -> int:
        """The fewest characters, one or more, until the text matches; FAR if it never does.

        After a match, a last line end that `$` ignores does not count.
        """
        if state.nearest is None:
            following = self._list_following(state)
            after = [self.follow(state, number) for number in following]
            state.nearest = min((1 + each.distance for each in after), default=FAR)
            if state.accepts and following == [self._line_end] and after[0].progress is not None:
                state.nearest = FAR if not self._list_following(after[0]) else state.nearest
        return state.nearest

    def compute_row(self, state: State, trie: Trie, end_id: int, limit: int) -> Row:
        """Which tokens may follow a state.

        Args:
            state: The state.
            trie: The tokens.
            end_id: The id that ends a document; -1 without.
            limit: Characters of a token that count: the text ends after them.
        """
        states, costs = [state], [state.distance]
        for parent, number, depth in trie.children():
            before = states[parent]
            if depth > limit or before is self.stopped or before is self.dead:
                states.append(before)
                costs.append(costs[parent])
            else:
                states.append(after := self.follow(before, number))
                costs.append(min(depth + after.distance, FAR))
        tokens = np.array([*costs, FAR], np.int32)[trie.nodes]  # node -1 is the last
        if end_id >= 0:
            tokens[end_id] = 0 if state.accepts else FAR
        blocked = tokens == FAR
        return Row(tokens, blocked, int(tokens.max(where=~blocked, initial=0)))

    def forget(self) -> None:
        """Drop all states; those in use find what follows them again."""
        for state in [*self._states.values()]:
            state.following.clear()
            state.rows.clear()
        self._states.clear()

    def _follow(self, places: Places, number: int) -> Places:
        finder = self._finder
        if finder.anything in places:
            return places
        after = frozenset[int]().union(*(finder.follow(place, number) for place in places))
        return frozenset([finder.anything]) if finder.anything in after else after

    def _find_state(self, places: Places, progress: Progress) -> State:
        if self._finder.anything in places:
            return self.anything
        distances = self._distances.at(progress)
        alive = frozenset(place for place in places if distances[place] < FAR)
        if not alive:
            return self.dead
        state = self._states.get((alive, progress))
        if state is None:
            state = self._states[alive, progress] = State(
                min(distances[place] for place in alive),
                accepts=any(self._finder.accepting[place] for place in alive),
                places=alive,
                progress=progress,
            )
        return state

    def _list_following(self, state: State) -> Sequence[int]:
        """The classes of the characters that may follow."""
        return [each for each in self._selectable if self.follow(state, each) is not self.dead]
