"""Several models side by side: a table, and a page with their curves."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from textgen.analysis.evaluation import measure
from textgen.analysis.figures import Evaluation
from textgen.analysis.losses import UNKNOWN_BITS
from textgen.analysis.model_text import named_text
from textgen.analysis.progress import OnCharacters
from textgen.analysis.report import charts
from textgen.analysis.report.history import History, parse_history
from textgen.analysis.report.template import render
from textgen.analysis.text_reader import ReadingOptions, too_short_error
from textgen.model.model_dir import read_model
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora

# Called with a model, the characters that it has read, and how many there are, if that is known.
OnModel = Callable[[str, int, int | None], object]

_ROUNDING = 1e-9  # bits: the same sums in another order


@dataclass(frozen=True)
class ComparedModel:
    """One of several models that are compared.

    Attributes:
        model: Its directory, as it was named.
        cell: Kind of recurrent layer.
        units: Units of each layer.
        parameters: How many numbers were learned.
        characters: Characters of its corpus.
        vocabulary: Size of its vocabulary: distinct characters, subwords and what ends documents.
        epochs: How many times the text was read; None without a history, like the next three.
        seconds: Duration of the training.
        best_epoch: The epoch whose weights the model has.
        best_loss: Its validation loss in nats per character, or training loss without one.
        loss: Cross-entropy on the named texts, in nats per character; None without texts, or
            if the model knows too few of their characters.
        coverage: The share of the texts' characters that it knows; None without texts.
        bits_per_character: On the texts, as in `Evaluation`; without texts, those of the best loss,
            but None for a model of documents: its loss counts their ends, too.
        charged_bits_per_character: On the texts, as in `Evaluation`; None without texts.
        rank: 1 for the fewest charged bits; None without texts, or if the models read different
            texts, one in lower case for example.
        history: The course of its training.
        reading: What was found and changed when the named texts were read for it.
    """

    model: str
    cell: str
    units: tuple[int, ...]
    parameters: int
    characters: int
    vocabulary: int
    epochs: float | None
    seconds: float | None
    best_epoch: float | None
    best_loss: float | None
    loss: float | None
    coverage: float | None
    bits_per_character: float | None
    charged_bits_per_character: float | None
    history: History = field(repr=False)
    rank: int | None = None
    reading: ReadingReport = field(default_factory=ReadingReport)

    def to_json(self) -> dict[str, Any]:
        """All but the history as a JSON object."""
        values = {name: value for name, value in vars(self).items() if name != "history"}
        return {**values, "reading": self.reading.to_json()}


def compare(
    models: Sequence[str | Path],
    texts: Corpora = (),
    on_progress: OnModel | None = None,
    **reading: Unpack[ReadingOptions],
) -> list[ComparedModel]:
    """Compare trained models.

    Args:
        models: Model directories.
        texts: What to evaluate each of them on, in the way that it was trained; none to compare
            what their trainings recorded.
        on_progress: Called with a model, the characters that it has read, and how many there are,
            None if that is not known.
        reading: How the texts are read, if not as each model's training text was, as in
            `textgen.analysis.text_reader.ReadingOptions`.

    Raises:
        ModelError: one is missing or damaged.
        CorpusError: the texts cannot be read.

    Example:
        >>> [row.best_loss for row in compare(["small", "large"])]  # doctest: +SKIP
        [1.62, 1.44]
    """
    corpora = list_corpora(texts)
    results = [
        _measure(model, corpora, reading, partial(on_progress, str(model)) if on_progress else None)
        for model in models
    ]
    rows = [row for row, _ in results]
    values = [row.charged_bits_per_character for row in rows]
    bits = [value for value in values if value is not None and math.isfinite(value)]
    same_text = len({digest for _, digest in results}) <= 1
    if not same_text or len(bits) < len(rows):
        return rows
    return [
        replace(row, rank=1 + sum(other < value - _ROUNDING for other in bits))
        for row, value in zip(rows, bits, strict=True)
    ]


def _measure(
    model: str | Path,
    corpora: Corpora,
    reading: ReadingOptions,
    on_progress: OnCharacters | None,
) -> tuple[ComparedModel, bytes]:
    """A model without its rank; a hash of the texts as it read them."""
    trained = read_model(model)
    record = trained.record
    history = parse_history(record.history, model)
    best, last = history.best, history.validations[-1] if history.validations else None
    evaluation: Evaluation | None = None
    digest = b""
    if corpora:
        text = named_text(record, model, corpora, reading)
        evaluation = measure(trained, text, on_progress=on_progress)
        digest = text.reader.text.digest
        if evaluation.characters < 2:
            raise too_short_error(evaluation.characters, evaluation.unknown)
    bits = None
    if evaluation:
        bits = evaluation.bits_per_character if evaluation.predicted else None
    elif best and not record.vocabulary.has_document_end:
        bits = best.selection_loss / math.log(2)
    row = ComparedModel(
        model=str(model),
        cell=record.settings.model.cell,
        units=record.settings.model.units,
        parameters=trained.parameters,
        characters=record.characters,
        vocabulary=record.vocabulary.size,
        epochs=last.epoch if last else None,
        seconds=last.seconds if last else None,
        best_epoch=best.epoch if best else None,
        best_loss=best.selection_loss if best else None,
        loss=evaluation.loss if evaluation and evaluation.predicted else None,
        coverage=evaluation.coverage if evaluation else None,
        bits_per_character=bits,
        charged_bits_per_character=evaluation.charged_bits_per_character if evaluation else None,
        history=history,
        reading=evaluation.reading if evaluation else ReadingReport(),
    )
    return row, digest


def comparison_page(models: Sequence[ComparedModel]) -> str:
    """A self-contained page of HTML: the table, and the curves by epoch and by time."""
    recorded = [model for model in models if model.history.validations]
    return render(
        "comparison.html",
        models=models,
        curves=_curves(recorded) if recorded else [],
        unknown_bits=UNKNOWN_BITS,
    )


def _curves(models: Sequence[ComparedModel]) -> list[str]:
    """Charts of the losses by which each model's weights were chosen."""
    by_epoch, by_time = [], []
    for number, model in enumerate(models, 1):
        validations = model.history.validations
        epochs = [(point.epoch, point.selection_loss) for point in validations]
        minutes = [(point.seconds / 60, point.selection_loss) for point in validations]
        by_epoch.append(charts.Curve(model.model, epochs, number))
        by_time.append(charts.Curve(model.model, minutes, number))
    return [
        charts.draw_losses(by_epoch, "times the text was read"),
        charts.draw_losses(by_time, "minutes of training"),
    ]
