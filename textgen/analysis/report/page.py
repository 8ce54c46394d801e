"""The report: one self-contained file of HTML about a trained model.

The text in it may come from anyone: the templates escape all of it. Long because the values of the
whole template are here.
"""

import base64
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Unpack

import numpy as np

from textgen import packages
from textgen.analysis import surprise
from textgen.analysis.formatting import duration, printable_name, visible_character
from textgen.analysis.report import charts, context_value, units
from textgen.analysis.report.confusions import find_confusions
from textgen.analysis.report.history import (
    CurvePoint,
    History,
    RecordedSample,
    SamplePoint,
    parse_history,
)
from textgen.analysis.report.template import render
from textgen.analysis.report.trace import Trace, max_trace_length, trace_text
from textgen.analysis.text_reader import (
    ReadingOptions,
    TextReader,
    reading_config,
    too_short_error,
)
from textgen.errors import ModelError
from textgen.model.model_dir import TrainedModel, read_model, read_training_corpus
from textgen.model.paths import MODEL_KIND
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, CorpusConfig, Decoding
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, find_sources, list_corpora
from textgen.text.vocabulary import Ids

_MAX_TEXT = 200_000  # characters: plenty for a mean at each of 256 positions
_SURPRISES = 3000  # characters shown with their surprise
_MAX_ACTIVATIONS = 1_200_000  # in the page, a byte each
_CURVE_POINTS = 150  # of the training curve, or a few more
_MAX_SAMPLE_POINTS = 60  # points of the training whose samples are shown
_TEMPERATURES = (0.2, 0.5, 0.8, 1.0, 1.2)
_SAMPLE_LENGTH = 400  # characters of each sample generated for the page
_MAX_SAMPLE_WORK = 1e12  # multiplications for all of them: a quarter of a minute
_UNITS_PER_PROPERTY = 4


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


@dataclass(frozen=True)
class _Text:
    """A text that the page shows.

    Attributes:
        ids: Ids of the model's vocabulary.
        name: What the page calls it.
        unknown: Characters that the model does not know: left out, or read as the unknown id.
        reading: What was found and changed when it was read.
    """

    ids: Ids
    name: str
    unknown: int = 0
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
        reading: How the texts are read, if not as the model's training text was:
            encoding: The texts' encoding, or `auto`.
            decoding_errors: `strict`, `replace` or `skip`.
            glob: Patterns for the names of files in directories.

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
    text: _Text | None
    if corpora := list_corpora(texts):
        text = _read_texts(record, corpora, reading_config(record, model, **reading))
    else:
        text = _read_corpus(record, model)
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
    html = render(
        "page.html",
        name=printable_name(Path(model).resolve().name),
        facts=_facts(trained, history),
        command=printable_name(shlex.join(["textgen", *record.command])),
        settings=sorted(record.settings.by_name().items()),
        curves=_loss_chart(history),
        best=history.best,
        moments=_spread(history.sample_points),
        samples=_generate_samples(trained),
        text=None if text is None else _analyse(trained, text),
    )
    return Page(html, tuple(notes), text.reading if text else ReadingReport())


def _read_texts(record: ModelRecord, corpora: Corpora, config: CorpusConfig) -> _Text:
    """The beginning of the texts that the user named."""
    reader = TextReader(record.vocabulary)
    sources = find_sources(corpora, config.glob)
    pieces, count = [], 0
    for piece in reader.read(sources, config):
        pieces.append(piece)
        count += len(piece)
        if count >= _MAX_TEXT:
            break
    ids = np.concatenate(pieces)[:_MAX_TEXT] if pieces else np.empty(0, np.int64)
    if len(ids) < 2:
        raise too_short_error(reader.characters, reader.unknown)
    names = _list_names([source.name for source in sources])
    return _Text(ids, names, reader.unknown, reader.report)


def _read_corpus(record: ModelRecord, model: str | Path) -> _Text | None:
    """The beginning of the validation part; without one, the end of the training part."""
    corpus = read_training_corpus(model, record)
    if corpus is None:
        return None
    training, validation = corpus.split(record.settings.windows.validation)
    ids = validation[:_MAX_TEXT]
    name = "the part of the corpus that training did not see"
    if len(ids) < 2:
        ids, name = training[-_MAX_TEXT:], "the end of the text that it was trained on"
    # With --init-from the model has more characters than its corpus, and other ids.
    reader = TextReader(record.vocabulary)
    ids = reader.encode(corpus.vocabulary.decode(ids))
    return _Text(ids, name, reader.unknown) if len(ids) > 1 else None


