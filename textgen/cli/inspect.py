"""`textgen inspect`."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import cloup

from textgen.cli import console, options, usage
from textgen.cli.formatting import make_printable
from textgen.cli.output import Output
from textgen.settings import CorpusConfig

# One more than textgen.analysis.surprise.LEVELS has bounds.
_GROUNDS = (None, 230, 222, 215, 203)  # of the 256 colours: none, then yellow to red
_INK = 16


@cloup.command("inspect", cls=usage.Command)
@options.texts(required=True)
@options.model("Model directory to look at the text with.")
@options.context(
    "Carry the state through the text, or predict each character from the last maxlen."
)
@options.encoding_as_trained
@options.glob()
@options.output_format(
    "jsonl", "The text in colours, or a JSON object on a line for each character."
)
@cloup.option(
    "--color/--no-color",
    default=None,
    help="Colours also where there is no terminal, or none at all.  [default: on a terminal, "
    "unless NO_COLOR is set]",
)
@options.debug
def command(
    texts: tuple[str, ...],
    directory: Path,
    context: str | None,
    encoding: str | None,
    decoding_errors: str | None,
    glob: tuple[str, ...],
    output_format: str,
    color: bool | None,  # noqa: FBT001
) -> None:
    """Colour each character of a text by how surprising a model found it.

    TEXT is one or more files, directories (read recursively) or - for standard input. The less the
    model expected a character, the darker its background. As JSON lines: character, bits (-log2 of
    its probability), rank among all characters, and the five likeliest in its place.

    \b
        textgen inspect page.txt --color | less -R
        echo "To be, or not to bee" | textgen inspect -
        textgen inspect --model small page.txt --format jsonl
    """
    if not texts:
        raise click.UsageError("no text: `textgen inspect page.txt`")
    from textgen.analysis.surprise import LEVELS, inspect
    from textgen.text.reading_report import ReadingReport

    report = ReadingReport()
    found = inspect(
        texts,
        directory,
        context=context,
        encoding=encoding,
        decoding_errors=decoding_errors,
        glob=glob or CorpusConfig.glob,
        likeliest=5 if output_format == "jsonl" else 0,
        report=report,
    )
    out = Output()
    if output_format == "jsonl":
        out.write_clean(_lines(found))
        console.note_reading(report)
        return
    coloured = out.has_colors if color is None else color
    if coloured:
        names = (f"below {LEVELS[0]}", *(f"{bits} or more" for bits in LEVELS))
        legend = " ".join(_on(level, name) for level, name in enumerate(names))
        click.echo(f"bits of surprise: {legend}", err=True)
    out.write_clean(_text(found, _on if coloured else _plain))
    console.note_reading(report)


def _lines(found: Iterable[Any]) -> Iterator[str]:
    import json

    for one in found:
        likeliest = [[character, round(share, 6)] for character, share in one.likeliest]
        yield json.dumps({**vars(one), "likeliest": likeliest}) + "\n"


def _text(found: Iterable[Any], show: Callable[[int, str], str]) -> Iterator[str]:
    """The text, neighbours of one colour together."""
    last = "\n"
    for level, group in itertools.groupby(found, key=lambda one: one.level):
        text = make_printable("".join(one.character for one in group))
        last = text[-1]
        # A ground that went on over a line's end would colour the rest of the terminal's line.
        yield "\n".join(show(level, line) if line else "" for line in text.split("\n"))
    if last != "\n":
        yield "\n"


def _on(level: int, text: str) -> str:
    ground = _GROUNDS[level]
    return text if ground is None else click.style(text, fg=_INK, bg=ground)


def _plain(_level: int, text: str) -> str:
    return text
