"""What the report shows about a text: surprise, confusions, context, units."""

import base64
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from textgen.analysis import surprise
from textgen.analysis.document_reader import Document
from textgen.analysis.document_sample import sample_documents
from textgen.analysis.formatting import list_names, visible_token
from textgen.analysis.model_text import ModelText, named_text, part_text, shorten
from textgen.analysis.report import charts, context_value, units
from textgen.analysis.report.confusions import find_confusions
from textgen.analysis.report.trace import (
    MAX_WORK,
    Trace,
    cut_trace,
    max_trace_length,
    trace_text,
)
from textgen.analysis.text_reader import ReadingOptions, too_short_error
from textgen.errors import ModelError
from textgen.model.model_dir import TrainedModel, read_training_corpus
from textgen.model.paths import MODEL_KIND
from textgen.text.documents.index import TRAINING, VALIDATION
from textgen.text.prepared import Prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora
from textgen.text.vocabulary import Ids

_MAX_TEXT = 200_000  # characters: plenty for a mean at each of 256 positions
_MAX_DOCUMENTS = 2_000  # of such a text
_SURPRISES = 3000  # characters shown with their surprise
_MAX_ACTIVATIONS = 1_200_000  # in the page, a byte each
_UNITS_PER_PROPERTY = 4


@dataclass(frozen=True)
class ReportText:
    """A text that the page shows.

    Attributes:
        ids: Ids of the model's vocabulary; of documents, with an end before the first one.
        name: What the page calls it.
        documents: The documents that these ids are; empty for one continuous text.
        total: Documents of the whole text, of which these are a random sample.
        source: What it was read from.
    """

    ids: Ids
    name: str
    source: ModelText
    documents: tuple[Document, ...] = ()
    total: int = 0

    @property
    def unknown(self) -> int:
        """Characters that the model does not know: left out, or read as the unknown id."""
        return self.source.reader.text.unknown

    @property
    def reading(self) -> ReadingReport:
        """What was found and changed when it was read."""
        return self.source.reader.report

    @property
    def sample(self) -> ModelText:
        """The documents, to be read again."""
        return replace(self.source, read_documents=lambda: iter(self.documents))


def read_named_text(
    trained: TrainedModel, model: str | Path, corpora: Corpora, **reading: Unpack[ReadingOptions]
) -> ReportText:
    """The beginning of the texts that the user named; of documents, a random sample.

    Raises:
        CorpusError: they cannot be read, or have fewer than two characters of the vocabulary.
    """
    source = named_text(trained.record, model, corpora, reading)
    text = _read(source, list_names(source.names))
    if len(text.ids) < 2:
        counts = source.reader.text
        raise too_short_error(counts.characters, counts.unknown)
    return text


def read_corpus_text(
    trained: TrainedModel, model: str | Path
) -> tuple[ReportText | None, Prepared | None]:
    """The beginning of the validation part; without one, the end of the training part.

    Returns:
        The text, None if there is none; and the corpus, None if the model directory has none.
    """
    corpus = read_training_corpus(model, trained.record)
    if corpus is None:
        return None, None
    source = part_text(trained.record, corpus, VALIDATION)
    name = "the part of the corpus that training did not see"
    if source is None:
        source = part_text(trained.record, corpus, TRAINING)
        if source is None:
            return None, corpus
        if source.has_documents:
            name = "documents that it was trained on"
        else:
            source = replace(source, read_texts=lambda: iter([_read_end(corpus)]))
            name = "the end of the text that it was trained on"
    text = _read(source, name)
    return (text if len(text.ids) > 1 else None), corpus


def read_test(trained: TrainedModel, text: ModelText) -> ModelText:
    """As much of a test part as can be evaluated in a few seconds; of documents, a random sample.

    Args:
        trained: The model.
        text: The test part.
    """
    window = trained.record.window() or 1
    length = int(min(_MAX_TEXT, max(2, MAX_WORK / (trained.parameters * window))))
    return shorten(text, length)


