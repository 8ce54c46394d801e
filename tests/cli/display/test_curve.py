"""A curve drawn with characters."""

import pytest

from textgen.cli.display.curve import draw_curve


def test_a_curve_falls_from_its_left_to_its_right():
    line = [4 - place / 40 for place in range(80)] + [None] * 80
    cells, scale = draw_curve(line, [(0.25, 3.0)], 80, 5, ascii_only=True)
    rows = ["".join(character for character, _ in row) for row in cells]
    assert [scale.low, scale.high] == pytest.approx([2.0, 3.8])
    assert rows[0].startswith("...") and rows[4].rstrip().endswith(".")
    assert [row.index("o") for row in rows if "o" in row] == [20]
    assert all(len(row) == 80 and not row[40:].strip() for row in rows)
    gaps, _ = draw_curve([1.0, *[None] * 18, 2.0], [], 10, 4, ascii_only=False)
    assert all(any(row[column][1] for row in gaps) for column in range(10))
