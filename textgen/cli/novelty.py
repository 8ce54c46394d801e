"""`textgen novelty`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloup

from textgen.cli import base_command, console, options
from textgen.cli.formatting import format_table, make_printable
from textgen.cli.output import Output
from textgen.settings import NoveltyConfig

if TYPE_CHECKING:
    from textgen.analysis.novelty import NgramShares, Novelty
    from textgen.analysis.passages import Passage

_STAGES = {"write": "generating samples", "compare": "comparing"}


@cloup.command("novelty", cls=base_command.Command)
@options.texts(required=False)
@options.model("Model directory to generate samples with.")
@options.setting(
    NoveltyConfig,
    "temperatures",
    "--temperature",
    type=float,
    multiple=True,
    help_text="Temperature of the samples; can be repeated.",
)
@options.setting(
    NoveltyConfig,
    "samples",
    "-n",
    "--samples",
    type=int,
    help_text="Samples to generate for each temperature.  [default: 20, or 200 documents]",
)
@options.setting(
    NoveltyConfig,
    "length",
    type=int,
    help_text="Characters of each sample, after its seed; of a document, at most.",
)
@options.setting(
    NoveltyConfig, "random_seed", type=int, help_text="The same number gives the same samples."
)
@options.output_format("json", "Tables, or a JSON object.")
@options.debug
def command(texts: tuple[str, ...], directory: Path, output_format: str, **values: Any) -> None:
    """Measure how much of its corpus a model copies.

    TEXT is the text that the model was trained on: files, directories, - for standard input, or a
    prepared corpus; by default the model directory's cache/. Samples are generated as by `textgen
    sample`. The command counts how many of their n-grams of characters occur in the training text,
    compares that with as much text that training never saw (the validation part), and shows the
    longest copied passages, each with the place that it is copied from. Of a model of documents,
    the samples are whole documents, and exact copies of training documents are counted. If the
    model descends from a starter, documents (or lines) that the starter was trained on are counted
    as well, but not parts of them.

    \b
        textgen novelty
        textgen novelty --model small -n 100 --temperature 0.8
        textgen novelty --model small corpus.txt --format json
    """
    config = NoveltyConfig(**options.chosen(values))
    import json

    from textgen.analysis.novelty import novelty

    console.note_compilation()

    out = Output()
    with console.progress_bar() as bar:
        show_stage = console.StageProgress(bar)

        def show_progress(stage: str, done: int, total: int | None) -> None:
            if stage in _STAGES:
                bar.update(_STAGES[stage], done, total, f"{done:,} of {total:,} characters")
            else:
                show_stage(stage, done, total)

        result = novelty(directory, texts, config, on_progress=show_progress)
    console.note_reading(result.reading)
    if output_format == "json":
        out.write(json.dumps(result.to_json()) + "\n")
        return
    blocks = [result.verdict, _format_table(result), *map(_format_passage, result.passages)]
    out.write(make_printable("\n\n".join(blocks) + "\n"))


def _format_table(result: "Novelty") -> str:
    columns = [*result.by_temperature, *([result.unseen] if result.unseen else [])]
    rows = [("", *map(_format_title, columns))]
    for n in result.by_temperature[0].shares:
        rows.append((f"{n} characters", *(_format_share(column.shares[n]) for column in columns)))
    rows.append(("longest copy", *(f"{column.longest_copy:,} characters" for column in columns)))
    if result.by_temperature[0].exact_copies is not None:
        copies = (
            "-" if column.exact_copies is None else f"{column.exact_copies:,} of {result.samples:,}"
            for column in columns
        )
        rows.append(("whole documents", *copies))
    if result.by_temperature[0].starter_copies is not None:
        counts = (
            "-" if column.starter_copies is None else f"{column.starter_copies:,}"
            for column in columns
        )
        rows.append(("texts of the starter", *counts))
    lines = format_table(rows[0], rows[1:])
    heading = f"n-grams found in {result.training_characters:,} characters of training text:"
    return "\n".join([heading, *lines])


def _format_title(column: "NgramShares") -> str:
    return "unseen text" if column.temperature is None else f"temperature {column.temperature:g}"


def _format_share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _format_passage(passage: "Passage") -> str:
    samples = f"sample {passage.sample + 1} at temperature {passage.temperature:g}"
    if passage.sample_count > 1:
        samples += f" and {passage.sample_count - 1:,} more"
    times = "once" if passage.occurrences == 1 else f"{passage.occurrences:,} times"
    first = "" if passage.occurrences == 1 else "first "
    heading = (
        f"{len(passage.text):,} characters of {samples}, {times} in "
        f"{passage.source or 'the corpus'}, {first}in "
    )
    lines = [f"    | {line}" for line in passage.text.split("\n")]
    if passage.line is None or passage.offset is None:
        document = (passage.document or "").split("\n")
        return "\n".join([f"{heading}this document:", *lines, *(f"    < {x}" for x in document)])
    place = f"line {passage.line:,}, character {passage.offset:,}"
    return "\n".join([f"{heading}{place}:", *lines])
