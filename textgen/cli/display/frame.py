"""The display of a training as rows of text.

The height alone decides how many rows there are and what each of them shows, so nothing moves while
somebody watches.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich.console import Console
from rich.text import Text

from textgen.cli.display.curve import draw_curve
from textgen.cli.display.messages import STOPPING, describe_device, describe_vocabulary
from textgen.cli.display.state import DisplayState
from textgen.cli.formatting import format_duration, format_labels, make_printable
from textgen.training import events

_MAX_WIDTH = 118  # columns: longer lines are hard to read
_NAME, _LOSS, _BITS = 14, 8, 16  # widths of the columns of the table of losses
_TABLE = _NAME + _LOSS + _BITS
_LABEL = 5  # columns of the labels of the curve
_WIDE = 65  # columns from which on units are written in full
_MIN_CURVE = 8  # columns of a curve that shows anything
_MAX_SAMPLE_ROWS = 12
_WRAPPER = Console()  # rich's wrapping takes one, and uses nothing of it
_TRAINING, _VALIDATION, _BEST, _BAR = "cyan", "magenta", "green", "cyan"  # styles


@dataclass(frozen=True)
class Canvas:
    """What the display is drawn on.

    Attributes:
        width: Columns of the terminal.
        height: Rows of the terminal.
        ascii_only: Whether to draw with ASCII characters only.
        encoding: Encoding of the text on it.
    """

    width: int
    height: int
    ascii_only: bool = False
    encoding: str = "utf-8"

    @property
    def columns(self) -> int:
        """Columns in use. The last one stays empty: some terminals wrap the line after it."""
        return min(self.width - 1, _MAX_WIDTH)

    def rule(self, columns: int, *, heavy: bool = False) -> str:
        """A horizontal line."""
        return ("=" if heavy else "-") * columns if self.ascii_only else "─━"[heavy] * columns


@dataclass(frozen=True)
class _Layout:
    """How many rows each part has."""

    header: int
    losses: int
    samples: int
    note: int


def _choose_layout(rows: int) -> _Layout:
    if rows >= 18:
        losses = 6 if rows < 30 else 10
        return _Layout(2, losses, min(rows - losses - 10, _MAX_SAMPLE_ROWS), 2)
    if rows >= 12:
        return _Layout(2, 5, 0, 1)
    if rows >= 8:
        return _Layout(0, 5, 0, 1)
    return _Layout(0, 0, 0, 0)


def draw_frame(state: DisplayState, canvas: Canvas, since_step: float = 0.0) -> list[Text]:
    """The rows of the display, fewer than the terminal has.

    Args:
        state: What to show.
        canvas: Size and characters of the terminal.
        since_step: Seconds since the last step.
    """
    rows = canvas.height - 1
    layout = _choose_layout(rows)
    drawn: list[Text] = []
    if layout.header:
        drawn += [*_draw_header(state, canvas), Text()]
    drawn += [_draw_bar(state, canvas), _draw_speed(state, canvas, since_step)]
    if layout.losses:
        drawn += [Text()] * (rows > 8)
        drawn += _draw_losses(state, canvas, layout.losses)
    else:
        drawn.append(_draw_short_losses(state))
    if layout.samples:
        drawn += [Text(), *_draw_samples(state, canvas, layout.samples)]
    if layout.note:
        drawn += [Text()] * (layout.note - 1)
        drawn.append(_draw_note(state))
    for row in drawn:
        row.plain = row.plain.encode(canvas.encoding, "replace").decode(canvas.encoding)
        row.truncate(canvas.columns)
    return drawn[: max(rows, 1)]


def _draw_header(state: DisplayState, canvas: Canvas) -> Iterator[Text]:
    corpus, started = state.corpus, state.started
    facts = ""
    if corpus:
        documents = f"{corpus.reading.documents:,} documents, " if corpus.training_documents else ""
        facts = f"{documents}{corpus.characters:,} characters, {describe_vocabulary(corpus)}, from "
    yield _join_sides(facts + state.corpus_name, state.directory, canvas)
    if started is None:
        yield Text()
        return
    rows = "streams" if started.carry_state else "windows"
    yield _join_sides(
        f"{started.layers}, {started.parameters:,} parameters, {describe_device(started)}",
        f"{started.batch_size} {rows} of {started.maxlen}",
        canvas,
    )


def _join_sides(left: str, right: str, canvas: Canvas) -> Text:
    """A row with a text at its left and, if there is room, one at its right."""
    left, right = (" ".join(make_printable(text).split()) for text in (left, right))
    row = Text(left)
    gap = canvas.columns - row.cell_len - Text(right).cell_len
    return row.append(" " * gap + right, style="dim") if gap > 1 else row


def _draw_bar(state: DisplayState, canvas: Canvas) -> Text:
    share = f"{state.fraction_done:5.0%}"
    columns = canvas.columns - len(share)
    filled = int(state.fraction_done * columns)
    return Text.assemble(
        (canvas.rule(filled, heavy=True), _BAR),
        (canvas.rule(columns - filled), "dim"),
        (share, "bold"),
    )


def _draw_speed(state: DisplayState, canvas: Canvas, since_step: float) -> Text:
    step, speed = state.step, state.speed.characters_per_second
    if step is None or state.started is None:
        return Text("building the network", style="dim")
    left = state.seconds_left(since_step)
    epochs = f"/{state.started.epochs}" if state.started.epochs else ""
    is_wide = canvas.columns >= _WIDE
    unit = " characters/s" if is_wide else "/s"
    return Text(
        f"{f'epoch {step.epoch:g}{epochs}':15}"
        f"{f'{format_duration(step.seconds + since_step)} used':>13}"
        f"{'' if left is None else f'{format_duration(left)} left':>13}"
        f"{'' if speed is None else f'{speed:,.0f}{unit}':>{24 if is_wide else 16}}"
    )


def _draw_losses(state: DisplayState, canvas: Canvas, rows: int) -> list[Text]:
    """A table of losses, with their curve at its right."""
    validation, step, best = state.validation, state.step, state.best
    marks = (".", "o") if canvas.ascii_only else ("⣀", "●")
    # Each part has a style: that of the whole row would be the curve's, too.
    head = f"{'':{_NAME}}{'loss':>{_LOSS}}{'bits/character':>{_BITS}}"
    validation_loss = validation.validation_loss if validation else None
    bits = state.bits
    table = [
        Text.assemble((head, "dim")),
        _draw_loss(f"{marks[0]} training", step.loss if step else None, bits.training, _TRAINING),
        _draw_loss(f"{marks[1]} validation", validation_loss, bits.validation, _VALIDATION),
        _draw_loss("  best so far", best[1] if best else None, bits.best, _BEST),
        Text.assemble((f"{f'at epoch {best[0]:g}' if best else '':>{_TABLE}}", "dim")),
    ]
    table += [Text(" " * _TABLE) for _ in range(rows - len(table))]
    columns = canvas.columns - _TABLE - _LABEL - 4
    if columns >= _MIN_CURVE:
        for row, part in zip(table, _draw_loss_curve(state, canvas, columns, rows), strict=True):
            row.append("   ").append_text(part)
    return table


def _draw_loss(
    name: str, loss: float | None, to_bits: Callable[[float], float], style: str
) -> Text:
    """A row of the table; the first character of the name is its mark in the curve."""
    row = Text.assemble((name[0], style), name[1:].ljust(_NAME - 1))
    if loss is None:
        return row.append(f"{'-':>{_LOSS}}{'-':>{_BITS}}", style="dim")
    numbers = f"{_format_number(loss, 4):>{_LOSS}}{_format_number(to_bits(loss), 3):>{_BITS}}"
    return row.append(numbers, style=style)


def _format_number(value: float, digits: int) -> str:
    """A number that needs few columns even if the training diverges."""
    return f"{value:.{digits}f}" if value < 1000 else f"{value:.{digits // 4}e}"


def _draw_short_losses(state: DisplayState) -> Text:
    """The losses in one row."""
    parts = [f"loss {state.step.loss:.4f}"] if state.step else []
    if state.validation and state.validation.validation_loss is not None:
        parts.append(f"validation {state.validation.validation_loss:.4f}")
    if state.best:
        parts.append(f"best {state.best[1]:.4f} at epoch {state.best[0]:g}")
    return Text(", ".join(parts))


def _draw_loss_curve(
    state: DisplayState, canvas: Canvas, columns: int, rows: int
) -> Iterator[Text]:
    """Losses over the whole training; the rest of it is empty."""
    cells, scale = draw_curve(
        list(state.losses.means(2 * columns)),
        state.validation_losses,
        columns,
        rows - 1,
        ascii_only=canvas.ascii_only,
    )
    side, corner = ("|", "+") if canvas.ascii_only else ("│", "╰")
    styles = {"": "", "line": _TRAINING, "mark": _VALIDATION}
    for number, row in enumerate(cells):
        ends = {0: scale.high, rows - 2: scale.low}
        label = _format_number(ends[number], 1) if number in ends and state.step else ""
        text = Text.assemble((f"{label:>{_LABEL}}{side}", "dim"))
        for kind, part in groupby(row, key=itemgetter(1)):
            text.append("".join(character for character, _ in part), style=styles[kind])
        yield text
    yield Text(" " * _LABEL + corner + canvas.rule(columns), style="dim")


def _draw_samples(state: DisplayState, canvas: Canvas, rows: int) -> list[Text]:
    """A title and the newest samples: one row more than `rows`."""
    samples, epoch, title = state.samples, state.sample_epoch, "sample"
    if samples and epoch is not None:
        temperatures = list(dict.fromkeys(f"{sample.temperature:g}" for sample in samples))
        title = (
            f"sample{'s' if len(samples) > 1 else ''} at epoch {epoch:g}, "
            f"temperature{'s' if len(temperatures) > 1 else ''} {', '.join(temperatures)}"
        )
    title = f"{canvas.rule(2)} {title} "
    drawn = [Text(title + canvas.rule(max(0, canvas.columns - len(title))), style="dim")]
    for sample in samples:
        drawn += _draw_sample(sample, canvas, rows // len(samples) or 1)
    if not samples:
        drawn.append(Text("none yet", style="dim"))
    drawn += [Text() for _ in range(rows + 1 - len(drawn))]
    return drawn[: rows + 1]


def _draw_sample(
    sample: events.Sample | events.EarlySample, canvas: Canvas, rows: int
) -> list[Text]:
    """The first rows of a sample, with its seed or its labels dimmed before it."""
    before = f"{format_labels(sample.labels)}: " if sample.labels else sample.seed
    drawn = Text(make_printable((before + sample.text)[: rows * canvas.columns]))
    drawn.stylize("dim", 0, len(before))
    return list(drawn.wrap(_WRAPPER, max(canvas.columns, 2), overflow="fold"))[:rows]


def _draw_note(state: DisplayState) -> Text:
    if state.is_stopping:
        return Text(STOPPING, style="bold yellow")
    return Text("Ctrl-C keeps the best model", style="dim")
