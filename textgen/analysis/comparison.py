"""Several models side by side: a table, and their curves in one chart.

Knows what of each model is compared; knows nothing of terminals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textgen.analysis import evaluation
from textgen.analysis.report import charts, history
from textgen.analysis.report.history import History
from textgen.analysis.report.template import render
from textgen.model import model_dir
from textgen.settings import CorpusConfig
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source

_ROUNDING = 1e-9  # bits: the same sums in another order


@dataclass(frozen=True)
class Compared:
    """A model among others.

    Attributes:
        model: Its directory, as it was named.
        cell: Kind of recurrent layer.
        units: Of each layer.
        parameters: Numbers that were learned.
        characters: Of the corpus.
        vocabulary: Distinct characters.
        passes: Times the text was read; None without a history, like the next three.
        seconds: Of training.
        best_epoch: When the weights were those that are kept.
        best_loss: Their validation loss in nats per character, or training loss without one.
        loss: On the texts that were named, in nats per character that the model knows; None
            without any, or where it knows too few.
        coverage: The share of the texts' characters that it knows; None without any.
        charged_bits_per_character: On the texts, each character that it does not know charged, as
            in an `Evaluation`; None without any.
        rank: 1 for the fewest of these; None without any, or where the models read different
            texts, one in lower case for example.
        told: Its training as it went.
        reading: What was found and changed when the named texts were read for it.
    """

    model: str
    cell: str
    units: tuple[int, ...]
    parameters: int
    characters: int
    vocabulary: int
    passes: float | None
    seconds: float | None
    best_epoch: float | None
    best_loss: float | None
    loss: float | None
    coverage: float | None
    charged_bits_per_character: float | None
    told: History = field(repr=False)
    rank: int | None = None
    reading: ReadingReport = field(default_factory=ReadingReport)

    @property
    def bits_per_character(self) -> float | None:
        """The loss on the named texts, or else the best loss, in bits."""
        loss = self.best_loss if self.coverage is None else self.loss
        return None if loss is None else loss / math.log(2)

    def to_json(self) -> dict[str, Any]:
        """All but the history as a JSON object."""
        told = {name: value for name, value in vars(self).items() if name != "told"}
        return {
            **told,
            "reading": self.reading.to_json(),
            "bits_per_character": self.bits_per_character,
        }


def compare(
    models: Sequence[str | Path],
    texts: Sequence[str | Path | Source] = (),
    *,
    encoding: str | None = None,
    decoding_errors: str | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
) -> list[Compared]:
    """Compare trained models.

    Args:
        models: Model directories.
        texts: What to evaluate each of them on, in the way that it was trained; none to compare
            what their trainings recorded.
        encoding: Of the texts, or `auto`; None for that of the text which each model was trained
            on.
        decoding_errors: `strict`, `replace` or `skip`; None as when each model was trained.
        glob: Patterns for the names of files taken from directories.

    Raises:
        ModelError: one is missing or damaged.
        CorpusError: the texts cannot be read.

    Example:
        >>> [one.best_loss for one in compare(["small", "large"])]  # doctest: +SKIP
        [1.62, 1.44]
    """
    found, digests = (
        zip(
            *(_compared(model, texts, encoding, decoding_errors, glob) for model in models),
            strict=True,
        )
        if models
        else ((), ())
    )
    costs = [one.charged_bits_per_character for one in found]
    if len(set(digests)) > 1 or not all(cost is not None and math.isfinite(cost) for cost in costs):
        return list(found)
    return [
        replace(one, rank=1 + sum(other < cost - _ROUNDING for other in costs))
        for one, cost in zip(found, costs, strict=True)
    ]


def _compared(
    model: str | Path,
    texts: Sequence[str | Path | Source],
    encoding: str | None,
    decoding_errors: str | None,
    glob: Sequence[str],
) -> tuple[Compared, bytes]:
    """A model's row, without its rank; a digest of the texts as it read them."""
    trained = model_dir.read_model(model)
    record = trained.record
    told = history.read(record.history, model)
    best, last = told.best, told.entries[-1] if told.entries else None
    on_texts, digest = None, b""
    if texts:
        corpus = evaluation.as_trained(trained, model, encoding, decoding_errors)
        on_texts, digest = evaluation.measured(trained, texts, corpus, glob=glob)
        if on_texts.characters < 2:
            raise evaluation.too_little(on_texts.characters, on_texts.unknown)
    compared = Compared(
        model=str(model),
        cell=record.settings.model.cell,
        units=record.settings.model.units,
        parameters=trained.parameters,
        characters=record.characters,
        vocabulary=record.vocabulary.size,
        passes=last.epoch if last else None,
        seconds=last.seconds if last else None,
        best_epoch=best.epoch if best else None,
        best_loss=best.judged if best else None,
        loss=on_texts.loss if on_texts and on_texts.predicted else None,
        coverage=on_texts.coverage if on_texts else None,
        charged_bits_per_character=on_texts.charged_bits_per_character if on_texts else None,
        told=told,
        reading=on_texts.reading if on_texts else ReadingReport(),
    )
    return compared, digest


def comparison_page(models: Sequence[Compared]) -> str:
    """A self-contained page of HTML: the table, and the curves by passes and by time."""
    known = [one for one in models if one.told.entries]
    return render(
        "comparison.html",
        models=models,
        curves=_curves(known) if known else [],
        unknown_bits=evaluation.UNKNOWN_BITS,
    )


def _curves(models: Sequence[Compared]) -> list[str]:
    """The losses by which each model was chosen."""
    by_passes, by_time = [], []
    for number, one in enumerate(models, 1):
        entries = one.told.entries
        passes = [(entry.epoch, entry.judged) for entry in entries]
        minutes = [(entry.seconds / 60, entry.judged) for entry in entries]
        by_passes.append(charts.Curve(one.model, passes, number))
        by_time.append(charts.Curve(one.model, minutes, number))
    return [
        charts.losses(by_passes, "times the text was read"),
        charts.losses(by_time, "minutes of training"),
    ]
