"""`textgen report`."""

from pathlib import Path

import cloup

from textgen.cli import console, options
from textgen.settings import CorpusConfig


@cloup.command("report")
@options.model_argument
@options.page("report.html")
@options.text_option(
    "Text to show surprise and units on: a file, a directory or -; can be repeated.  "
    "[default: the validation part of the corpus]"
)
@options.encoding_as_trained
@options.glob()
@options.debug
def command(
    directory: Path,
    output: str,
    force: bool,  # noqa: FBT001
    texts: tuple[str, ...],
    encoding: str | None,
    decoding_errors: str | None,
    glob: tuple[str, ...],
) -> None:
    """Make a page that shows what a model learned.

    One file of HTML that needs no network: curves, samples from the first to the last, a text
    coloured by surprise, what is confused with what, what context is worth, what single units
    track, and the settings.

    \b
        textgen report
        textgen report textgen-model -o report.html
        textgen report small -o small.html --text held-out.txt
    """
    write = console.page_writer(output, force=force)
    from textgen.analysis.report.page import report

    page = report(
        directory,
        texts,
        encoding=encoding,
        decoding_errors=decoding_errors,
        glob=glob or CorpusConfig.glob,
    )
    console.note_reading(page.reading)
    for note in page.notes:
        console.note(f"textgen: {note}")
    write(page.html)
