"""`textgen sample`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from textgen.cli import console, options
from textgen.config import SampleConfig

if TYPE_CHECKING:
    from textgen.sampling import Sampler


@cloup.command("sample")
@options.model("Model directory to write with.")
@options.setting(
    SampleConfig,
    "temperatures",
    "--temperature",
    type=float,
    multiple=True,
    help_text="Low is careful, high is wild, 0 takes the likeliest character; can be repeated.",
)
@options.setting(SampleConfig, "length", type=int, help_text="Characters to write after the seed.")
@options.setting(SampleConfig, "samples", "-n", "--samples", type=int, help_text="Texts to write.")
@cloup.option(
    "--seed",
    metavar="TEXT",
    help="Text to start from; - reads it from standard input.  [default: a part of the corpus]",
)
@cloup.option(
    "--unknown",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do with characters of the seed that the model does not know.",
)
@options.setting(
    SampleConfig,
    "random_seed",
    type=int,
    help_text="The same number gives the same texts.  [default: another one each time]",
)
@cloup.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Texts as they are, or a JSON object on a line for each.",
)
@options.debug
def command(directory: Path, seed: str | None, unknown: str, form: str, **values: Any) -> None:
    """Write new text with a trained model, to standard output.

    Each text begins with its seed and ends with a line end.

    \b
        textgen sample
        textgen sample --temperature 0.2 --temperature 1.0 --seed "To be"
        textgen sample -n 100 --length 60 --format jsonl > samples.jsonl
        head -c 40 corpus.txt | textgen sample --seed -
    """
    import secrets

    from textgen.model_dir import load

    config = SampleConfig(**options.given(values))
    sampler = load(directory)
    if seed == "-":
        # A shell ends what it pipes with a line end that nobody meant.
        seed = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    if seed is not None:
        seed = sampler.check_seed(seed, unknown)
    random_seed = secrets.randbits(32) if config.random_seed is None else config.random_seed
    seeds = [
        sampler.random_seed_text(random_seed, number) if seed is None else seed
        for number in range(config.samples)
    ]
    several = config.samples * len(config.temperatures) > 1
    headed = several and form == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    for temperature in config.temperatures:
        for number, text in enumerate(_texts(sampler, seeds, config, temperature, random_seed)):
            if headed:
                console.note(f"--- temperature {temperature:g}, sample {number + 1} ---")
            if form == "text":
                _write([seeds[number]])
                _write(text)
                _write(["\n"])
            else:
                record = {
                    "seed": seeds[number],
                    "text": "".join(text),
                    "temperature": temperature,
                    "random_seed": random_seed,
                    "number": number,
                }
                _write([json.dumps(record, ensure_ascii=False) + "\n"])


def _texts(
    sampler: "Sampler",
    seeds: list[str],
    config: SampleConfig,
    temperature: float,
    random_seed: int,
) -> Iterator[Iterator[str]]:
    """What follows each seed, in pieces: one text as it is written, several side by side."""
    if len(seeds) == 1:
        yield sampler.stream(seeds[0], config.length, temperature, random_seed)
    else:
        for text in sampler.texts(seeds, config.length, temperature, random_seed):
            yield iter([text])


def _write(pieces: Any) -> None:
    """Write text in UTF-8: at once to a terminal, in blocks elsewhere."""
    flush = sys.stdout.isatty()
    for piece in pieces:
        sys.stdout.buffer.write(piece.encode("utf-8"))
        if flush:
            sys.stdout.buffer.flush()
