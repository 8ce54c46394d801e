"""`textgen inspect`."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import cloup

from textgen.cli import base_command, console, corpus_options, options
from textgen.cli.formatting import make_printable
from textgen.cli.output import Output

# A background for each level of surprise, one more than there are bounds in LEVELS of
# textgen.analysis.surprise: none, then yellow to red of the 256 colours.
_BACKGROUNDS = (None, 230, 222, 215, 203)
_FOREGROUND = 16
_END = "\u25a0\n"  # shown where a document ends: a square, the mark at the end of an article


@cloup.command("inspect", cls=base_command.Command)
@options.texts(required=True)
@options.model("Model directory to predict the text with.")
@options.context(
    "Carry the state through the text, or predict each character from the last maxlen ones."
)
@options.reading
@corpus_options.text_documents()
@options.output_format("jsonl", "The text in colours, or a line of JSON for each character.")
@cloup.option(
    "--color/--no-color",
    default=None,
    help="Write colours or not.  [default: only on a terminal, unless NO_COLOR is set]",
)
@options.debug
def command(
    texts: tuple[str, ...],
    directory: Path,
    context: str | None,
    output_format: str,
    color: bool | None,  # noqa: FBT001
    **reading: Any,
) -> None:
    """Colour each character of a text by how much it surprises a model.

    TEXT is one or more files, directories (read recursively) or - for standard input. The less the
    model expected a character, the darker its background. As JSON lines: character, bits (-log2 of
    its probability), rank among all characters, and the five most likely ones in its place. A model
    with subwords predicts these: the bits of a subword are spread evenly over its characters, each
    of which also names its subword (token); rank and the most likely ones are those of subwords. A
    model of documents reads each one from its beginning; its end is shown as a square, and is an
    empty character in JSON.

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
    characters = inspect(
        texts,
        directory,
        context=context,
        likeliest=5 if output_format == "jsonl" else 0,
        report=report,
        **corpus_options.chosen_reading(reading),
    )
    out = Output()
    if output_format == "jsonl":
        out.write_clean(_format_json(characters))
        console.note_reading(report)
        return
    has_colors = out.has_colors if color is None else color
    if has_colors:
        names = (f"below {LEVELS[0]}", *(f"{bits} or more" for bits in LEVELS))
        legend = " ".join(_color(level, name) for level, name in enumerate(names))
        click.echo(f"bits of surprise: {legend}", err=True)
    out.write_clean(_format_text(characters, _color if has_colors else _keep))
    console.note_reading(report)


def _format_json(characters: Iterable[Any]) -> Iterator[str]:
    import json

    for character in characters:
        yield json.dumps(character.to_json()) + "\n"


def _format_text(characters: Iterable[Any], color: Callable[[int, str], str]) -> Iterator[str]:
    """The text, neighbours of the same colour together."""
    last = "\n"
    for level, group in itertools.groupby(characters, key=lambda character: character.level):
        text = make_printable("".join(character.character or _END for character in group))
        last = text[-1]
        # A background that continues over a line end would colour the rest of the terminal's line.
        yield "\n".join(color(level, line) if line else "" for line in text.split("\n"))
    if last != "\n":
        yield "\n"


def _color(level: int, text: str) -> str:
    background = _BACKGROUNDS[level]
    return text if background is None else click.style(text, fg=_FOREGROUND, bg=background)


def _keep(_level: int, text: str) -> str:
    return text
