"""What the report shows about documents: samples, labels, and bits by the place in a document."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_scores import DocumentScorer
from textgen.analysis.evaluation import measure
from textgen.analysis.figures import Evaluation
from textgen.analysis.label_comparison import LabelComparison, measure_labels
from textgen.analysis.report import charts, context_value
from textgen.analysis.report.text_values import ReportText
from textgen.model.model_dir import TrainedModel
from textgen.sampling.scoring import spread
from textgen.settings import Decoding
from textgen.text.documents.labels import LabelField, Labels

_TEMPERATURES = (0.5, 0.8, 1.0)
_LABEL_TEMPERATURE = 0.8  # varied, and most words are right
_DOCUMENTS, _LABEL_DOCUMENTS = 10, 5  # samples in a group
_MAX_LENGTH = 1000  # characters of a sample
_MAX_SAMPLE_WORK = 1e12  # multiplications for all samples: a quarter of a minute
_MAX_VALUES = 12  # of a label, in tables
_MIN_DOCUMENTS = 20  # for a mean at a place


@dataclass(frozen=True)
class SampleGroup:
    """Documents that the model writes in the same way.

    Attributes:
        title: How.
        documents: The documents.
        is_open: Whether the page shows them at first.
    """

    title: str
    documents: tuple[str, ...]
    is_open: bool = False

    @property
    def are_lines(self) -> bool:
        """Whether none has a line end."""
        return not any("\n" in document for document in self.documents)


@dataclass(frozen=True)
class LabelSection:
    """What the page shows about a kind of label.

    Attributes:
        comparison: Which value fits each document best; None if fewer than two are known.
        evaluation: Has the losses of the values.
        name: The kind of label.
    """

    comparison: LabelComparison | None
    evaluation: Evaluation
    name: str

    @property
    def losses(self) -> Sequence[Any]:
        """The losses of the most frequent values."""
        return [loss for loss in self.evaluation.labels if loss.name == self.name][:_MAX_VALUES]

    @property
    def heat_map(self) -> list[tuple[str, list[tuple[float, float]]]]:
        """For each value how far the others are, in nats per character and from 0 to 1."""
        if self.comparison is None:
            return []
        rows = [
            (value, row[:_MAX_VALUES])
            for value, row in zip(self.comparison.values, self.comparison.distances, strict=True)
            if row is not None
        ][:_MAX_VALUES]
        largest = max((max(row) for _, row in rows), default=0.0)
        return [
            (value, [(nats, max(0.0, nats) / largest if largest > 0 else 0.0) for nats in row])
            for value, row in rows
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        """The values at the top of the heat map."""
        return self.comparison.values[:_MAX_VALUES] if self.comparison else ()


def generate_samples(trained: TrainedModel) -> list[SampleGroup]:
    """Documents at several temperatures, and with each label; none if that would take too long."""
    record = trained.record
    fields = record.labels.fields if record.labels else ()
    values = [(field, value) for field in fields for value in _most_frequent(field)]
    window = record.window() or 1
    count = len(_TEMPERATURES) * _DOCUMENTS + len(values) * _LABEL_DOCUMENTS
    if count * _MAX_LENGTH * window * trained.parameters > _MAX_SAMPLE_WORK:
        return []
    sampler = trained.sampler()
    stop = sampler.stop_condition(_MAX_LENGTH)

    def generate(
        title: str, temperature: float, count: int, label: dict[str, str] | None
    ) -> SampleGroup:
        decoding = Decoding(temperature)
        random_seed = 0 if label is None else 1  # the same one would often give the same beginnings
        texts = sampler.generate_batch([""] * count, decoding, stop, random_seed, label=label)
        is_open = label is not None or temperature == _LABEL_TEMPERATURE
        return SampleGroup(title, tuple(text.document for text in texts), is_open)

    return [
        *(
            generate(f"Temperature {temperature:g}", temperature, _DOCUMENTS, None)
            for temperature in _TEMPERATURES
        ),
        *(
            generate(
                f"{field.name}: {value}", _LABEL_TEMPERATURE, _LABEL_DOCUMENTS, {field.name: value}
            )
            for field, value in values
        ),
    ]


def _most_frequent(field: LabelField) -> list[str]:
    """The values that most documents have."""
    order = np.argsort(-np.array(field.counts), kind="stable")[:_MAX_VALUES]
    return [field.values[place] for place in order]


def measure_sections(trained: TrainedModel, text: ReportText) -> list[LabelSection]:
    """What the page shows about each kind of label; nothing for a model without labels."""
    labels = trained.record.labels
    if labels is None or not text.documents:
        return []
    evaluation = measure(trained, text.sample)
    return [
        LabelSection(
            measure_labels(trained, text.sample, number) if len(field.values) > 1 else None,
            evaluation,
            field.name,
        )
        for number, field in enumerate(labels.fields)
    ]


def describe_labels(labels: Labels) -> Iterator[str]:
    """The name and the most frequent values of each kind of label."""
    for field in labels.fields:
        counts = dict(zip(field.values, field.counts, strict=True))
        shown = [f"{value} {counts[value]:,}" for value in _most_frequent(field)]
        if len(field.values) > len(shown):
            shown.append(f"{len(field.values) - len(shown):,} more")
        if field.rare:
            shown.append(f"rare ones {field.rare:,}")
        if field.unlabelled:
            shown.append(f"none {field.unlabelled:,}")
        yield f"{field.name}: {', '.join(shown)}"


def draw_places(trained: TrainedModel, text: ReportText) -> str:
    """The chart of bits by the place in a document; empty if there are too few documents."""
    rows = list(_bits(trained, text))
    longest = max(map(len, rows), default=0)
    points, errors = [], []
    for begin, end in context_value.context_groups(longest):
        values = np.concatenate([bits[begin:end] for bits in rows])
        documents = sum(len(bits) > begin for bits in rows)
        if documents < _MIN_DOCUMENTS:
            break
        error = float(values.std() / math.sqrt(documents))
        points.append(((begin + 1 + end) / 2, float(values.mean())))
        errors.append(context_value.BAND_ERRORS * error)
    if len(points) < 2:
        return ""
    return charts.draw_positions(points, errors, "place in the document")


def _bits(trained: TrainedModel, text: ReportText) -> Iterator[npt.NDArray[np.float64]]:
    """The bits of each document's characters; those of a subword are spread over its own."""
    for document, logs in DocumentScorer(trained, text.sample.reader.end).score(text.documents):
        lengths = trained.record.vocabulary.lengths[document.targets(logs)]
        yield spread(-logs / math.log(2), lengths)
