"""Charts as the text of `<svg>` elements.

Their colours are the CSS variables --ink, --line and --series-1 to --series-8 of the page.
"""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textgen.analysis.formatting import printable_name

_INCHES = (
    4.8,
    2.9,
)  # up to 600 pixels wide on a page, with a font of 8 to 14 pixels
_FONT_SIZE = 9.5  # points
_SERIES = 8
# Placeholder colours, replaced by CSS variables in the SVG that matplotlib writes.
_INK, _LINE = "#010203", "#040506"
_COLOURS = [f"#0708{number:02x}" for number in range(1, _SERIES + 1)]


@dataclass(frozen=True)
class Curve:
    """A line in a chart.

    Attributes:
        name: For the legend; empty for none.
        points: Pairs of x and y.
        series: Number of the colour, from 0.
        thin: Draw a thin line without markers.
    """

    name: str
    points: Sequence[tuple[float, float]]
    series: int = 0
    thin: bool = False


def draw_losses(curves: Sequence[Curve], x_label: str) -> str:
    """A chart of losses: nats per character on the left, bits on the right.

    Args:
        curves: Losses in nats per character.
        x_label: Label of the x axis.
    """

    def draw(axes: Any) -> None:
        _plot(axes, curves)
        # The losses of an untrained network would flatten the rest of the curves.
        settled = [loss for curve in curves for _, loss in curve.points[len(curve.points) // 12 :]]
        low, high = min(settled), max(settled)
        margin = 0.05 * (high - low) or 0.1
        axes.set_ylim(low - margin, high + margin)
        _add_bits_axis(axes)

    return _draw_svg(x_label, "nats per character", draw)


def draw_positions(
    points: Sequence[tuple[float, float]], errors: Sequence[float], x_label: str
) -> str:
    """A chart of bits per character by position on a logarithmic scale, with an error band.

    Args:
        points: Positions, from 1 on, and bits per character.
        errors: Half the height of the band at each of them.
        x_label: Label of the x axis.
    """

    def draw(axes: Any) -> None:
        places = [place for place, _ in points]
        low = [bits - error for (_, bits), error in zip(points, errors, strict=True)]
        high = [bits + error for (_, bits), error in zip(points, errors, strict=True)]
        axes.fill_between(places, low, high, color=_COLOURS[1], alpha=0.2, linewidth=0)
        _plot(axes, [Curve("", points, 1)])
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")

    return _draw_svg(x_label, "bits per character", draw)


def _draw_svg(x_label: str, y_label: str, draw: Callable[[Any], None]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": x_label + y_label,  # the same chart has the same bytes
        "font.size": _FONT_SIZE,
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
    file = io.StringIO()
    with mpl.rc_context(style):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        draw(axes)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _to_page_element(file.getvalue(), f"Chart: {y_label} by {x_label}")


def _plot(axes: Any, curves: Sequence[Curve]) -> None:
    for curve in curves:
        x, y = zip(*curve.points, strict=True)
        axes.plot(
            x,
            y,
            color=_COLOURS[curve.series % _SERIES],
            # matplotlib leaves names that begin with _ out of the legend.
            label=printable_name(curve.name).lstrip("_") or "_",
            linewidth=1 if curve.thin else 1.6,
            linestyle="-" if curve.series < _SERIES else "--",
            marker=None if curve.thin else "o",
            markersize=3,
        )
    if any(curve.name for curve in curves):
        axes.legend(frameon=False)


def _add_bits_axis(axes: Any) -> None:
    """An axis in bits on the right of one in nats."""
    other = axes.secondary_yaxis(
        "right", functions=(lambda nats: nats / math.log(2), lambda bits: bits * math.log(2))
    )
    other.set_ylabel("bits per character")
    other.spines["right"].set_visible(False)


def _to_page_element(svg: str, name: str) -> str:
    """The `<svg>` element only, without a fixed size, in the colours of the page."""
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
