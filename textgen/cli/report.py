"""`textgen report`."""

from pathlib import Path
from typing import Any

import cloup

from textgen.cli import base_command, console, corpus_options, options
from textgen.cli.output import open_page


@cloup.command("report", cls=base_command.Command)
@options.texts(required=False)
@options.model("Model directory to report on.")
@options.page("report.html")
@options.reading
@corpus_options.text_documents()
@options.debug
def command(
    texts: tuple[str, ...],
    directory: Path,
    output: str,
    force: bool,  # noqa: FBT001
    **reading: Any,
) -> None:
    """Write a page that shows what a model learned.

    The page is one HTML file that needs no network: curves, samples from the first to the last, a
    text coloured by surprise, which characters are confused, what context is worth, what single
    units track, and the settings; of a model with labels, how well it predicts each of them and how
    far apart they are. TEXT is the text to show all this on: one or more files, directories or -
    for standard input; by default the validation part of the corpus.

    \b
        textgen report
        textgen report -o page.html --force
        textgen report --model small -o small.html held-out.txt
    """
    write = open_page(output, force=force)
    from textgen.analysis.report.page import report

    console.note_compilation()

    page = report(directory, texts, **corpus_options.chosen_reading(reading))
    console.note_reading(page.reading)
    for note in page.notes:
        console.note(f"textgen: {note}")
    write(page.html)
