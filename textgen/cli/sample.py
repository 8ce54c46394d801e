"""`textgen sample`."""

import json
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from textgen.cli import console, options, usage
from textgen.settings import CONTEXTS, SampleConfig

if TYPE_CHECKING:
    from textgen.sampling import Sampler


@cloup.command("sample", cls=usage.Command)
@options.model("Model directory to write with.")
@cloup.option_group(
    "Seed",
    cloup.option(
        "--seed",
        metavar="TEXT",
        type=options.ESCAPED,
        help=f"Text to start from ({options.ESCAPED.HELP}); - reads it from standard input, "
        "without escapes.  [default: a part of the corpus]",
    ),
    cloup.option(
        "--seeds-from",
        metavar="FILE",
        shell_complete=options.FILES,
        help="File of seeds, one on each line, without escapes; empty lines are left out; - is "
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
        help_text="Predict from all that was read, or from the last maxlen characters.  "
        "[default: as it was trained]",
    ),
)
@cloup.option_group(
    "Choice of characters",
    options.setting(
        SampleConfig,
        "temperatures",
        "--temperature",
        type=float,
        multiple=True,
        help_text="Low is careful, high is wild, 0 takes the likeliest character; can be repeated.",
    ),
    options.setting(
        SampleConfig,
        "top_k",
        type=int,
        help_text="Choose among the N likeliest characters.  [default: all]",
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
        help_text="Choose among characters at least this many times as likely as the likeliest.",
    ),
    options.setting(
        SampleConfig,
        "random_seed",
        type=int,
        help_text="The same number gives the same texts.  [default: another one each time]",
    ),
)
@cloup.option_group(
    "How much",
    options.setting(
        SampleConfig,
        "samples",
        "-n",
        "--samples",
        type=int,
        help_text="Texts to write for each seed and temperature.",
    ),
    options.setting(
        SampleConfig,
        "length",
        type=int,
        help_text="Characters to write after the seed, at most; 0 for no end.  "
        "[default: 400; 10000 with --until or --lines]",
    ),
    options.setting(
        SampleConfig,
        "until",
        multiple=True,
        metavar="TEXT",
        type=options.ESCAPED,
        help_text=f"End a text after this one ({options.ESCAPED.HELP}); can be repeated.",
    ),
    options.setting(
        SampleConfig,
        "lines",
        type=int,
        help_text="End a text after this many line ends.  [default: do not]",
    ),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--seed-text/--no-seed-text",
        default=True,
        help="Write the seed before what follows it.  [default: write it]",
    ),
    cloup.option(
        "--separator",
        metavar="TEXT",
        type=options.ESCAPED,
        help=f"Written after each text ({options.ESCAPED.HELP}).  "
        "[default: a line end, unless the text has one]",
    ),
    options.form("jsonl", "Texts as they are, or a JSON object on a line for each."),
    cloup.option(
        "-i",
        "--interactive",
        is_flag=True,
        help="Type a line, see it continued; /help there tells more.",
    ),
    cloup.option(
        "--history",
        metavar="FILE",
        shell_complete=options.FILES,
        envvar="TEXTGEN_HISTORY",
        show_envvar=True,
        help="Save the lines typed in --interactive to this file, for the next time.  [default: "
        "save nothing]",
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
    form: str,
    interactive: bool,  # noqa: FBT001
    history: str | None,
    **values: Any,
) -> None:
    """Write new text with a trained model, to standard output.

    Each text begins with its seed. With several texts and `--lines 1 --no-seed-text`, every line
    is a text.

    \b
        textgen sample
        textgen sample --temperature 0.2 --temperature 1.0 --seed "To be"
        textgen sample -n 100 --length 60 --format jsonl > samples.jsonl
        textgen sample --seed "ROMEO:" --until "\\n\\n" --min-p 0.05
        head -c 40 corpus.txt | textgen sample --seed -
        textgen sample --interactive
    """
    config = SampleConfig(**options.given(values))
    if seed is not None and seeds_from is not None:
        raise click.UsageError("--seed and --seeds-from exclude each other; give one of them")
    if form == "jsonl" and (separator is not None or not seed_text):
        raise click.UsageError("--separator and --no-seed-text are for --format text only")
    if interactive and (
        (seed, seeds_from, separator, form, seed_text) != (None, None, None, "text", True)
        or config.samples * len(config.temperatures) > 1
    ):
        raise click.UsageError(
            "--interactive takes seeds as they are typed and writes one text for each"
        )
    in_environment = click.get_current_context().get_parameter_source("history") in (
        None,
        ParameterSource.ENVIRONMENT,
    )
    if history is not None and not interactive and not in_environment:
        raise click.UsageError("--history is for --interactive only")

    from textgen.model.model_dir import load
    from textgen.sampling.sampler import draw_random_seed

    sampler = load(directory, config.context)
    out = console.Output(separator, at_once=interactive)
    if interactive:
        from textgen.cli.interactive import converse

        converse(sampler, config, unknown, out, history)
        return
    given = _seeds(sampler, seed, seeds_from, unknown)
    random_seed = draw_random_seed() if config.random_seed is None else config.random_seed

    def seeds() -> Iterator[str]:
        for one in given:
            yield from repeat(one, config.samples)
        for number in range(0 if given else config.samples):
            yield sampler.draw_seed(random_seed, number)

    for_each = config.samples * max(1, len(given))
    texts = for_each * len(config.temperatures)
    ends = bool(config.until or config.lines)
    if config.max_length is None and not ends and (texts > 1 or form == "jsonl"):
        raise click.UsageError(
            "--length 0 has no end: ask for one text, without --format jsonl, or give a --length"
        )
    headed = texts > 1 and form == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    ending = sampler.stop_condition(config.max_length, config.until, config.lines)
    complete = 0
    for temperature in config.temperatures:
        how = (config.decoding(temperature), ending, random_seed)
        if for_each == 1 and form == "text":
            (only,) = seeds()

            def count() -> None:
                nonlocal complete
                complete += 1

            if headed:
                console.note(f"--- temperature {temperature:g} ---")
            out.text(only if seed_text else "", sampler.generate_stream(only, *how, count))
            continue
        written = sampler.generate_batch(seeds(), *how, scores=form == "jsonl")
        for number, text in enumerate(written):
            complete += text.complete
            if headed:
                console.note(f"--- temperature {temperature:g}, sample {number + 1} ---")
            if form == "text":
                out.text(text.seed if seed_text else "", [text.text])
            else:
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
            f"textgen: {texts - complete:,} of {texts:,} texts reached {config.max_length:,} "
            "characters before their end; --length sets this bound"
        )