def _read_end(corpus: Prepared) -> str:
    """The end of a training text without a validation part."""
    end = corpus.ranges(0.0)[TRAINING].stop
    return corpus.vocabulary.decode(corpus.read(max(0, end - _MAX_TEXT), end).tolist())


def _read(source: ModelText, name: str) -> ReportText:
    if source.has_documents:
        documents, total = sample_documents(source.read_documents(), _MAX_TEXT, _MAX_DOCUMENTS)
        # In the order of a table the first ones could all have the same label.
        np.random.default_rng(0).shuffle(documents)
        end = source.reader.end
        ids = np.concatenate([end, *(document.ids for document in documents)])
        return ReportText(ids if documents else end[:0], name, source, tuple(documents), total)
    pieces, count = list[Ids](), 0
    for piece in source.read_ids():
        pieces.append(piece)
        count += len(piece)
        if count >= _MAX_TEXT:
            break
    ids = np.concatenate(pieces)[:_MAX_TEXT] if pieces else np.empty(0, np.int64)
    return ReportText(ids, name, source)


def analyse_text(trained: TrainedModel, text: ReportText) -> dict[str, Any]:
    """What the template and the page's script show about a text."""
    record, network = trained.record, trained.network()
    vocabulary, window, parameters = record.vocabulary, record.window(), trained.parameters
    ids = text.ids[: max_trace_length(network, parameters, window)]
    ids = cut_trace(network, ids, vocabulary)
    label_ids = [document.label_ids for document in text.documents]
    with np.errstate(all="ignore"):
        trace = trace_text(network, ids, vocabulary, window, label_ids)
    if not np.isfinite(trace.logs).all():
        raise ModelError(f"the model has weights that are not numbers; {MODEL_KIND.remedy}")
    tokens = list(_first_characters(trace.surprises(vocabulary, _SURPRISES)))
    value = None
    if not text.documents:
        lengths = vocabulary.lengths if vocabulary.merges else None
        value = context_value.measure(network, parameters, text.ids, window, lengths)
    unit = "token" if vocabulary.merges else "character"
    tracking = units.track(trace.text, trace.activations)
    return {
        "name": text.name,
        "unit": unit,
        "read": len(ids),
        "documents": len(text.documents),
        "surprises": tokens,
        "levels": surprise.LEVELS,
        "alternatives": [_alternatives(token) for token in tokens],
        "has_subwords": bool(vocabulary.merges),
        "confusions": find_confusions(trace, vocabulary),
        "length": vocabulary.count_characters(text.ids),
        "context": value,
        "context_chart": None if value is None else _context_chart(value, unit),
        "band_errors": context_value.BAND_ERRORS,
        "max_error": context_value.MAX_ERROR,
        "properties": tracking.best_units(_UNITS_PER_PROPERTY),
        "units": _encode_activations(trace, tracking),
    }


def _first_characters(surprises: Iterable[surprise.Surprise]) -> Iterator[surprise.Surprise]:
    """The first character of each token; without subwords, all of them."""
    characters = iter(surprises)
    for character in characters:
        yield character
        deque(islice(characters, len(character.text) - 1 if character.text else 0), maxlen=0)


def _alternatives(first: surprise.Surprise) -> list[Any]:
    """A token, its bits and rank, and the most likely tokens with their probabilities.

    Args:
        first: The first character of the token.
    """
    digits = 2 if first.token is None else 4  # the page also shows a subword's probability
    return [
        visible_token(first.text),
        None if first.bits is None else round(first.bits * max(1, len(first.text)), digits),
        first.rank,
        *([visible_token(name), round(share, 4)] for name, share in first.likeliest),
    ]


def _context_chart(value: context_value.ContextValue, unit: str) -> str:
    """The chart of bits per character by context in units, with its errors."""
    points = [(point.context, point.bits) for point in value.points]
    errors = [context_value.BAND_ERRORS * point.error for point in value.points]
    return charts.draw_positions(points, errors, f"{unit}s of context")


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
