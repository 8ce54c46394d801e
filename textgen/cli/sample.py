"""`textgen sample`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from textgen.cli import base_command, console, options
from textgen.cli.output import Output
from textgen.cli.types import ESCAPED, FILES
from textgen.settings import CONTEXTS, SampleConfig

if TYPE_CHECKING:
    from textgen.sampling import Sampler


@cloup.command("sample", cls=base_command.Command)
@options.model("Model directory to generate with.")
@cloup.option_group(
    "Seed",
    cloup.option(
        "--seed",
        metavar="TEXT",
        type=ESCAPED,
        help=f"Text to start from ({ESCAPED.HELP}); - reads it from standard input, "
        "without escapes.  [default: a part of the corpus]",
    ),
    cloup.option(
        "--seeds-from",
        metavar="FILE",
        shell_complete=FILES,
        help="File with a seed on each line, without escapes; empty lines are skipped; - is "
        "standard input.",
    ),
    cloup.option(
        "--unknown",
        type=click.Choice(["error", "skip"]),
        default="error",
        show_default=True,
        help="What to do with characters of a seed that the model does not know.",
    ),
    options.setting(
        SampleConfig,
        "context",
        type=click.Choice(CONTEXTS),
        help_text="Predict from the whole text so far, or from its last maxlen characters.  "
        "[default: as in the model's training]",
    ),
)
@cloup.option_group(
    "Decoding",
    options.setting(
        SampleConfig,
        "temperatures",
        "--temperature",
        type=float,
        multiple=True,
        help_text="Low is careful, high is wild, 0 always picks the most likely character; can be "
        "repeated.",
    ),
    options.setting(
        SampleConfig,
        "top_k",
        type=int,
        help_text="Choose among the N most likely characters.  [default: all]",
        metavar="N",
    ),
    options.setting(
        SampleConfig,
        "top_p",
        type=float,
        help_text="Choose among the fewest characters that together have this probability.",
    ),
    options.setting(
        SampleConfig,
        "min_p",
        type=float,
        help_text="Choose among characters at least this many times as likely as the most likely "
        "one.",
    ),
    options.setting(
        SampleConfig,
        "random_seed",
        type=int,
        help_text="The same number gives the same texts.  [default: different each time]",
    ),
)
@cloup.option_group(
    "Amount",
    options.setting(
        SampleConfig,
        "samples",
        "-n",
        "--samples",
        type=int,
        help_text="Texts to generate for each seed and temperature.",
    ),
    options.setting(
        SampleConfig,
        "length",
        type=int,
        help_text="Characters to generate after the seed, at most; 0 for no limit.  "
        "[default: 400; 10000 with --until or --lines]",
    ),
    options.setting(
        SampleConfig,
        "until",
        multiple=True,
        metavar="TEXT",
        type=ESCAPED,
        help_text=f"End a text after this string ({ESCAPED.HELP}); can be repeated.",
    ),
    options.setting(
        SampleConfig,
        "lines",
        type=int,
        help_text="End a text after this many line ends.  [default: no limit]",
    ),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--seed-text/--no-seed-text",
        default=True,
        help="Write the seed before the text that follows it.  [default: write it]",
    ),
    cloup.option(
        "--separator",
        metavar="TEXT",
        type=ESCAPED,
        help=f"Written after each text ({ESCAPED.HELP}).  "
        "[default: a line end, unless the text ends with one]",
    ),
    options.output_format("jsonl", "Plain texts, or a line of JSON for each."),
    cloup.option(
        "-i",
        "--interactive",
        is_flag=True,
        help="Type a line, see it continued; /help lists commands.",
    ),
    cloup.option(
        "--history",
        metavar="FILE",
        shell_complete=FILES,
        envvar="TEXTGEN_HISTORY",
        show_envvar=True,
        help="File that lines typed in --interactive are saved to and recalled from.  "
        "[default: none]",
    ),
)
@options.debug
def command(
    directory: Path,
    seed: str | None,
    seeds_from: str | None,
    unknown: str,
    seed_text: bool,  # noqa: FBT001
    separator: str | None,
    output_format: str,
    interactive: bool,  # noqa: FBT001
    history: str | None,
    **values: Any,
) -> None:
    """Generate new text with a trained model.

    Text goes to standard output, each text after its seed. With `--lines 1 --no-seed-text` each
    line is a text.

    \b
        textgen sample
        textgen sample --temperature 0.2 --temperature 1.0 --seed "To be"
        textgen sample -n 100 --length 60 --format jsonl > samples.jsonl
        textgen sample --seed "ROMEO:" --until "\\n\\n" --min-p 0.05
        head -c 40 corpus.txt | textgen sample --seed -
        textgen sample --interactive
    """
    config = SampleConfig(**options.chosen(values))
    if seed is not None and seeds_from is not None:
        raise click.UsageError("--seed and --seeds-from exclude each other; give one of them")
    if output_format == "jsonl" and (separator is not None or not seed_text):
        raise click.UsageError("--separator and --no-seed-text are for --format text only")
    if interactive and (
        (seed, seeds_from, separator, output_format, seed_text) != (None, None, None, "text", True)
        or config.samples * len(config.temperatures) > 1
    ):
        raise click.UsageError(
            "--interactive takes seeds as they are typed and writes one text for each"
        )
    is_option = click.get_current_context().get_parameter_source("history") not in (
        None,
        ParameterSource.ENVIRONMENT,
    )
    if history is not None and not interactive and is_option:
        raise click.UsageError("--history is for --interactive only")

    from textgen.model.model_dir import load

    sampler = load(directory, config.context)
    out = Output(separator, at_once=interactive)
    if interactive:
        from textgen.cli.interactive import converse

        converse(sampler, config, unknown, out, history)
        return
    from textgen.cli.seeds import read_seeds

    seeds = read_seeds(sampler, seed, seeds_from, unknown)
    _write_samples(sampler, config, seeds, out, _Format(output_format, show_seed=seed_text))


@dataclass(frozen=True)
class _Format:
    """How samples are written.

    Attributes:
        name: `text` or `jsonl`.
        show_seed: Whether a text begins with its seed.
    """

    name: str
    show_seed: bool


def _write_samples(
    sampler: "Sampler", config: SampleConfig, seeds: list[str], out: Output, form: _Format
) -> None:
    """Generate and write all samples; with no seeds, each starts from a part of the corpus."""
    from textgen.sampling.sampler import draw_random_seed

    random_seed = draw_random_seed() if config.random_seed is None else config.random_seed

    def all_seeds() -> Iterator[str]:
        for seed in seeds:
            yield from repeat(seed, config.samples)
        if not seeds:
            for number in range(config.samples):
                yield sampler.draw_seed(random_seed, number)

    per_temperature = config.samples * max(1, len(seeds))
    texts = per_temperature * len(config.temperatures)
    can_end = bool(config.until or config.lines)
    if config.max_length is None and not can_end and (texts > 1 or form.name == "jsonl"):
        raise click.UsageError(
            "--length 0 has no end: ask for one text, without --format jsonl, or give a --length"
        )
    has_headings = texts > 1 and form.name == "text" and out.on_terminal and sys.stderr.isatty()
    stop = sampler.stop_condition(config.max_length, config.until, config.lines)
    complete = 0

    def count_complete() -> None:
        nonlocal complete
        complete += 1

    for temperature in config.temperatures:
        arguments = (config.decoding(temperature), stop, random_seed)
        if per_temperature == 1 and form.name == "text":  # written character by character
            if has_headings:
                console.note(f"--- temperature {temperature:g} ---")
            (seed,) = all_seeds()
            characters = sampler.generate_stream(seed, *arguments, count_complete)
            out.write_text(seed if form.show_seed else "", characters)
            continue
        batch = sampler.generate_batch(all_seeds(), *arguments, scores=form.name == "jsonl")
        for number, text in enumerate(batch):
            complete += text.complete
            if has_headings:
                console.note(f"--- temperature {temperature:g}, sample {number + 1} ---")
            if form.name == "text":
                out.write_text(text.seed if form.show_seed else "", [text.text])
                continue
            record = {
                "seed": text.seed,
                "text": text.text,
                "temperature": temperature,
                "random_seed": random_seed,
                "number": number,
                "mean_log_probability": text.mean_log_probability,
                "complete": text.complete,
            }
            out.write(json.dumps(record, ensure_ascii=out.on_terminal) + "\n")
    if complete < texts:
        console.note(
            f"textgen: {texts - complete:,} of {texts:,} texts were cut at {config.max_length:,} "
            "characters; raise --length to let them finish"
        )
