"""`textgen compare`."""

from collections.abc import Sequence
from typing import Any

import click
import cloup

from textgen.cli import base_command, console, corpus_options, options
from textgen.cli.compare_labels import show_labels
from textgen.cli.formatting import describe_reading, format_duration, format_table, make_printable
from textgen.cli.output import Output, open_page


@cloup.command("compare", cls=base_command.Command)
@options.texts(required=False)
@options.models
@cloup.option(
    "--labels",
    is_flag=True,
    help="Compare the labels of one model: which one fits each document best?",
)
@cloup.option(
    "--label", metavar="NAME", help="With --labels: the kind of label, if the model has several."
)
@cloup.option(
    "--limit",
    type=int,
    metavar="N",
    help="With --labels: score N random documents.  [default: as many as take half a minute]",
)
@cloup.option(
    "--test",
    is_flag=True,
    help="With --labels: score the documents that training held out for this (train --test).",
)
@options.page(None)
@options.reading
@corpus_options.text_documents(label=False)
@options.output_format("json", "A table, or a list of JSON objects.")
@options.debug
def command(
    texts: tuple[str, ...],
    directories: tuple[str, ...],
    labels: bool,  # noqa: FBT001
    label: str | None,
    limit: int | None,
    test: bool,  # noqa: FBT001
    output: str | None,
    force: bool,  # noqa: FBT001
    output_format: str,
    **reading: Any,
) -> None:
    """Compare trained models, or the labels of one: who wrote it?

    Of models: a table, and a page with their curves.

    Losses are in nats per character. Losses recorded in training compare only where corpus and
    validation part are the same. With TEXT (files or directories) every model is evaluated on that
    text, and models are ranked by bits per character of all of it. Each character that a model
    does not know is counted as 20.09 bits, enough to encode any Unicode code point: without this,
    a model would look better the less of the text it knows.

    With --labels, each document of TEXT (by default of those that the model was validated on) is
    scored under every value of a label: who wrote it? The table shows how many documents of each
    label (rows) fit each label (columns) best.

    \b
        textgen compare --model small --model large
        textgen compare --model small --model large held-out.txt
        textgen compare --model small --model large -o curves.html
        textgen compare --labels --model poems
        textgen compare --labels --model poems --label author unsigned.txt
    """
    reading = corpus_options.chosen_reading(reading)
    if labels:
        if output is not None:
            raise click.UsageError("--labels makes no page; `textgen report` shows labels, too")
        if len(directories) > 1:
            raise click.UsageError("--labels compares the labels of one model; name one --model")
        show_labels(
            directories, texts, output_format, label=label, limit=limit, test=test, **reading
        )
        return
    if label is not None or limit is not None or test:
        raise click.UsageError("--label, --limit and --test are for --labels")
    if not directories:
        raise click.UsageError("no models: `textgen compare --model small --model large`")
    import json

    from textgen import packages
    from textgen.analysis.comparison import compare, comparison_page
    from textgen.text.sources import find_sources

    console.note_compilation()

    for source in find_sources(texts, reading["glob"]) if len(directories) > 1 else ():
        if source.size is None:  # a pipe
            raise click.UsageError(f"{source.name} can be read only once; name a file instead")
    write = open_page(output, force=force) if output else None
    if write is not None:
        packages.require_installed(*packages.REPORT_PACKAGES)
    out = Output()
    with console.progress_bar() as bar:
        progress = {
            name: console.CharacterProgress(bar, f"evaluating {make_printable(name)}")
            for name in directories
        }
        comparisons = compare(
            directories, texts, lambda model, *counts: progress[model](*counts), **reading
        )
    for lines in dict.fromkeys(tuple(describe_reading(model.reading)) for model in comparisons):
        for line in lines:
            console.note(f"textgen: {line}")
    for model in comparisons:
        if not model.history.validations:
            console.note(f"textgen: {model.model} has no history")
    if write is not None:
        write(comparison_page(comparisons))
    if texts and any(model.rank is None for model in comparisons):
        console.note(
            "textgen: no ranks: the models read different texts, for example in lower case or in "
            "another encoding; --encoding gives all of them the same"
        )
    if output_format == "json":
        out.write(json.dumps([model.to_json() for model in comparisons]) + "\n")
        return
    head = (*_HEAD, *(_ON_TEXT if texts else ("bits",)))
    for line in format_table(head, [_row(model) for model in comparisons]):
        out.write(f"{line}\n")


_HEAD = ("model", "network", "parameters", "corpus", "read", "time", "best loss")
_ON_TEXT = ("on text", "coverage", "bits of all", "rank")


def _row(model: Any) -> Sequence[str]:
    from textgen.analysis.formatting import percent

    row = [
        make_printable(model.model),
        f"{model.cell.upper()} {','.join(map(str, model.units))}",
        f"{model.parameters:,}",
        f"{model.characters:,}",
        "" if model.epochs is None else f"{model.epochs:g}x",
        "" if model.seconds is None else format_duration(model.seconds),
        "" if model.best_loss is None else f"{model.best_loss:.4f}",
    ]
    if model.coverage is None:
        bits = model.bits_per_character
        return [*row, "" if bits is None else f"{bits:.3f}"]
    return [
        *row,
        "" if model.loss is None else f"{model.loss:.4f}",
        percent(model.coverage),
        f"{model.charged_bits_per_character:.3f}",
        "" if model.rank is None else f"{model.rank}",
    ]
