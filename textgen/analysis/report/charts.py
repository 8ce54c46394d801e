"""Curves as pictures: SVG that takes its colours from the page it stands in.

Knows points and matplotlib; knows nothing of models. Whoever draws gets the text of an `<svg>`
element whose colours are the page's CSS variables --ink, --line and --series-1 to --series-8.
"""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textgen.analysis.report.template import shown

_INCHES = (4.8, 2.9)  # at most 600 pixels wide on a page: letters of 14 there, of 8 on a telephone
_LETTERS = 9.5  # points
_SERIES = 8
# Colours that nothing else has, to be found again in what matplotlib writes.
_INK, _LINE = "#010203", "#040506"
_COLOURS = [f"#0708{number:02x}" for number in range(1, _SERIES + 1)]


@dataclass(frozen=True)
class Curve:
    """A line in a chart.

    Attributes:
        name: For the legend; empty for none.
        points: Pairs of numbers.
        series: Which colour, from 0.
        thin: A thin line, without marks.
    """

    name: str
    points: Sequence[tuple[float, float]]
    series: int = 0
    thin: bool = False


def losses(curves: Sequence[Curve], across: str) -> str:
    """A chart of losses: nats per character on the left, bits on the right.

    Args:
        curves: Losses in nats per character.
        across: What runs from left to right.
    """

    def draw(axes: Any) -> None:
        _draw(axes, curves)
        # The first losses, of a network that knows nothing, would leave the rest no room.
        settled = [loss for curve in curves for _, loss in curve.points[len(curve.points) // 12 :]]
        low, high = min(settled), max(settled)
        room = 0.05 * (high - low) or 0.1
        axes.set_ylim(low - room, high + room)
        _bits(axes)

    return _picture(across, "nats per character", draw)


def positions(points: Sequence[tuple[float, float]], errors: Sequence[float], across: str) -> str:
    """A chart of bits per character by position, the first ones far apart, with a band.

    Args:
        points: Positions, from 1 on, and bits per character.
        errors: How far the band reaches above and below each of them.
        across: What runs from left to right.
    """

    def draw(axes: Any) -> None:
        places = [place for place, _ in points]
        low = [bits - error for (_, bits), error in zip(points, errors, strict=True)]
        high = [bits + error for (_, bits), error in zip(points, errors, strict=True)]
        axes.fill_between(places, low, high, color=_COLOURS[1], alpha=0.2, linewidth=0)
        _draw(axes, [Curve("", points, 1)])
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")

    return _picture(across, "bits per character", draw)


def _picture(across: str, up: str, draw: Callable[[Any], None]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": across + up,  # the same picture has the same bytes
        "font.size": _LETTERS,
        "text.parse_math": False,  # a model's name may have dollars in it
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _LINE,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": _LINE,
        "grid.linewidth": 0.5,
        "xtick.color": _LINE,
        "ytick.color": _LINE,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
    }
    written = io.StringIO()
    with mpl.rc_context(style):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        draw(axes)
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return _of_a_page(written.getvalue(), f"Chart: {up} by {across}")


def _draw(axes: Any, curves: Sequence[Curve]) -> None:
    for curve in curves:
        x, y = zip(*curve.points, strict=True)
        axes.plot(
            x,
            y,
            color=_COLOURS[curve.series % _SERIES],
            # A name that begins with _ is left out of the legend.
            label=shown(curve.name).lstrip("_") or "_",
            linewidth=1 if curve.thin else 1.6,
            linestyle="-" if curve.series < _SERIES else "--",
            marker=None if curve.thin else "o",
            markersize=3,
        )
    if any(curve.name for curve in curves):
        axes.legend(frameon=False)


def _bits(axes: Any) -> None:
    """The same heights in bits, on the right."""
    other = axes.secondary_yaxis(
        "right", functions=(lambda nats: nats / math.log(2), lambda bits: bits * math.log(2))
    )
    other.set_ylabel("bits per character")
    other.spines["right"].set_visible(False)


def _of_a_page(svg: str, name: str) -> str:
    """The `<svg>` element alone, as wide as the page lets it be, in the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.S)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    for colour, variable in (
        (_INK, "ink"),
        (_LINE, "line"),
        *((colour, f"series-{number}") for number, colour in enumerate(_COLOURS, 1)),
    ):
        svg = svg.replace(colour, f"var(--{variable})")
    return svg
