"""The report: one self-contained file of HTML about a trained model.

The text in it may come from anyone: the templates escape all of it.
"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Unpack

import numpy as np

from textgen import packages
from textgen.analysis.evaluation import measure
from textgen.analysis.formatting import duration, list_names, printable_name
from textgen.analysis.model_text import part_text
from textgen.analysis.report import charts, document_values
from textgen.analysis.report.history import (
    CurvePoint,
    History,
    RecordedSample,
    SamplePoint,
    parse_history,
)
from textgen.analysis.report.template import render
from textgen.analysis.report.text_values import (
    ReportText,
    analyse_text,
    read_corpus_text,
    read_named_text,
    read_test,
)
from textgen.analysis.text_reader import ReadingOptions
from textgen.errors import ModelError, PreparedError
from textgen.model.model_dir import TrainedModel, read_model, read_training_corpus
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, Decoding
from textgen.text.documents.index import TEST
from textgen.text.prepared import Prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora
from textgen.text.vocabulary import Vocabulary

_CURVE_POINTS = 150  # of the training curve, or a few more
_MAX_SAMPLE_POINTS = 60  # points of the training whose samples are shown
_TEMPERATURES = (0.2, 0.5, 0.8, 1.0, 1.2)
_SAMPLE_LENGTH = 400  # characters of each sample generated for the page
_MAX_SAMPLE_WORK = 1e12  # multiplications for all of them: a quarter of a minute


@dataclass(frozen=True)
class Page:
    """A page about a model.

    Attributes:
        html: The whole file.
        notes: What it lacks, and why: one line each.
        reading: What was found and changed when the named texts were read.
    """

    html: str
    notes: tuple[str, ...]
    reading: ReadingReport = field(default_factory=ReadingReport)


def report(
    model: str | Path = DEFAULT_MODEL,
    texts: Corpora = (),
    **reading: Unpack[ReadingOptions],
) -> Page:
    """Make a page that shows what a model learned.

    Args:
        model: A model directory.
        texts: What to show surprise and units on: paths of files and directories, `-`, or
            sources; none for the validation part of the corpus.
        reading: How the texts are read, if not as the model's training text was, as in
            `textgen.analysis.text_reader.ReadingOptions`.

    Raises:
        ModelError: no model, or a damaged one.
        CorpusError: the texts cannot be read, or have fewer than two characters of the vocabulary.
        PreparedError: the corpus in the model directory is damaged.
        ModuleNotFoundError: jinja2 or matplotlib is not installed.

    Example:
        >>> Path("page.html").write_text(report("textgen-model").html)  # doctest: +SKIP
    """
    packages.require_installed(*packages.REPORT_PACKAGES)
    trained = read_model(model)
    record = trained.record
    history = parse_history(record.history, model)
    notes = []
    if not history.validations:
        notes.append("the model has no history: the page has no curves")
    corpora, corpus = list_corpora(texts), None
    text: ReportText | None
    if corpora:
        text = read_named_text(trained, model, corpora, **reading)
        corpus = _read_corpus(trained, model)
    else:
        text, corpus = read_corpus_text(trained, model)
    if text is None:
        notes.append(
            "the model directory has no text: the page has no surprise, confusions or units; name "
            "a text, as in `textgen report held-out.txt`"
        )
    elif text.unknown:
        notes.append(
            f"{text.unknown:,} characters of the text are not in the model's vocabulary: left out, "
            "or read as its unknown character if it has one"
        )
    has_documents = record.vocabulary.has_document_end
    html = render(
        "page.html",
        name=printable_name(Path(model).resolve().name),
        facts=_facts(trained, history, corpus),
        command=printable_name(shlex.join(["textgen", *record.command])),
        settings=sorted(record.settings.by_name().items()),
        curves=_loss_chart(history),
        best=history.best,
        has_documents=has_documents,
        moments=_spread(history.sample_points),
        samples=[] if has_documents else _generate_samples(trained),
        groups=document_values.generate_samples(trained) if has_documents else [],
        labels=document_values.measure_sections(trained, text) if text else [],
        text=None if text is None else analyse_text(trained, text),
        places=document_values.draw_places(trained, text) if text and text.documents else "",
    )
    return Page(html, tuple(notes), text.reading if text else ReadingReport())


def _facts(trained: TrainedModel, history: History, corpus: Prepared | None) -> dict[str, str]:
    """The model and its training in a few lines."""
    record = trained.record
    config, windows = record.settings.model, record.settings.windows
    facts = {
        "Corpus": f"{list_names(record.sources)}: {record.characters:,} characters",
        **_describe_documents(record),
        "Vocabulary": _describe_vocabulary(record.vocabulary),
        "Network": f"{config.cell.upper()} {', '.join(map(str, config.units))}: "
        f"{trained.parameters:,} parameters",
        **({"Initialised from": record.init_from} if record.init_from else {}),
        "Learned": f"targets {windows.targets}, windows of {windows.maxlen} "
        + ("tokens" if record.vocabulary.merges else "characters")
        + (
            ", each document from a zero state"
            if record.vocabulary.has_document_end
            else ", carried state"
            if record.settings.training.carry_state
            else ""
        ),
    }
    if history.best is not None:
        last, loss = history.validations[-1], history.best.selection_loss
        kind = "validation" if history.best.validation_loss is not None else "training"
        facts["Read"] = f"{last.epoch:g} times, in {duration(last.seconds)}"
        bits = f"{loss / math.log(2):.3f} bits per character"
        unit = (
            " per character or document end" if record.vocabulary.has_document_end else f", {bits}"
        )
        facts["Best"] = (
            f"{kind} loss {loss:.4f} nats{unit}, perplexity {math.exp(min(loss, 700)):.2f}, after "
            f"{history.best.epoch:g} times"
        )
    facts |= _measure_test(trained, corpus)
    versions = record.versions.items()
    facts["Made by"] = ", ".join(
        f"{name} {version}" for name, version in versions if name != "platform"
    )
    return facts


def _describe_vocabulary(vocabulary: Vocabulary) -> str:
    if not vocabulary.merges:
        return f"{vocabulary.size:,} characters"
    characters, subwords = len(vocabulary.characters), len(vocabulary.subwords)
    return f"{vocabulary.size:,} tokens: {characters:,} characters and {subwords:,} subwords"


def _describe_documents(record: ModelRecord) -> dict[str, str]:
    """The documents of the corpus and their labels."""
    recorded = record.about.get("corpus", {}).get("documents")
    items = recorded.items() if isinstance(recorded, dict) else ()
    counts = {name: count for name, count in items if isinstance(count, int)}
    names = (("training", "training"), ("validation", "validation"), ("test", "a test"))
    parts = [
        f"{counts.get(name, 0):,} for {purpose}" for name, purpose in names if counts.get(name)
    ]
    facts = {"Documents": f"{sum(counts.values()):,}: {', '.join(parts)}"} if parts else {}
    if record.labels is not None:
        facts["Labels"] = "; ".join(document_values.describe_labels(record.labels))
    return facts


def _measure_test(trained: TrainedModel, corpus: Prepared | None) -> dict[str, str]:
    """The loss on the part that was held out for a test, if there is one."""
    text = None if corpus is None else part_text(trained.record, corpus, TEST)
    if text is None:
        return {}
    sample = read_test(trained, text)
    evaluation = measure(trained, sample)
    of = (
        f"{evaluation.documents:,} documents"
        if evaluation.documents
        else f"{evaluation.characters:,} characters"
    )
    return {
        "Test": f"loss {evaluation.loss:.4f} nats, {evaluation.bits_per_character:.3f} bits per "
        f"character, on {of} that were used for nothing else"
    }


def _read_corpus(trained: TrainedModel, model: str | Path) -> Prepared | None:
    """The corpus in the model directory, if it is there and not damaged."""
    try:
        return read_training_corpus(model, trained.record)
    except (PreparedError, ModelError):
        return None


def _loss_chart(history: History) -> str:
    """The chart of losses; empty if nothing is recorded."""
    curves = [
        charts.Curve("training", _average(history.training_curve), 0, thin=True),
        charts.Curve("validation", history.validation_curve, 1),
    ]
    recorded = [curve for curve in curves if curve.points]
    return charts.draw_losses(recorded, "times the text was read") if recorded else ""


def _average(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Means of neighbouring points: single steps would hide the trend."""
    size = max(1, len(points) // _CURVE_POINTS)
    groups = (points[first : first + size] for first in range(0, len(points), size))
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]


def _spread(points: Sequence[SamplePoint]) -> list[SamplePoint]:
    """A limited number of them, from the first to the last."""
    if len(points) <= _MAX_SAMPLE_POINTS:
        return list(points)
    indices = np.linspace(0, len(points) - 1, _MAX_SAMPLE_POINTS).round().astype(int)
    return [points[index] for index in indices]


def _generate_samples(trained: TrainedModel) -> list[RecordedSample]:
    """Samples of the model at several temperatures; none if they would take too long."""
    window = trained.record.window() or 1
    work = len(_TEMPERATURES) * (window + _SAMPLE_LENGTH) * window * trained.parameters
    if not trained.record.seeds or work > _MAX_SAMPLE_WORK:
        return []
    sampler = trained.sampler()
    seed, stop = sampler.draw_seed(0), sampler.stop_condition(_SAMPLE_LENGTH)
    samples = []
    for temperature in _TEMPERATURES:
        characters = sampler.generate_stream(seed, Decoding(temperature), stop, 0)
        samples.append(RecordedSample(temperature, seed, "".join(characters)))
    return samples
