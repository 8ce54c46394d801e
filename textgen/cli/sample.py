"""`textgen sample`."""

from pathlib import Path
from typing import Any

import click
import cloup
from click.core import ParameterSource

from textgen.cli import base_command, options
from textgen.cli.output import Output
from textgen.cli.types import ESCAPED, FILES
from textgen.settings import CONTEXTS, SampleConfig


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
        help_text="Choose among characters whose probability is at least this share of the most "
        "likely one's.",
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
    conflicts = {
        "--seed": seed is not None,
        "--seeds-from": seeds_from is not None,
        "--separator": separator is not None,
        "--format jsonl": output_format == "jsonl",
        "--no-seed-text": not seed_text,
        "several texts": config.samples * len(config.temperatures) > 1,
    }
    if interactive and True in conflicts.values():
        names = [name for name, is_given in conflicts.items() if is_given]
        raise click.UsageError(f"--interactive cannot be combined with {', '.join(names)}")
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
    from textgen.cli.sample_writer import SampleFormat, SampleWriter
    from textgen.cli.seeds import read_seeds

    seeds = read_seeds(sampler, seed, seeds_from, unknown)
    form = SampleFormat(output_format, show_seed=seed_text)
    writer = SampleWriter(sampler, config, seeds, out, form)
    can_end = bool(config.until or config.lines)
    if config.max_length is None and not can_end and (writer.texts > 1 or output_format == "jsonl"):
        raise click.UsageError(
            "--length 0 has no end: ask for one text, without --format jsonl, or give a --length"
        )
    writer.write_all()
