"""`textgen report`."""

from pathlib import Path

import cloup

from textgen.cli import base_command, console, options
from textgen.cli.output import open_page


@cloup.command("report", cls=base_command.Command)
@options.texts(required=False)
@options.model("Model directory to report on.")
@options.page("report.html")
@options.reading
@options.debug
def command(
    texts: tuple[str, ...],
    directory: Path,
    output: str,
    force: bool,  # noqa: FBT001
    encoding: str | None,
    decoding_errors: str | None,
    glob: tuple[str, ...],
) -> None:
    """Write a page that shows what a model learned.

    The page is one HTML file that needs no network: curves, samples from the first to the last, a
    text coloured by surprise, which characters are confused, what context is worth, what single
    units track, and the settings. TEXT is the text to show surprise and units on: one or more
    files, directories or - for standard input; by default the validation part of the corpus.

    \b
        textgen report
        textgen report -o page.html --force
        textgen report --model small -o small.html held-out.txt
    """
    write = open_page(output, force=force)
    from textgen.analysis.report.page import report

    page = report(
        directory,
        texts,
        encoding=encoding,
        decoding_errors=decoding_errors,
        glob=glob,
    )
    console.note_reading(page.reading)
    for note in page.notes:
        console.note(f"textgen: {note}")
    write(page.html)
