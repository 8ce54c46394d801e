"""`textgen sample`."""

import json
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from textgen.cli import console, options
from textgen.config import CONTEXTS, SampleConfig

if TYPE_CHECKING:
    from textgen.sampling import Sampler


@cloup.command("sample")
@options.model("Model directory to write with.")
@cloup.option_group(
    "Seed",
    cloup.option(
        "--seed",
        metavar="TEXT",
        help="Text to start from; - reads it from standard input.  [default: a part of the corpus]",
    ),
    cloup.option(
        "--seeds-from",
        metavar="FILE",
        shell_complete=options.FILES,
        help="File of seeds, one on each line; - is standard input.",
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
        help_text="End a text after this one (\\n is a line end, \\t a tab); can be repeated.",
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
        help="Written after each text; \\n, \\t and \\0 are understood.  "
        "[default: a line end, unless the text has one]",
    ),
    options.form("jsonl", "Texts as they are, or a JSON object on a line for each."),
    cloup.option(
        "-i",
        "--interactive",
        is_flag=True,
        help="Type a line, see it continued; /help there tells more.",
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

    from textgen.model_dir import load
    from textgen.sampling.sampler import new_random_seed

    sampler = load(directory, config.context)
    out = console.Output(separator, at_once=interactive)
    if interactive:
        from textgen.cli.interactive import converse

        converse(sampler, config, unknown, out)
        return
    given = _seeds(sampler, seed, seeds_from, unknown)
    random_seed = new_random_seed() if config.random_seed is None else config.random_seed

    def seeds() -> Iterator[str]:
        for one in given:
            yield from repeat(one, config.samples)
        for number in range(0 if given else config.samples):
            yield sampler.random_seed_text(random_seed, number)

    for_each = config.samples * max(1, len(given))
    texts = for_each * len(config.temperatures)
    ends = bool(config.until or config.lines)
    if config.at_most is None and not ends and (texts > 1 or form == "jsonl"):
        raise click.UsageError(
            "--length 0 has no end: ask for one text, without --format jsonl, or give a --length"
        )
    headed = texts > 1 and form == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    ending = sampler.ending(config.at_most, config.until, config.lines)
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
            out.text(only if seed_text else "", sampler.characters(only, *how, on_end=count))
            continue
        written = sampler.texts(seeds(), *how, scores=form == "jsonl")
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
                }
                out.write(json.dumps(record, ensure_ascii=out.on_terminal) + "\n")
    if complete < texts:
        console.note(
            f"textgen: {texts - complete:,} of {texts:,} texts reached {config.at_most:,} "
            "characters before their end; --length sets this bound"
        )


def _seeds(sampler: "Sampler", seed: str | None, seeds_from: str | None, unknown: str) -> list[str]:
    """The seeds that were given, checked; none where there were none."""
    from textgen.errors import SeedError
    from textgen.sampling.seeds import from_bytes, lines

    if seeds_from is not None:
        given = lines(_read(seeds_from), seeds_from)
    elif seed == "-":
        given = [from_bytes(_read("-"), "-").removesuffix("\n")]  # that end a shell put there
    else:
        given = [] if seed is None else [seed]
    checked = []
    for number, one in enumerate(given, start=1):
        try:
            checked.append(sampler.check_seed(one, unknown))
        except SeedError as error:
            place = f"{seeds_from}: line {number}: " if seeds_from is not None else ""
            raise SeedError(f"{place}{error}") from None
    skipped = sum(map(len, given)) - sum(map(len, checked))
    if skipped:
        console.note(f"textgen: left out {skipped:,} characters that the model does not know")
    return checked


def _read(name: str) -> bytes:
    if name != "-":
        return Path(name).read_bytes()
    return console.standard_input().read()
