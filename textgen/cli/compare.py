"""`textgen compare`."""

from collections.abc import Sequence
from typing import Any

import click
import cloup

from textgen.cli import console, options
from textgen.config import CorpusConfig


@cloup.command("compare")
@cloup.argument("models", metavar="MODEL MODEL...", nargs=-1, shell_complete=options.DIRECTORIES)
@options.page(None)
@options.text_option("Text to evaluate every model on: a file or a directory; can be repeated.")
@options.encoding_as_trained
@options.glob()
@options.form("json", "A table, or a list of JSON objects.")
@options.debug
def command(
    models: tuple[str, ...],
    output: str | None,
    force: bool,  # noqa: FBT001
    texts: tuple[str, ...],
    encoding: str | None,
    glob: tuple[str, ...],
    form: str,
) -> None:
    """Compare trained models: a table, and a page with their curves.

    Losses are in nats per character. What trainings recorded compares only where corpus and
    validation part are the same; --text evaluates all models on one text.

    \b
        textgen compare small large
        textgen compare small large --text held-out.txt
        textgen compare small large -o curves.html
    """
    if not models:
        raise click.UsageError("no models: `textgen compare small large`")
    import json

    from textgen import packages
    from textgen.corpus import find_sources
    from textgen.reporting import compare, comparison_page

    glob = glob or CorpusConfig.glob
    for source in find_sources(texts, glob) if len(models) > 1 else ():
        if source.size is None:  # a pipe
            raise click.UsageError(f"{source.name} can be read once: name a file with --text")
    write = console.page_writer(output, force=force) if output else None
    if write is not None:
        packages.require(*packages.PAGES)
    out = console.Output()
    found = compare(models, texts, encoding=encoding, glob=glob)
    for one in found:
        if not one.told.entries:
            console.note(f"textgen: {one.model} has no history")
    if write is not None:
        write(comparison_page(found))
    if form == "json":
        out.write(json.dumps([one.to_json() for one in found]) + "\n")
        return
    for line in console.table(_HEAD[: len(_HEAD) - (not texts)], [_row(one) for one in found]):
        out.write(f"{line}\n")


_HEAD = ("model", "network", "parameters", "corpus", "read", "time", "best loss", "bits", "on text")


def _row(one: Any) -> Sequence[str]:
    row = [
        console.printable(one.model),
        f"{one.cell.upper()} {','.join(map(str, one.units))}",
        f"{one.parameters:,}",
        f"{one.characters:,}",
        "" if one.passes is None else f"{one.passes:g}x",
        "" if one.seconds is None else console.duration(one.seconds),
        "" if one.best_loss is None else f"{one.best_loss:.4f}",
        "" if one.bits_per_character is None else f"{one.bits_per_character:.3f}",
    ]
    return row if one.loss is None else [*row, f"{one.loss:.4f}"]
