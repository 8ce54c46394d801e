"""A curve and marks on it in a few rows of characters.

Knows numbers and places; knows nothing of what they measure. A row is a list of cells, each a
character and what it shows: `line`, `mark` or nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Cell = tuple[str, str]

# The dots of a braille character, two columns of four from top to bottom.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800
_EMPTY = (" ", "")
_SMOOTHING = 2  # neighbours on either side
# A curve that falls steeply first would leave no room for the rest: this share of it may lie above.
_ABOVE = 0.12


@dataclass(frozen=True)
class Scale:
    """The values at the lowest and the highest row."""

    low: float
    high: float

    def place(self, value: float, rows: int) -> int:
        """The row for a value, 0 for the highest one."""
        share = (self.high - value) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * (rows - 1))


def scale(line: Sequence[float | None], marks: Sequence[tuple[float, float]]) -> Scale:
    """Round bounds that hold all marks and the line but for its beginning."""
    known = [(place, value) for place, value in enumerate(line) if value is not None]
    if not known:
        return Scale(0.0, 1.0)
    first, last = known[0][0], known[-1][0]
    begin = first + (last - first) * _ABOVE
    values = [value for place, value in known if place >= begin]
    values += [value for share, value in marks if share * len(line) >= begin]
    low, high = min(values), max(values)
    span = max(high - low, 1e-6 * abs(high))  # a huge number has no tenths
    unit = 0.1 if span < 2 else 0.5 if span < 10 else 10.0 ** math.floor(math.log10(span))
    low, high = math.floor(low / unit) * unit, math.ceil(high / unit) * unit
    return Scale(low, max(high, low + 2 * unit))


def draw(
    line: Sequence[float | None],
    marks: Sequence[tuple[float, float]],
    columns: int,
    rows: int,
    *,
    plain: bool,
) -> tuple[list[list[Cell]], Scale]:
    """Draw a curve.

    Args:
        line: Values from left to right, two for each column; None where there is none.
        marks: Share of the width, value, for each mark.
        columns: Cells of a row.
        rows: How many.
        plain: Whether to use ASCII only.

    Returns:
        The rows from top to bottom, and their scale.
    """
    line = _smooth(_joined(line))
    scaled = scale(line, marks)
    across, down = (1, 1) if plain else (2, 4)
    dots = [[0] * columns for _ in range(rows)]
    above: int | None = None
    for place, value in enumerate(line):
        if value is None:
            continue
        below = scaled.place(value, rows * down)
        column, side = divmod(place * across // 2, across)
        start = below if above is None else above
        step = 1 if below >= start else -1
        for row in range(start + step if start != below else below, below + step, step):
            dots[row // down][column] |= _DOTS[side][row % down]
        above = below
    cells: list[list[Cell]] = [
        [(("." if plain else chr(_BRAILLE + dot)), "line") if dot else _EMPTY for dot in row]
        for row in dots
    ]
    for share, value in marks:
        column = min(int(share * columns), columns - 1)
        cells[scaled.place(value, rows)][column] = ("o" if plain else "●", "mark")
    return cells, scaled


def _joined(line: Sequence[float | None]) -> list[float | None]:
    """The line with straight pieces in its gaps."""
    joined = list(line)
    before: int | None = None
    for place, value in enumerate(line):
        if value is None:
            continue
        if before is not None:
            old, width = line[before] or 0.0, place - before
            for between in range(before + 1, place):
                joined[between] = old + (value - old) * (between - before) / width
        before = place
    return joined


def _smooth(line: Sequence[float | None]) -> list[float | None]:
    """The means of neighbours: what is left of noise would dance when the scale changes."""
    smooth = list(line)
    for place, value in enumerate(line):
        if value is not None:
            around = line[max(0, place - _SMOOTHING) : place + _SMOOTHING + 1]
            known = [one for one in around if one is not None]
            smooth[place] = sum(known) / len(known)
    return smooth
