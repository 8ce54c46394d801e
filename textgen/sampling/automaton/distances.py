"""How many characters a text needs until it matches, from each place."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from textgen.errors import SettingsError
from textgen.sampling.automaton.classes import Classes
from textgen.sampling.automaton.places import PlaceFinder, Places
from textgen.sampling.automaton.stops import Progress, Stops

FAR = 2**31 - 1  # no text that matches goes through here; it fits into the int32 of rows
_MAX_DISTANCES = 2_000_000  # about two seconds


class Distances:
    """The fewest characters after which a text matches and may end, by places.

    A text may end wherever it matches, by its length; but where it stops it must match.

    Args:
        finder: Finds the places.
        classes: The classes of characters.
        selectable: The classes with a character that may be chosen; others are in seeds only.
        stops: Where texts stop.

    Attributes:
        can_match: Whether any text of the characters matches, with those that only seeds have.

    Raises:
        SettingsError: `match` is too large.
    """

    def __init__(
        self, finder: PlaceFinder, classes: Classes, selectable: Sequence[bool], stops: Stops
    ):
        self._finder = finder
        # Where a place leads, by the class that a text may stop with there, or -1.
        self._edges: list[tuple[int, int, Places]] = []
        self._explore(_group(finder, classes, selectable, stops))
        self._sources = defaultdict[int, list[tuple[int, int]]](list)
        for place, symbol, targets in self._edges:
            for target in targets:
                self._sources[target].append((place, symbol))
        self._lines = 0
        self._layers = self._measure(stops.with_lines(0))
        if stops.lines:
            # More line ends than the longest of these ways has characters do not change it.
            longest = max((n for each in self._layers.values() for n in each if n < FAR), default=0)
            self._lines = min(stops.lines, longest + 1)
            self._layers = self._measure(stops.with_lines(self._lines))

    def at(self, progress: Progress) -> Sequence[int]:
        """The distance of each place, for a text that has not stopped."""
        lines, tail = progress
        return self._layers[min(lines, self._lines), tail]

    def _explore(self, groups: Sequence[tuple[int, bool, int]]) -> None:
        """Find all places that texts reach."""
        finder = self._finder
        waiting = [*finder.first]
        reached = set(waiting)
        while waiting:
            place = waiting.pop()
            mask = finder.places[place][1]
            for group, is_selectable, symbol in groups:
                if some := mask & group:
                    example = (some & -some).bit_length() - 1
                    targets = finder.follow(place, example)
                    waiting += targets - reached
                    reached |= targets
                    if is_selectable:
                        self._edges.append((place, symbol, targets))
        self.can_match = any(finder.accepting[place] for place in reached)

    def _measure(self, stops: Stops) -> Mapping[Progress, Sequence[int]]:
        """The distances, for each way to be before a stop."""
        finder, every = self._finder, [*stops.list_all()]
        if len(every) * len(finder.places) > _MAX_DISTANCES:
            raise SettingsError(
                "match", "is too large together with --lines or --until; give fewer lines"
            )
        layers = {progress: [FAR] * len(finder.places) for progress in every}
        symbols = {symbol for _, symbol, _ in self._edges}
        earlier = defaultdict[tuple[Progress, int], list[Progress]](list)
        stopping = set[tuple[Progress, int]]()
        for progress in every:
            for symbol in symbols:
                if (after := stops.follow(progress, symbol)) is None:
                    stopping.add((progress, symbol))
                else:
                    earlier[after, symbol].append(progress)
        ends = [place for place, accepts in enumerate(finder.accepting) if accepts]
        nearest = [(place, progress) for place in ends for progress in every]
        stops_next = [
            (place, progress)
            for progress, symbol in stopping
            for place, each, targets in self._edges
            if each == symbol and any(finder.accepting[target] for target in targets)
        ]
        distance = 0
        while nearest:
            further = stops_next if not distance else []
            for place, progress in nearest:
                if layers[progress][place] < FAR:
                    continue
                layers[progress][place] = distance
                for source, symbol in self._sources[place]:
                    further += [(source, each) for each in earlier[progress, symbol]]
            nearest, distance = further, distance + 1
        return layers


def _group(
    finder: PlaceFinder, classes: Classes, selectable: Sequence[bool], stops: Stops
) -> Sequence[tuple[int, bool, int]]:
    """Classes that lead a place to the same places, and that texts stop alike with.

    Returns:
        Of each group the bits of its classes, whether these are selectable, and the class that a
        text may stop with, or -1.
    """
    stopping = {stops.line_end} if stops.lines else set[int]()
    stopping.update(*stops.until)
    groups = defaultdict[tuple[int, bool, int], int](int)
    for number in range(classes.count):
        symbol = number if number in stopping else -1
        groups[finder.contexts[number], selectable[number], symbol] |= 1 << number
    return [(mask, is_selectable, symbol) for (_, is_selectable, symbol), mask in groups.items()]