def _seeds(sampler: "Sampler", seed: str | None, seeds_from: str | None, unknown: str) -> list[str]:
    """The seeds that were given, checked; none where there were none."""
    from textgen.errors import SeedError
    from textgen.sampling.seeds import parse_seed_file, parse_seed_lines

    given: list[tuple[int, str]] = []
    if seeds_from is not None:
        given, empty = parse_seed_lines(_read(seeds_from), seeds_from)
        if empty:
            console.note(f"textgen: {seeds_from}: left out {console.count(empty, 'empty line')}")
    elif seed is not None:
        given = [(1, parse_seed_file(_read("-"), "-") if seed == "-" else seed)]
    checked = list[str]()
    for number, one in given:
        try:
            checked.append(sampler.check_seed(one, unknown))
        except SeedError as error:
            if unknown == "skip" and len(given) > 1:  # nothing of it is left
                continue
            place = f"{seeds_from}: line {number}: " if seeds_from is not None else ""
            raise SeedError(f"{place}{error}") from None
    if given and not checked:
        raise SeedError("the seeds have no character of the model's vocabulary")
    skipped = sum(len(one) for _, one in given) - sum(map(len, checked))
    if skipped:
        lost = len(given) - len(checked)
        seeds = f", and with them {console.count(lost, 'seed')}" if lost else ""
        console.note(f"textgen: {console.left_out(skipped)}{seeds}")
    return checked


def _read(name: str) -> bytes:
    if name != "-":
        return Path(name).read_bytes()
    return console.standard_input().read()
