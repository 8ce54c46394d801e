"""`textgen novelty`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloup

from textgen.cli import console, options, usage
from textgen.cli.formatting import format_table, make_printable
from textgen.cli.output import Output
from textgen.settings import NoveltyConfig

if TYPE_CHECKING:
    from textgen.analysis.novelty import NgramShares, Novelty
    from textgen.analysis.passages import Passage

_STAGES = {"write": "writing samples", "compare": "comparing"}


@cloup.command("novelty", cls=usage.Command)
@options.texts(required=False)
@options.model("Model directory to write samples with.")
@options.setting(
    NoveltyConfig,
    "temperatures",
    "--temperature",
    type=float,
    multiple=True,
    help_text="Of the samples; can be repeated.",
)
@options.setting(
    NoveltyConfig,
    "samples",
    "-n",
    "--samples",
    type=int,
    help_text="Samples to write for each temperature.",
)
@options.setting(
    NoveltyConfig, "length", type=int, help_text="Characters of each sample, after its seed."
)
@options.setting(
    NoveltyConfig, "random_seed", type=int, help_text="The same number gives the same samples."
)
@options.output_format("json", "Tables, or a JSON object.")
@options.debug
def command(texts: tuple[str, ...], directory: Path, output_format: str, **values: Any) -> None:
    """Measure how much of what a model writes is copied from its corpus.

    TEXT is the text that the model was trained on: files, directories, - for standard input, or a
    prepared corpus. Without it, the corpus in the model directory's cache/ is used. Samples are
    written as by `textgen sample`. Counted are the n-grams of characters that occur in the training
    text, in the samples and in as much text that training never saw (the validation part), and the
    longest copied passages, with the place that each is copied from.

    \b
        textgen novelty
        textgen novelty --model small -n 100 --temperature 0.8
        textgen novelty --model small corpus.txt --format json
    """
    config = NoveltyConfig(**options.chosen(values))
    import json

    from textgen.analysis.novelty import novelty

    out = Output()
    with console.progress_bar() as display:
        transfer = console.StageProgress(display)

        def show(stage: str, done: int, total: int | None) -> None:
            if stage in _STAGES:
                display.update(_STAGES[stage], done, total, f"{done:,} of {total:,} characters")
            else:
                transfer(stage, done, total)

        found = novelty(directory, texts, config, on_progress=show)
    console.note_reading(found.reading)
    if output_format == "json":
        out.write(json.dumps(found.to_json()) + "\n")
        return
    blocks = [found.verdict, _table(found), *map(_passage, found.passages)]
    out.write(make_printable("\n\n".join(blocks) + "\n"))


def _table(found: "Novelty") -> str:
    columns = [*found.by_temperature, *([found.unseen] if found.unseen else [])]
    rows = [("", *map(_title, columns))]
    for n in found.by_temperature[0].shares:
        rows.append((f"{n} characters", *(_percent(column.shares[n]) for column in columns)))
    rows.append(("longest copy", *(f"{column.longest_copy:,} characters" for column in columns)))
    lines = format_table(rows[0], rows[1:])
    heading = f"n-grams found in {found.training_characters:,} characters of training text:"
    return "\n".join([heading, *lines])


def _title(column: "NgramShares") -> str:
    return "unseen text" if column.temperature is None else f"temperature {column.temperature:g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _passage(passage: "Passage") -> str:
    samples = f"sample {passage.sample + 1} at temperature {passage.temperature:g}"
    if passage.sample_count > 1:
        samples += f" and {passage.sample_count - 1:,} more"
    times = "once" if passage.occurrences == 1 else f"{passage.occurrences:,} times"
    first = "" if passage.occurrences == 1 else "first "
    lines = passage.text.split("\n")
    return "\n".join(
        [
            f"{len(passage.text):,} characters of {samples}, {times} in "
            f"{passage.source or 'the corpus'}, {first}in line {passage.line:,}, "
            f"character {passage.offset:,}:",
            *(f"    | {line}" for line in lines),
        ]
    )
