"""Writes the texts of `textgen sample`, one by one or in batches, as text, JSON lines or CSV."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from typing import Any

from textgen.cli import console
from textgen.cli.document_text import DocumentText, has_line_ends
from textgen.cli.formatting import flatten_labels, format_count
from textgen.cli.output import Output
from textgen.sampling import Sampler
from textgen.sampling.selection import Selection
from textgen.sampling.stopping import StopCondition
from textgen.sampling.texts import Candidate, GeneratedText, TextConfig, resolve_random_seed
from textgen.settings import DocumentFilters, SampleConfig, format_value


@dataclass(frozen=True)
class SampleFormat:
    """How samples are written.

    Attributes:
        name: `text`, `jsonl` or `csv`.
        show_seed: Whether a text begins with its seed.
        separator: Written after each text; None for the default.
    """

    name: str
    show_seed: bool
    separator: str | None = None


@dataclass(frozen=True)
class SampleRequest:
    """Which samples are written.

    Attributes:
        config: How many, of which length, and how to generate them.
        seeds: Texts to start from; if there are none, each sample starts from a part of the corpus,
            or is a document from its beginning.
        labels: Labels of documents.
        filters: What documents must pass.
    """

    config: SampleConfig
    seeds: Sequence[str] = ()
    labels: Sequence[str] = ()
    filters: DocumentFilters = field(default_factory=DocumentFilters)

    @property
    def texts_each(self) -> int:
        """Texts for each temperature."""
        return self.config.samples * max(1, len(self.seeds))

    @property
    def texts(self) -> int:
        """Texts in all."""
        return self.texts_each * len(self.config.temperatures)


class SampleWriter:
    """Generates and writes samples.

    Args:
        sampler: The model.
        request: Which samples.
        out: Standard output.
        form: How they are written.

    Raises:
        SettingsError: the model cannot generate them.
    """

    def __init__(self, sampler: Sampler, request: SampleRequest, out: Output, form: SampleFormat):
        self._sampler, self._request, self._config = sampler, request, request.config
        self._out, self._format = out, form
        self._random_seed = resolve_random_seed(self._config.random_seed)
        self._complete = self._written = 0
        self._selection: Selection | None = None
        if request.filters.active:
            self._selection = Selection(request.filters, sampler.corpus)
        self._has_documents = sampler.generates_documents
        self._has_line_ends = has_line_ends(sampler)
        self._documents = DocumentText(
            out, form.separator, has_line_ends=self._has_line_ends, several=request.texts > 1
        )
        self._columns: list[str] | None = None

    def write_all(self) -> None:
        """Write all samples, and a note if texts were cut.

        Raises:
            TriesError: fewer documents than wanted passed the filters.
        """
        config = self._config
        max_length = config.max_length(documents=self._has_documents)
        stop = self._sampler.stop_condition(max_length, config.until, config.lines)
        with console.progress_bar() as bar:
            if self._selection is not None and not self._out.on_terminal:
                self._selection.on_progress = partial(self._show_progress, bar, self._selection)
            for temperature in config.temperatures:
                is_stream = self._request.texts_each == 1 and self._format.name == "text"
                is_stream = is_stream and config.best_of == 1
                if is_stream and self._selection is None:
                    self._write_stream(temperature, stop)
                else:
                    self._write_batch(temperature, stop)
        noun = "documents" if self._has_documents else "texts"
        cut = self._written - self._complete
        if cut:
            console.note(
                f"textgen: {cut:,} of {self._written:,} {noun} were cut at {max_length:,} "
                "characters; raise --length to let them finish"
            )
        if self._documents.ambiguous:
            console.note(
                f"textgen: {self._documents.ambiguous:,} of {self._written:,} {noun} contain the "
                "separator, so each looks like several; give another --separator, or --format jsonl"
            )
        if self._selection is not None:
            if self._selection.accepted < self._selection.wanted:
                raise self._selection.error()
            if summary := self._selection.summary():
                left_out = format_count(self._selection.rejected.total(), "document")
                console.note(f"textgen: left out {left_out}: {summary}")

    def _show_progress(self, bar: console.ProgressBar, selection: Selection) -> None:
        done, total = selection.accepted, self._request.texts
        text = f"{done:,} of {total:,} documents, {selection.generated:,} generated"
        bar.update("sampling", done, total, text)

    def _write_stream(self, temperature: float | str, stop: StopCondition) -> None:
        """Write one text, character by character."""
        self._write_heading(f"temperature {format_value(temperature)}")
        (seed,) = self._all_seeds()
        characters = self._sampler.generate_stream(
            seed,
            self._config.decoding(temperature),
            stop,
            self._random_seed,
            self._count_complete,
            self._label,
        )
        self._written += 1
        self._write_text(chain([seed] if seed and self._format.show_seed else [], characters))

    def _write_batch(self, temperature: float | str, stop: StopCondition) -> None:
        """Write the texts of one temperature, which are generated together."""
        for number, text in enumerate(self._generate(temperature, stop)):
            self._written += 1
            if text.complete:
                self._count_complete()
            labels = "".join(f", {name} {value}" for name, value in text.labels.items())
            self._write_heading(
                f"temperature {format_value(temperature)}, sample {number + 1}{labels}", number
            )
            if self._format.name == "text":
                self._write_text([text.document if self._format.show_seed else text.text])
            else:
                self._write_record(text, temperature, number)

    def _generate(self, temperature: float | str, stop: StopCondition) -> Iterator[GeneratedText]:
        decoding, scores = self._config.decoding(temperature), self._format.name != "text"
        best_of = self._config.best_of
        config = TextConfig(decoding, stop, self._random_seed, self._label, scores, best_of)
        if self._selection is None:
            numbered = enumerate(self._all_seeds())
            candidates = (Candidate(seed, number) for number, seed in numbered)
            return self._sampler.generate_candidates(candidates, config)
        seeds = self._request.seeds or [""]
        generate = partial(self._sampler.generate_candidates, config=config)
        return self._selection.select(generate, seeds, self._config.samples)

    @property
    def _label(self) -> Sequence[str] | None:
        return self._request.labels or None

    def _write_text(self, pieces: Any) -> None:
        if self._has_documents:
            self._documents.write(pieces)
        else:
            self._out.write_text("", pieces)

    def _write_record(self, text: GeneratedText, temperature: float | str, number: int) -> None:
        """Write a text with its figures."""
        labels = self._sampler.labels
        by_name = {name: text.labels.get(name, "") for name in labels.names} if labels else {}
        record = {
            "seed": text.seed,
            # A document is shown as a whole.
            "text": text.document if self._has_documents else text.text,
            **({"labels": by_name} if labels else {}),
            "temperature": temperature,
            "random_seed": self._random_seed,
            "number": number,
            "mean_log_probability": text.mean_log_probability,
            "log_probability": text.log_probability,
            "complete": text.complete,
        }
        if self._format.name == "csv":
            self._write_row(record)
        else:
            self._out.write(json.dumps(record, ensure_ascii=self._out.on_terminal) + "\n")

    def _write_row(self, record: dict[str, Any]) -> None:
        """Write a row of CSV, and the names of the columns before the first one."""
        columns = flatten_labels(record)
        if self._columns is None:
            self._columns = list(columns)
            self._out.write(self._out.clean(_csv_row(self._columns)))
        values = (
            str(value).lower() if isinstance(value, bool) else value for value in columns.values()
        )
        self._out.write(self._out.clean(_csv_row(values)))

    def _write_heading(self, heading: str, number: int = 0) -> None:
        """Tell texts on a terminal apart."""
        is_text = self._request.texts > 1 and self._format.name == "text"
        if self._has_documents and not self._has_line_ends:  # lines need no headings
            heading = heading.partition(",")[0]
            is_text = is_text and len(self._config.temperatures) > 1 and number == 0
        if is_text and self._out.on_terminal and sys.stderr.isatty():
            console.note(f"--- {heading} ---")

    def _all_seeds(self) -> Iterator[str]:
        for seed in self._request.seeds:
            yield from repeat(seed, self._config.samples)
        if not self._request.seeds:
            for number in range(self._config.samples):
                yield self._sampler.draw_seed(self._random_seed, number)

    def _count_complete(self) -> None:
        self._complete += 1


def _csv_row(values: Any) -> str:
    """A line of CSV, as RFC 4180 describes it."""
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