def _facts(trained: TrainedModel, history: History) -> dict[str, str]:
    """The model and its training in a few lines."""
    record = trained.record
    config, windows = record.settings.model, record.settings.windows
    facts = {
        "Corpus": f"{_list_names(record.sources)}: {record.characters:,} characters",
        "Vocabulary": f"{record.vocabulary.size:,} characters",
        "Network": f"{config.cell.upper()} {', '.join(map(str, config.units))}: "
        f"{trained.parameters:,} parameters",
        "Learned": f"targets {windows.targets}, windows of {windows.maxlen} characters"
        + (", carried state" if record.settings.training.carry_state else ""),
    }
    if history.best is not None:
        last, loss = history.validations[-1], history.best.selection_loss
        kind = "validation" if history.best.validation_loss is not None else "training"
        facts["Read"] = f"{last.epoch:g} times, in {duration(last.seconds)}"
        facts["Best"] = (
            f"{kind} loss {loss:.4f} nats, {loss / math.log(2):.3f} bits per character, "
            f"perplexity {math.exp(min(loss, 700)):.2f}, after {history.best.epoch:g} times"
        )
    versions = record.versions.items()
    facts["Made by"] = ", ".join(
        f"{name} {version}" for name, version in versions if name != "platform"
    )
    return facts


def _list_names(paths: Sequence[str]) -> str:
    """The names of up to three files, and the number of the others."""
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(printable_name(Path(path).name) for path in paths[:3]) + more


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


def _analyse(trained: TrainedModel, text: _Text) -> dict[str, Any]:
    """What the template and the page's script show about a text."""
    record, network = trained.record, trained.network()
    vocabulary, window, parameters = record.vocabulary, record.window(), trained.parameters
    ids = text.ids[: max_trace_length(network, parameters, window)]
    with np.errstate(all="ignore"):
        trace = trace_text(network, ids, vocabulary, window)
    if not np.isfinite(trace.logs).all():
        raise ModelError(f"the model has weights that are not numbers; {MODEL_KIND.remedy}")
    surprises = list(trace.surprises(vocabulary, _SURPRISES))
    value = context_value.measure(network, parameters, text.ids, window)
    tracking = units.track(trace.text, trace.activations)
    return {
        "name": text.name,
        "characters": len(ids),
        "surprises": surprises,
        "levels": surprise.LEVELS,
        "alternatives": [_alternatives(character) for character in surprises],
        "confusions": find_confusions(trace, vocabulary),
        "length": len(text.ids),
        "context": value,
        "context_chart": None if value is None else _context_chart(value),
        "band_errors": context_value.BAND_ERRORS,
        "max_error": context_value.MAX_ERROR,
        "properties": tracking.best_units(_UNITS_PER_PROPERTY),
        "units": _encode_activations(trace, tracking),
    }


def _alternatives(character: surprise.Surprise) -> list[Any]:
    """A character, its bits and rank, and the most likely characters with their probabilities."""
    return [
        visible_character(character.character),
        None if character.bits is None else round(character.bits, 2),
        character.rank,
        *([visible_character(name), round(share, 4)] for name, share in character.likeliest),
    ]


def _context_chart(value: context_value.ContextValue) -> str:
    """The chart of bits per character by context, with its errors."""
    points = [(point.context, point.bits) for point in value.points]
    errors = [context_value.BAND_ERRORS * point.error for point in value.points]
    return charts.draw_positions(points, errors, "characters of context")


def _encode_activations(trace: Trace, tracking: units.Tracking) -> dict[str, Any]:
    """Every unit's activations along the text: a byte each, 0 for -1 and 254 for 1."""
    unit_count = sum(activations.shape[1] for activations in trace.activations)
    length = min(len(trace.text), max(1, _MAX_ACTIVATIONS // unit_count))
    layers = []
    for layer, activations in enumerate(trace.activations):
        steps = np.rint((np.clip(activations[:length], -1, 1) + 1) * 127).astype(np.uint8)
        best = [tracking.best_property(layer, number) for number in range(activations.shape[1])]
        layers.append(
            {
                "data": base64.b64encode(steps.T.tobytes()).decode(),
                "tracks": [[name, round(correlation, 2)] for name, correlation in best],
            }
        )
    return {"text": list(trace.text[:length]), "layers": layers}
