"""The display of a training as rows of text.

Knows rows, columns and the figures of a training; knows nothing of terminals or clocks. How many
rows there are, and what stands in each, follows from the height alone: nothing moves while it is
watched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich.console import Console
from rich.text import Text

from textgen.cli.display import curve, lines
from textgen.cli.display.figures import Figures, bits
from textgen.cli.formatting import format_duration, make_printable

_WIDEST = 118  # columns: longer lines are hard to read
_NAMES, _LOSS, _BITS = 14, 8, 16  # columns of the table of losses
_TABLE = _NAMES + _LOSS + _BITS
_LABEL = 5  # of the curve
_ROOMY = 65  # columns that figures with their units in full take
_NARROWEST = 8  # columns of a curve that shows anything
_SAMPLES_AT_MOST = 12  # rows
_ANY = Console()  # rich's wrapping asks for one and needs nothing of it
_TRAINING, _VALIDATION, _BEST, _BAR = "cyan", "magenta", "green", "cyan"


@dataclass(frozen=True)
class Look:
    """What the display is drawn with.

    Attributes:
        width: Columns of the terminal.
        height: Its rows.
        plain: Whether it can draw with ASCII only.
        encoding: Of the text on it.
    """

    width: int
    height: int
    plain: bool = False
    encoding: str = "utf-8"

    @property
    def columns(self) -> int:
        """Columns in use: the last one stays free, where some terminals break the line."""
        return min(self.width - 1, _WIDEST)

    def line(self, columns: int, *, heavy: bool = False) -> str:
        return ("=" if heavy else "-") * columns if self.plain else "─━"[heavy] * columns


@dataclass(frozen=True)
class _Plan:
    """How many rows each part has."""

    header: int
    losses: int
    samples: int
    note: int


def _plan(rows: int) -> _Plan:
    if rows >= 18:
        losses = 6 if rows < 30 else 10
        return _Plan(2, losses, min(rows - losses - 10, _SAMPLES_AT_MOST), 2)
    if rows >= 12:
        return _Plan(2, 5, 0, 1)
    if rows >= 8:
        return _Plan(0, 5, 0, 1)
    return _Plan(0, 0, 0, 0)


def frame(figures: Figures, look: Look, since: float = 0.0) -> list[Text]:
    """The rows of the display, fewer than the terminal has.

    Args:
        figures: What to show.
        look: The terminal.
        since: Seconds since the last step.
    """
    rows = look.height - 1
    plan = _plan(rows)
    shown: list[Text] = []
    if plan.header:
        shown += [*_header(figures, look), Text()]
    shown += [_bar(figures, look), _pace(figures, look, since)]
    if plan.losses:
        shown += [Text()] * (rows > 8)
        shown += _losses(figures, look, plan.losses)
    else:
        shown.append(_losses_in_short(figures))
    if plan.samples:
        shown += [Text(), *_samples(figures, look, plan.samples)]
    if plan.note:
        shown += [Text()] * (plan.note - 1)
        shown.append(_note(figures))
    for row in shown:
        row.plain = row.plain.encode(look.encoding, "replace").decode(look.encoding)
        row.truncate(look.columns)
    return shown[: max(rows, 1)]


def _header(figures: Figures, look: Look) -> Iterator[Text]:
    opened, started = figures.opened, figures.started
    facts = (
        f"{opened.characters:,} characters, {opened.vocabulary_size:,} distinct, from "
        if opened
        else ""
    )
    yield _sides(facts + figures.corpus, figures.directory, look)
    if started is None:
        yield Text()
        return
    rows = "streams" if started.carry_state else "windows"
    yield _sides(
        f"{started.layers}, {started.parameters:,} parameters, {lines.computing(started)}",
        f"{started.batch_size} {rows} of {started.maxlen}",
        look,
    )


def _sides(left: str, right: str, look: Look) -> Text:
    """A row with something at its left and, where there is room, at its right."""
    left, right = (" ".join(make_printable(text).split()) for text in (left, right))
    row = Text(left)
    room = look.columns - row.cell_len - Text(right).cell_len
    return row.append(" " * room + right, style="dim") if room > 1 else row


def _bar(figures: Figures, look: Look) -> Text:
    share = f"{figures.done:5.0%}"
    columns = look.columns - len(share)
    filled = int(figures.done * columns)
    return Text.assemble(
        (look.line(filled, heavy=True), _BAR),
        (look.line(columns - filled), "dim"),
        (share, "bold"),
    )


def _pace(figures: Figures, look: Look, since: float) -> Text:
    step, left, rate = figures.step, figures.left(since), figures.pace.rate
    if step is None or figures.started is None:
        return Text("building the network", style="dim")
    of = f"/{figures.started.epochs}" if figures.started.epochs else ""
    roomy = look.columns >= _ROOMY
    unit = " characters/s" if roomy else "/s"
    return Text(
        f"{f'epoch {step.epoch:g}{of}':15}"
        f"{f'{format_duration(step.seconds + since)} used':>13}"
        f"{'' if left is None else f'{format_duration(left)} left':>13}"
        f"{'' if rate is None else f'{rate:,.0f}{unit}':>{24 if roomy else 16}}"
    )


def _losses(figures: Figures, look: Look, rows: int) -> list[Text]:
    """A table of losses, and beside it their curve."""
    report, step, best = figures.report, figures.step, figures.best
    marks = (".", "o") if look.plain else ("⣀", "●")
    # A style of the whole row would be the curve's, too.
    head = f"{'':{_NAMES}}{'loss':>{_LOSS}}{'bits/character':>{_BITS}}"
    table = [
        Text.assemble((head, "dim")),
        _loss("training", step.loss if step else None, marks[0], _TRAINING),
        _loss("validation", report.validation_loss if report else None, marks[1], _VALIDATION),
        _loss("best so far", best[1] if best else None, " ", _BEST),
        Text.assemble((f"{f'at epoch {best[0]:g}' if best else '':>{_TABLE}}", "dim")),
    ]
    table += [Text(" " * _TABLE) for _ in range(rows - len(table))]
    columns = look.columns - _TABLE - _LABEL - 4
    if columns >= _NARROWEST:
        for row, part in zip(table, _curve(figures, look, columns, rows), strict=True):
            row.append("   ").append_text(part)
    return table


def _loss(name: str, loss: float | None, mark: str, style: str) -> Text:
    row = Text.assemble((mark, style), f" {name}".ljust(_NAMES - 1))
    if loss is None:
        return row.append(f"{'-':>{_LOSS}}{'-':>{_BITS}}", style="dim")
    figures = f"{_number(loss, 4):>{_LOSS}}{_number(bits(loss), 3):>{_BITS}}"
    return row.append(figures, style=style)


def _number(value: float, digits: int) -> str:
    """A number that needs few columns also where training goes astray."""
    return f"{value:.{digits}f}" if value < 1000 else f"{value:.{digits // 4}e}"


def _losses_in_short(figures: Figures) -> Text:
    """The losses in a row of their own."""
    parts = [f"loss {figures.step.loss:.4f}"] if figures.step else []
    if figures.report and figures.report.validation_loss is not None:
        parts.append(f"validation {figures.report.validation_loss:.4f}")
    if figures.best:
        parts.append(f"best {figures.best[1]:.4f} at epoch {figures.best[0]:g}")
    return Text(", ".join(parts))


def _curve(figures: Figures, look: Look, columns: int, rows: int) -> Iterator[Text]:
    """Losses over the whole of the training: what is still to come is empty."""
    cells, scaled = curve.draw(
        list(figures.losses.means(2 * columns)),
        figures.validations,
        columns,
        rows - 1,
        plain=look.plain,
    )
    side, corner = ("|", "+") if look.plain else ("│", "╰")
    styles = {"": "", "line": _TRAINING, "mark": _VALIDATION}
    for number, row in enumerate(cells):
        ends = {0: scaled.high, rows - 2: scaled.low}
        label = _number(ends[number], 1) if number in ends else ""
        text = Text.assemble((f"{label if figures.step else '':>{_LABEL}}{side}", "dim"))
        for shows, part in groupby(row, key=itemgetter(1)):
            text.append("".join(character for character, _ in part), style=styles[shows])
        yield text
    yield Text(" " * _LABEL + corner + look.line(columns), style="dim")


def _samples(figures: Figures, look: Look, rows: int) -> list[Text]:
    """The newest samples under a line that says what they are, in so many rows and one."""
    drawn, epoch, title = figures.samples, figures.sampled, "sample"
    if drawn and epoch is not None:
        temperatures = ", ".join(f"{sample.temperature:g}" for sample in drawn)
        s = "s" if len(drawn) > 1 else ""
        title = f"sample{s} at epoch {epoch:g}, temperature{s} {temperatures}"
    title = f"{look.line(2)} {title} "
    shown = [Text(title + look.line(max(0, look.columns - len(title))), style="dim")]
    for sample in drawn:
        shown += _sample(sample.seed + sample.text, len(sample.seed), look, rows // len(drawn) or 1)
    if not drawn:
        shown.append(Text("none yet", style="dim"))
    shown += [Text() for _ in range(rows + 1 - len(shown))]
    return shown[: rows + 1]


def _sample(text: str, seed: int, look: Look, rows: int) -> list[Text]:
    """The first rows of a text that begins with a seed of so many characters."""
    text = make_printable(text[: rows * look.columns])
    whole = Text(text)
    whole.stylize("dim", 0, seed)
    return list(whole.wrap(_ANY, max(look.columns, 2), overflow="fold"))[:rows]


def _note(figures: Figures) -> Text:
    if figures.stopping:
        return Text(lines.STOPPING, style="bold yellow")
    return Text("Ctrl-C keeps the best model", style="dim")
