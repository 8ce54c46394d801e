"""A curve, with marks on it, drawn with characters in a few rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Cell = tuple[str, str]  # a character, and what it shows: `line`, `mark` or nothing

# The dots of a braille character, two columns of four from top to bottom.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800
_EMPTY = (" ", "")
_SMOOTHING = 2  # neighbours on either side
# Share of the curve, at its start, that may be above the scale: a steep fall would flatten the
# rest.
_MAX_ABOVE = 0.12


@dataclass(frozen=True)
class Scale:
    """The values at the lowest and the highest row."""

    low: float
    high: float

    def row(self, value: float, rows: int) -> int:
        """The row of a value, 0 for the highest one."""
        share = (self.high - value) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * (rows - 1))


def choose_scale(line: Sequence[float | None], marks: Sequence[tuple[float, float]]) -> Scale:
    """Round bounds that hold all marks and the line except for its start."""
    known = [(index, value) for index, value in enumerate(line) if value is not None]
    if not known:
        return Scale(0.0, 1.0)
    first, last = known[0][0], known[-1][0]
    start = first + (last - first) * _MAX_ABOVE
    values = [value for index, value in known if index >= start]
    values += [value for share, value in marks if share * len(line) >= start]
    low, high = min(values), max(values)
    span = max(high - low, 1e-6 * abs(high))  # a huge number has no tenths
    unit = 0.1 if span < 2 else 0.5 if span < 10 else 10.0 ** math.floor(math.log10(span))
    low, high = math.floor(low / unit) * unit, math.ceil(high / unit) * unit
    return Scale(low, max(high, low + 2 * unit))


def draw_curve(
    line: Sequence[float | None],
    marks: Sequence[tuple[float, float]],
    columns: int,
    rows: int,
    *,
    ascii_only: bool,
) -> tuple[list[list[Cell]], Scale]:
    """Draw a curve.

    Args:
        line: Values from left to right, two for each column; None for a gap.
        marks: For each mark its place, as a share of the width, and its value.
        columns: Characters in a row.
        rows: Number of rows.
        ascii_only: Whether to use ASCII characters only.

    Returns:
        The rows from top to bottom, and their scale.
    """
    line = _smooth(_fill_gaps(line))
    scale = choose_scale(line, marks)
    across, down = (1, 1) if ascii_only else (2, 4)
    dots = [[0] * columns for _ in range(rows)]
    previous: int | None = None
    for index, value in enumerate(line):
        if value is None:
            continue
        height = scale.row(value, rows * down)
        column, side = divmod(index * across // 2, across)
        start = height if previous is None else previous
        step = 1 if height >= start else -1
        for row in range(start + step if start != height else height, height + step, step):
            dots[row // down][column] |= _DOTS[side][row % down]
        previous = height
    cells: list[list[Cell]] = [
        [(("." if ascii_only else chr(_BRAILLE + dot)), "line") if dot else _EMPTY for dot in row]
        for row in dots
    ]
    for share, value in marks:
        column = min(int(share * columns), columns - 1)
        cells[scale.row(value, rows)][column] = ("o" if ascii_only else "●", "mark")
    return cells, scale


def _fill_gaps(line: Sequence[float | None]) -> list[float | None]:
    """The line with straight segments in its gaps."""
    filled = list(line)
    previous: int | None = None
    for index, value in enumerate(line):
        if value is None:
            continue
        if previous is not None:
            old, width = line[previous] or 0.0, index - previous
            for between in range(previous + 1, index):
                filled[between] = old + (value - old) * (between - previous) / width
        previous = index
    return filled


def _smooth(line: Sequence[float | None]) -> list[float | None]:
    """Means of neighbours, so that noise does not jump about when the scale changes."""
    smooth = list(line)
    for index, value in enumerate(line):
        if value is not None:
            window = line[max(0, index - _SMOOTHING) : index + _SMOOTHING + 1]
            known = [neighbour for neighbour in window if neighbour is not None]
            smooth[index] = sum(known) / len(known)
    return smooth
