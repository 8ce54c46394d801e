"""One self-contained file of HTML about a trained model.

Everything shown may come from strangers: the template escapes all of it.
"""

import base64
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from textgen import packages
from textgen.analysis import evaluation
from textgen.analysis.report import charts, findings, history, units
from textgen.analysis.report.history import History
from textgen.analysis.report.template import duration, render, shown, visible
from textgen.errors import ModelError
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.model.paths import MODEL_KIND
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, CorpusConfig, Decoding
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source, find_sources
from textgen.text.vocabulary import Ids

_TEXT_AT_MOST = 200_000  # characters: plenty for a mean at each of 256 positions
_SURPRISES = 3000  # characters shown one by one
_ACTIVATIONS = 1_200_000  # kept in the page, a byte each
_POINTS = 150  # of the training curve, or a few more
_MOMENTS = 60  # points of the training whose samples are shown
_TEMPERATURES = (0.2, 0.5, 0.8, 1.0, 1.2)
_LENGTH = 400  # characters of each sample drawn for the page
_SAMPLES_AT_MOST = 1e12  # multiplications for all of them: a quarter of a minute
_BEST = 4  # units shown for each property


@dataclass(frozen=True)
class Page:
    """A page that was made.

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
    """A text for the model to read: ids of its vocabulary, what to call it, and how many of its
    characters are left out, or read as the unknown one, since the model does not know them; and
    what was found and changed when it was read."""

    ids: Ids
    name: str
    unknown: int = 0
    reading: ReadingReport = field(default_factory=ReadingReport)


def report(
    model: str | Path = DEFAULT_MODEL,
    texts: Sequence[str | Path | Source] = (),
    *,
    encoding: str | None = None,
    decoding_errors: str | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
) -> Page:
    """Make a page that shows what a model learned.

    Args:
        model: A model directory.
        texts: What to show surprise and units on: paths of files and directories, `-`, or
            sources; none for the part of the corpus that was kept for validation.
        encoding: Of the texts, or `auto`; None for that of the text which the model was trained
            on.
        decoding_errors: `strict`, `replace` or `skip`; None as when the model was trained.
        glob: Patterns for the names of files taken from directories.

    Raises:
        ModelError: no model, or a damaged one.
        CorpusError: the texts cannot be read, or have fewer than two characters of the vocabulary.
        PreparedError: the text that the model directory keeps is damaged.
        ModuleNotFoundError: jinja2 or matplotlib is not installed.

    Example:
        >>> Path("page.html").write_text(report("textgen-model").html)  # doctest: +SKIP
    """
    packages.require_installed(*packages.REPORT_PACKAGES)
    trained = model_dir.read_model(model)
    record = trained.record
    told = history.read(record.history, model)
    notes = []
    if not told.entries:
        notes.append("the model has no history: the page has no curves")
    if texts:
        read_as = evaluation.as_trained(trained, model, encoding, decoding_errors)
        text: _Text | None = _named(trained, texts, replace(read_as, glob=tuple(glob)))
    else:
        text = _kept(record, model)
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
    html = _render(trained, shown(Path(model).resolve().name), told, text)
    return Page(html, tuple(notes), text.reading if text else ReadingReport())


def _named(
    trained: TrainedModel, texts: Sequence[str | Path | Source], corpus: CorpusConfig
) -> _Text:
    """The beginning of texts that the user named."""
    reading = evaluation.Reading(trained.record.vocabulary)
    sources = find_sources(texts, corpus.glob)
    pieces, count = [], 0
    for piece in reading.ids(sources, corpus):
        pieces.append(piece)
        count += len(piece)
        if count >= _TEXT_AT_MOST:
            break
    ids = np.concatenate(pieces)[:_TEXT_AT_MOST] if pieces else np.empty(0, np.int64)
    if len(ids) < 2:
        raise evaluation.too_little(reading.characters, reading.unknown)
    names = _names([source.name for source in sources])
    return _Text(ids, names, reading.unknown, reading.report)


def _kept(record: ModelRecord, model: str | Path) -> _Text | None:
    """The beginning of what training kept for validation, or else the end of what it read."""
    corpus = model_dir.read_training_corpus(model, record)
    if corpus is None:
        return None
    train, validation = corpus.split(record.settings.windows.validation)
    held = validation[:_TEXT_AT_MOST]
    name = "the part of the corpus that training did not see"
    if len(held) < 2:
        held, name = train[-_TEXT_AT_MOST:], "the end of the text that it was trained on"
    # A model begun with other weights has more characters, and other ids.
    reading = evaluation.Reading(record.vocabulary)
    ids = reading.known(corpus.vocabulary.decode(held))
    return _Text(ids, name, reading.unknown) if len(ids) > 1 else None


def _render(trained: TrainedModel, name: str, told: History, text: _Text | None) -> str:
    return render(
        "page.html",
        name=name,
        facts=_facts(trained, told),
        command=shown(shlex.join(["textgen", *trained.record.command])),
        settings=sorted(trained.record.settings.by_name().items()),
        curves=_curves(told),
        best=told.best,
        moments=_spread(told.moments),
        samples=_samples(trained),
        read=None if text is None else _read(trained, text),
    )


def _facts(trained: TrainedModel, told: History) -> dict[str, str]:
    """What was trained on what, in a few lines."""
    record = trained.record
    config, windows = record.settings.model, record.settings.windows
    facts = {
        "Corpus": f"{_names(record.sources)}: {record.characters:,} characters",
        "Vocabulary": f"{record.vocabulary.size:,} characters",
        "Network": f"{config.cell.upper()} {', '.join(map(str, config.units))}: "
        f"{trained.parameters:,} parameters",
        "Learned": f"targets {windows.targets}, windows of {windows.maxlen} characters"
        + (", carried state" if record.settings.training.carry_state else ""),
    }
    if told.best is not None:
        last, loss = told.entries[-1], told.best.judged
        kind = "validation" if told.best.validation_loss is not None else "training"
        facts["Read"] = f"{last.epoch:g} times, in {duration(last.seconds)}"
        facts["Best"] = (
            f"{kind} loss {loss:.4f} nats, {loss / math.log(2):.3f} bits per character, "
            f"perplexity {math.exp(min(loss, 700)):.2f}, after {told.best.epoch:g} times"
        )
    made = [f"{name} {version}" for name, version in record.versions.items() if name != "platform"]
    facts["Made by"] = ", ".join(made)
    return facts


def _names(paths: Sequence[str]) -> str:
    """Names of files, not too many."""
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(shown(Path(path).name) for path in paths[:3]) + more


def _curves(told: History) -> str:
    """The chart of losses; empty where nothing is recorded."""
    curves = [
        charts.Curve("training", _means(told.training), 0, thin=True),
        charts.Curve("validation", told.validation, 1),
    ]
    drawn = [curve for curve in curves if curve.points]
    return charts.losses(drawn, "times the text was read") if drawn else ""


def _means(points: Sequence[history.Point]) -> list[history.Point]:
    """Means of neighbours, so that single steps do not hide the course."""
    size = max(1, len(points) // _POINTS)
    groups = (points[first : first + size] for first in range(0, len(points), size))
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]


def _spread(moments: Sequence[history.Moment]) -> list[history.Moment]:
    """Not too many of them, from the first to the last."""
    if len(moments) <= _MOMENTS:
        return list(moments)
    places = np.linspace(0, len(moments) - 1, _MOMENTS).round().astype(int)
    return [moments[place] for place in places]


def _samples(trained: TrainedModel) -> list[history.Sample]:
    """What the model writes now, from careful to wild."""
    window = trained.record.window() or 1
    work = len(_TEMPERATURES) * (window + _LENGTH) * window * trained.parameters
    if not trained.record.seeds or work > _SAMPLES_AT_MOST:
        return []
    sampler = trained.sampler()
    seed = sampler.draw_seed(0)
    found = []
    for temperature in _TEMPERATURES:
        ending = sampler.stop_condition(_LENGTH)
        written = sampler.generate_stream(seed, Decoding(temperature), ending, 0)
        found.append(history.Sample(temperature, seed, "".join(written)))
    return found


def _read(trained: TrainedModel, text: _Text) -> dict[str, Any]:
    """What reading a text tells: for the template, and for the page's script."""
    record, network = trained.record, trained.network()
    vocabulary, window, parameters = record.vocabulary, record.window(), trained.parameters
    ids = text.ids[: findings.at_most(network, parameters, window)]
    with np.errstate(all="ignore"):
        reading = findings.read(network, ids, vocabulary, window)
    if not np.isfinite(reading.logs).all():
        raise ModelError(f"the model has weights that are not numbers; {MODEL_KIND.remedy}")
    surprises = list(reading.surprises(vocabulary, _SURPRISES))
    worth = findings.context_worth(network, parameters, text.ids, window)
    tracking = units.track(reading.text, reading.activations)
    return {
        "name": text.name,
        "characters": len(ids),
        "surprises": surprises,
        "levels": evaluation.LEVELS,
        "alternatives": [
            [visible(one.character), None if one.bits is None else round(one.bits, 2), one.rank]
            + [[visible(character), round(share, 4)] for character, share in one.likeliest]
            for one in surprises
        ],
        "confusions": findings.confusions(reading, vocabulary),
        "length": len(text.ids),
        "worth": worth,
        "worth_chart": None if worth is None else _worth_chart(worth),
        "sure": findings.SURE,
        "error_at_most": findings.ERROR_AT_MOST,
        "properties": tracking.best_units(_BEST),
        "units": _for_script(reading, tracking),
    }


def _worth_chart(worth: findings.ContextWorth) -> str:
    """The chart of bits per character by context, with its errors."""
    points = [(one.context, one.bits) for one in worth.points]
    errors = [findings.SURE * one.error for one in worth.points]
    return charts.positions(points, errors, "characters of context")


def _for_script(reading: findings.Reading, tracking: units.Tracking) -> dict[str, Any]:
    """Every unit's activations along the text: a byte each, 0 for -1 and 254 for 1."""
    every = sum(held.shape[1] for held in reading.activations)
    count = min(len(reading.text), max(1, _ACTIVATIONS // every))
    layers = []
    for layer, held in enumerate(reading.activations):
        steps = np.rint((np.clip(held[:count], -1, 1) + 1) * 127).astype(np.uint8)
        best = [tracking.best_property(layer, number) for number in range(held.shape[1])]
        layers.append(
            {
                "data": base64.b64encode(steps.T.tobytes()).decode(),
                "tracks": [[name, round(correlation, 2)] for name, correlation in best],
            }
        )
    return {"text": list(reading.text[:count]), "layers": layers}
