"""The seeds that `textgen sample` is given: checked, and characters that are left out counted."""

from pathlib import Path

from textgen.cli import console, streams
from textgen.cli.formatting import describe_skipped, format_count
from textgen.errors import SeedError
from textgen.sampling import Sampler
from textgen.sampling.seeds import parse_seed_file, parse_seed_lines


def read_seeds(
    sampler: Sampler, seed: str | None, seeds_from: str | None, unknown: str
) -> list[str]:
    """The seeds that the user gave; an empty list if there were none.

    Args:
        sampler: The model.
        seed: The seed; - reads it from standard input.
        seeds_from: A file with a seed on each line; - is standard input.
        unknown: `error` or `skip`: what to do with characters that the model does not know.

    Raises:
        SeedError: a seed that the model cannot read.
    """
    numbered: list[tuple[int, str]] = []
    if seeds_from is not None:
        numbered, empty = parse_seed_lines(_read(seeds_from), seeds_from)
        if empty:
            console.note(f"textgen: {seeds_from}: left out {format_count(empty, 'empty line')}")
    elif seed is not None:
        numbered = [(1, parse_seed_file(_read("-"), "-") if seed == "-" else seed)]
    checked: list[str] = []
    for line, text in numbered:
        try:
            checked.append(sampler.check_seed(text, unknown))
        except SeedError as error:
            if unknown == "skip" and len(numbered) > 1:  # no character of it is left
                continue
            place = f"{seeds_from}: line {line}: " if seeds_from is not None else ""
            raise SeedError(f"{place}{error}") from None
    if numbered and not checked:
        raise SeedError("the seeds have no character of the model's vocabulary")
    skipped = sum(len(text) for _, text in numbered) - sum(map(len, checked))
    if skipped:
        seeds = len(numbered) - len(checked)
        note = f", and with them {format_count(seeds, 'seed')}" if seeds else ""
        console.note(f"textgen: {describe_skipped(skipped)}{note}")
    return checked


def _read(path: str) -> bytes:
    return streams.standard_input().read() if path == "-" else Path(path).read_bytes()
