"""`textgen sample`."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from textgen.cli import console, options
from textgen.config import CONTEXTS, SampleConfig

if TYPE_CHECKING:
    from textgen.sampling import Sampler

_BLOCK = 512  # characters written at a time where nobody watches


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
    cloup.option(
        "--format",
        "form",
        type=click.Choice(["text", "jsonl"]),
        default="text",
        show_default=True,
        help="Texts as they are, or a JSON object on a line for each.",
    ),
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
    if interactive and (seed, seeds_from, form) != (None, None, "text"):
        raise click.UsageError("--interactive takes seeds as they are typed, and writes text")

    import secrets

    from textgen.model_dir import load
    from textgen.sampling.seeds import from_bytes, lines

    sampler = load(directory, config.context)
    out = _Out(separator)
    if interactive:
        from textgen.cli.interactive import converse

        converse(sampler, config, unknown, out.write)
        return
    if seeds_from is not None:
        given = lines(_read(seeds_from), seeds_from)
    elif seed == "-":
        given = [from_bytes(_read("-"), "-").removesuffix("\n")]  # that end a shell put there
    else:
        given = [] if seed is None else [seed]
    given = [sampler.check_seed(one, unknown) for one in given]
    random_seed = secrets.randbits(32) if config.random_seed is None else config.random_seed
    seeds = [one for one in given for _ in range(config.samples)] or [
        sampler.random_seed_text(random_seed, number) for number in range(config.samples)
    ]
    texts = len(seeds) * len(config.temperatures)
    ends = bool(config.until or config.lines)
    if config.at_most is None and not ends and (texts > 1 or form == "jsonl"):
        raise click.UsageError(
            "--length 0 has no end: ask for one text, without --format jsonl, or give a --length"
        )
    headed = texts > 1 and form == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    unended = 0
    for temperature in config.temperatures:
        if form == "jsonl":
            for number, text in enumerate(
                sampler.texts(seeds, config, temperature, random_seed, scores=True)
            ):
                unended += not config.ends(text.text)
                record = {
                    "seed": text.seed,
                    "text": text.text,
                    "temperature": temperature,
                    "random_seed": random_seed,
                    "number": number,
                    "mean_log_probability": text.log_probability,
                }
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
            continue
        written = _texts(sampler, seeds, config, temperature, random_seed)
        for number, pieces in enumerate(written):
            if headed:
                console.note(f"--- temperature {temperature:g}, sample {number + 1} ---")
            kept = out.text(seeds[number] if seed_text else "", pieces, keep=ends)
            unended += not config.ends(kept)
    if unended and ends:
        console.note(
            f"textgen: {unended:,} of {texts:,} texts reached {config.at_most:,} characters before "
            "their end; --length sets this bound"
        )


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _texts(
    sampler: "Sampler",
    seeds: list[str],
    config: SampleConfig,
    temperature: float,
    random_seed: int,
) -> Iterator[Iterable[str]]:
    """What follows each seed, in pieces: one text as it is written, several side by side."""
    if len(seeds) == 1:
        yield sampler.characters(seeds[0], config, temperature, random_seed)
    else:
        for text in sampler.texts(seeds, config, temperature, random_seed):
            yield [text.text]


class _Out:
    """Standard output: at once where it is a terminal, in blocks elsewhere."""

    def __init__(self, separator: str | None):
        from textgen.errors import OutputError

        if sys.stdout is None:
            raise OutputError("standard output is closed; send it to a file, a pipe or a terminal")
        self._separator = separator
        self._at_once = sys.stdout.isatty()

    def write(self, text: str) -> None:
        """Write in UTF-8."""
        sys.stdout.buffer.write(text.encode("utf-8"))
        if self._at_once:
            sys.stdout.buffer.flush()

    def text(self, seed: str, pieces: Iterable[str], *, keep: bool) -> str:
        """Write a text and what comes after it; returns it, without the seed, if it is to keep."""
        self.write(seed)
        kept, piece, characters = [], "", iter(pieces)
        while following := "".join(islice(characters, 1 if self._at_once else _BLOCK)):
            piece = following
            self.write(piece)
            if keep:
                kept.append(piece)
        if self._separator is not None:
            self.write(self._separator)
        elif not piece.endswith("\n"):
            self.write("\n")
        return "".join(kept)
