"""Writes the texts of `textgen sample`, one by one or in batches, as text or JSON lines."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from textgen.cli import console
from textgen.cli.output import Output
from textgen.sampling import Sampler
from textgen.sampling.sampler import GeneratedText, resolve_random_seed
from textgen.sampling.stopping import StopCondition
from textgen.settings import SampleConfig


@dataclass(frozen=True)
class SampleFormat:
    """How samples are written.

    Attributes:
        name: `text` or `jsonl`.
        show_seed: Whether a text begins with its seed.
    """

    name: str
    show_seed: bool


class SampleWriter:
    """Generates and writes samples.

    Args:
        sampler: The model.
        config: How many, of which length, and how to generate them.
        seeds: Texts to start from; if there are none, each sample starts from a part of the corpus.
        out: Standard output.
        form: How they are written.

    Attributes:
        texts: How many there are in all.
    """

    def __init__(
        self,
        sampler: Sampler,
        config: SampleConfig,
        seeds: list[str],
        out: Output,
        form: SampleFormat,
    ):
        self._sampler, self._config, self._seeds = sampler, config, seeds
        self._out, self._format = out, form
        self._random_seed = resolve_random_seed(config.random_seed)
        self._texts_each = config.samples * max(1, len(seeds))  # for each temperature
        self.texts = self._texts_each * len(config.temperatures)
        self._complete = 0

    def write_all(self) -> None:
        """Write all samples, and a note if texts were cut."""
        config = self._config
        stop = self._sampler.stop_condition(config.max_length, config.until, config.lines)
        for temperature in config.temperatures:
            if self._texts_each == 1 and self._format.name == "text":
                self._write_stream(temperature, stop)
            else:
                self._write_batch(temperature, stop)
        cut = self.texts - self._complete
        if cut:
            console.note(
                f"textgen: {cut:,} of {self.texts:,} texts were cut at {config.max_length:,} "
                "characters; raise --length to let them finish"
            )

    def _write_stream(self, temperature: float, stop: StopCondition) -> None:
        """Write one text, character by character."""
        self._write_heading(f"temperature {temperature:g}")
        (seed,) = self._all_seeds()
        characters = self._sampler.generate_stream(
            seed,
            self._config.decoding(temperature),
            stop,
            self._random_seed,
            self._count_complete,
        )
        self._out.write_text(seed if self._format.show_seed else "", characters)

    def _write_batch(self, temperature: float, stop: StopCondition) -> None:
        """Write the texts of one temperature, which are generated together."""
        is_json = self._format.name == "jsonl"
        batch = self._sampler.generate_batch(
            self._all_seeds(),
            self._config.decoding(temperature),
            stop,
            self._random_seed,
            scores=is_json,
        )
        for number, text in enumerate(batch):
            if text.complete:
                self._count_complete()
            self._write_heading(f"temperature {temperature:g}, sample {number + 1}")
            if is_json:
                self._write_json(text, temperature, number)
            else:
                self._out.write_text(text.seed if self._format.show_seed else "", [text.text])

    def _write_json(self, text: GeneratedText, temperature: float, number: int) -> None:
        record = {
            "seed": text.seed,
            "text": text.text,
            "temperature": temperature,
            "random_seed": self._random_seed,
            "number": number,
            "mean_log_probability": text.mean_log_probability,
            "complete": text.complete,
        }
        self._out.write(json.dumps(record, ensure_ascii=self._out.on_terminal) + "\n")

    def _write_heading(self, heading: str) -> None:
        """Tell texts on a terminal apart."""
        is_text = self.texts > 1 and self._format.name == "text"
        if is_text and self._out.on_terminal and sys.stderr.isatty():
            console.note(f"--- {heading} ---")

    def _all_seeds(self) -> Iterator[str]:
        for seed in self._seeds:
            yield from repeat(seed, self._config.samples)
        if not self._seeds:
            for number in range(self._config.samples):
                yield self._sampler.draw_seed(self._random_seed, number)

    def _count_complete(self) -> None:
        self._complete += 1
