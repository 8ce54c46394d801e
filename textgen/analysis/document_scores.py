"""How well a trained model predicts each document of a text."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_reader import Document
from textgen.analysis.losses import UNKNOWN_BITS, LossSum
from textgen.analysis.model_text import named_text
from textgen.analysis.progress import OnCharacters, TextProgress
from textgen.analysis.text_reader import ReadingOptions
from textgen.model.model_dir import TrainedModel, read_model
from textgen.sampling.document_scoring import DocumentReading
from textgen.sampling.scorer import OnTokens, choose_scorers
from textgen.settings import DEFAULT_MODEL
from textgen.text.documents.document_list import take_documents
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora
from textgen.text.vocabulary import Ids

_GROUP_TOKENS, _GROUP_DOCUMENTS = 1 << 18, 1 << 14  # scored together, in memory


@dataclass(frozen=True)
class DocumentScore:
    """How well a model predicts a document.

    Attributes:
        text: The document.
        labels: Its labels by name; None where it has none of a kind.
        characters: Its characters.
        unknown: How many of them the model does not know.
        nats: The negative logarithm of the document's probability, with its end; `UNKNOWN_BITS` are
            charged for each unknown character.
    """

    text: str
    labels: dict[str, str | None]
    characters: int
    unknown: int
    nats: float

    @property
    def bits_per_character(self) -> float:
        """Bits of the whole document per character."""
        return self.nats / math.log(2) / self.characters

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return {**vars(self), "bits_per_character": self.bits_per_character}


def evaluate_each(
    corpora: Corpora = (),
    model: str | Path = DEFAULT_MODEL,
    *,
    context: str | None = None,
    labels: Any = None,
    report: ReadingReport | None = None,
    on_progress: OnCharacters | None = None,
    **reading: Unpack[ReadingOptions],
) -> Iterator[DocumentScore]:
    """How well a trained model predicts each document of a text, in order.

    A text that is read for a model of continuous text is taken as lines, unless the options say
    otherwise. Empty documents are left out, and counted.

    Args:
        corpora, model, context, labels, reading: As for `evaluate`.
        report: Counts what is found and changed as the text is read.
        on_progress: Called with the characters that have been read, and how many there are, None
            if that is not known.

    Raises:
        CorpusError: no text, or unreadable text.
        ModelError: no model, or a damaged one.
        SettingsError: an unknown context or way to read the text.

    Example:
        >>> scores = evaluate_each("names.txt", "names-model")  # doctest: +SKIP
        >>> min(scores, key=lambda score: score.bits_per_character).text  # doctest: +SKIP
        'Anna'
    """
    corpora, options = take_documents(corpora, reading, labels)
    trained = read_model(model)
    text = named_text(trained.record, model, corpora, options, report, as_documents=True)
    scorer = DocumentScorer(trained, text.reader.end, context)

    def scores() -> Iterator[DocumentScore]:
        progress = TextProgress(text, on_progress)
        for document, logs in scorer.score(text.read_documents(), progress):
            loss = LossSum(trained.record.vocabulary)
            loss.add(document.targets(logs), logs)
            nats = loss.known_nats + document.unknown * UNKNOWN_BITS * math.log(2)
            labels = {
                name: value or None
                for name, value in zip(text.reader.label_names, document.labels, strict=True)
            }
            characters = len(document.text)
            yield DocumentScore(document.text, labels, characters, document.unknown, nats)

    return scores()


class DocumentScorer:
    """Scores documents with a model.

    Args:
        trained: The model.
        end: The ids that end each document, and are read before it: `DocumentReader.end`.
        context: As for `evaluate`.
    """

    def __init__(self, trained: TrainedModel, end: Ids, context: str | None = None):
        self._network = trained.network()
        self._window = trained.record.window(context)
        self._has_labels = trained.record.labels is not None
        self._end = end.tolist()

    def score(
        self, documents: Iterable[Document], on_tokens: OnTokens = lambda _: None
    ) -> Iterator[tuple[Document, npt.NDArray[np.float64]]]:
        """Documents in order, each with the log-probabilities of its ids.

        The first id lacks one where the model reads nothing before a document.

        Args:
            documents: The documents.
            on_tokens: Called with how many more tokens were scored.
        """
        reading = None
        for group in group_documents(documents):
            ids = [document.ids for document in group]
            if reading is None:
                tokens = sum(map(len, ids)) * (self._window or 1)
                make_scorer = choose_scorers(self._network, tokens)
                reading = DocumentReading(make_scorer, self._end, self._window, on_tokens)
            labels = np.stack([each.label_ids for each in group]) if self._has_labels else None
            yield from zip(group, reading.score(ids, labels), strict=True)


def group_documents(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in groups that fit in memory."""
    group, tokens = list[Document](), 0
    for document in documents:
        group.append(document)
        tokens += len(document.ids)
        if tokens >= _GROUP_TOKENS or len(group) >= _GROUP_DOCUMENTS:
            yield group
            group, tokens = [], 0
    if group:
        yield group
