"""Which value of a label fits each document best: who wrote it?

Each document is scored under every value of the label. Random documents are scored where all of
them would take too long.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_reader import Document
from textgen.analysis.document_sample import sample_documents
from textgen.analysis.document_scores import DocumentScorer
from textgen.analysis.formatting import list_names
from textgen.analysis.model_text import ModelText, corpus_part, named_text
from textgen.analysis.progress import OnCharacters
from textgen.analysis.text_reader import UnlabelledReadingOptions
from textgen.errors import CorpusError, ModelError, SettingsError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.settings import DEFAULT_MODEL, check_integer
from textgen.text.documents.document_list import take_documents
from textgen.text.documents.index import TEST, VALIDATION
from textgen.text.documents.labels import NO_LABEL, Labels
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora

MAX_VALUES = 100  # of a label: more are no table that anybody reads
_MAX_WORK = 2e12  # multiplications for all documents: half a minute
_MAX_SCORES = 2_000_000  # in memory
_SHOWN = 200  # characters of each document that are kept


@dataclass(frozen=True)
class LabelFit:
    """Which value of a label fits a document best.

    Attributes:
        text: The beginning of the document.
        label: Its own value; None without one, or with one that is not compared.
        best: The value under which it is most probable.
        lead: Nats by which it is more probable under that value than under the next best one.
    """

    text: str
    label: str | None
    best: str
    lead: float


@dataclass(frozen=True)
class LabelComparison:
    """Which value of a label fits each document best.

    Attributes:
        label: The kind of label, such as `author`.
        values: Its values, the most frequent of the training text first; at most `MAX_VALUES`.
        other_values: How many more values there are, which are not compared.
        documents: Documents that were scored.
        total: Documents of the text.
        matrix: The confusion matrix: how many documents with each value (rows) fit each value best
            (columns).
        unlabelled: How many documents without one of these values fit each value best.
        losses: Cross-entropy in nats per character of the documents with each value (rows), read
            with each value (columns); None for values without documents.
        fits: The documents, in the order of the text.
        reading: What was found and changed when the text was read.
    """

    label: str
    values: tuple[str, ...]
    other_values: int
    documents: int
    total: int
    matrix: tuple[tuple[int, ...], ...]
    unlabelled: tuple[int, ...]
    losses: tuple[tuple[float, ...] | None, ...]
    fits: tuple[LabelFit, ...] = field(repr=False)
    reading: ReadingReport = field(default_factory=ReadingReport, compare=False)

    @property
    def labelled(self) -> int:
        """Documents with one of the values."""
        return sum(map(sum, self.matrix))

    @property
    def accuracy(self) -> float | None:
        """The share of these that their own value fits best; None if there are none."""
        right = sum(row[place] for place, row in enumerate(self.matrix))
        return right / self.labelled if self.labelled else None

    @property
    def majority(self) -> float | None:
        """The share of the most frequent value: the accuracy of always guessing that one."""
        return max(map(sum, self.matrix)) / self.labelled if self.labelled else None

    @property
    def distances(self) -> tuple[tuple[float, ...] | None, ...]:
        """Nats per character that are lost when a document with one value is read with another.

        Rows as in `losses`; 0 for the own value, and below 0 where another value fits better.
        """
        return tuple(
            None if row is None else tuple(loss - row[place] for loss in row)
            for place, row in enumerate(self.losses)
        )

    def to_json(self) -> dict[str, Any]:
        """All of these as a JSON object."""
        derived = {name: getattr(self, name) for name in ("accuracy", "majority", "distances")}
        fits = [vars(fit) for fit in self.fits]
        return {**vars(self), **derived, "fits": fits, "reading": self.reading.to_json()}


def compare_labels(
    model: str | Path = DEFAULT_MODEL,
    corpora: Corpora = (),
    *,
    label: str | None = None,
    limit: int | None = None,
    test: bool = False,
    labels: Any = None,
    on_progress: OnCharacters | None = None,
    **reading: Unpack[UnlabelledReadingOptions],
) -> LabelComparison:
    """Find out which value of a label fits each document best.

    Documents are read without their other labels.

    Args:
        model: A model directory.
        corpora: Paths of files and directories, `-`, or sources; none for the documents that the
            model was validated on.
        label: The kind of label, if the model has several.
        limit: Documents to score, at most; None for as many as take about half a minute.
        test: Whether to use the documents that were held out of the training as its test part.
        labels: The labels of `documents`, if that is a list of texts, as for `textgen.train`.
        reading: How the text is read, if not as the model's training text was, as in
            `textgen.analysis.text_reader.ReadingOptions`. `documents` may also be the text itself:
            a list of documents.
        on_progress: Called with how many characters have been read, under all values, and how many
            there are.

    Raises:
        CorpusError: no text, unreadable text, or no documents in it.
        ModelError: no model, a damaged one, or one without labels.
        SettingsError: no such label, a label of which only one value is known, a limit of nothing,
            texts and `test` together, an unknown way to read the text.

    Example:
        >>> compare_labels("poems", label="author").accuracy  # doctest: +SKIP
        0.83
    """
    if limit is not None:
        limit = check_integer("limit", limit, at_least=1)
    corpora, options = take_documents(corpora, reading, labels)
    named = list_corpora(corpora)
    if named and test:
        raise SettingsError("test", "is a part of the model's corpus; name no text")
    trained = read_model(model)
    number = _find_field(trained.record.labels, model, label)
    if named:
        text = named_text(trained.record, model, named, options, as_documents=True)
    else:
        text = corpus_part(trained, Path(model), TEST if test else VALIDATION)
    return measure_labels(trained, text, number, limit, on_progress)


def _find_field(labels: Labels | None, model: str | Path, label: str | None) -> int:
    """The number of a kind of label."""
    if labels is None:
        raise ModelError(
            f"{model}: was trained without labels; train with --label COLUMN or --label-from folder"
        )
    if label is None and len(labels.names) == 1:
        number = 0
    elif label in labels.names:
        number = labels.names.index(label)
    else:
        raise SettingsError(
            "label", f"must be one of the model's labels: {', '.join(labels.names)}"
        )
    if len(labels.fields[number].values) < 2:
        raise SettingsError(
            "label", f"must have two values that are not rare; {labels.names[number]} has fewer"
        )
    return number


def measure_labels(
    trained: TrainedModel,
    text: ModelText,
    number: int,
    limit: int | None = None,
    on_progress: OnCharacters | None = None,
) -> LabelComparison:
    """Compare the values of a label of a model in memory.

    Args:
        trained: The model.
        text: Documents, which are read once.
        number: The number of the kind of label.
        limit, on_progress: As for `compare_labels`.
    """
    kind = (trained.record.labels or Labels(())).fields[number]
    by_count = np.argsort(-np.array(kind.counts), kind="stable")[:MAX_VALUES]
    ids, values = by_count + 1, [kind.values[place] for place in by_count]
    max_tokens, max_documents = math.inf, limit
    if max_documents is None:
        max_tokens = _MAX_WORK / (trained.parameters * len(values))
        max_documents = max(1, _MAX_SCORES // len(values))
    documents, total = sample_documents(text.read_documents(), max_tokens, max_documents)
    if not documents:
        raise CorpusError(
            f"{list_names(text.names)}: has no documents; name a text with documents in it"
        )
    scorer = DocumentScorer(trained, text.reader.end)
    scores = _score(scorer, documents, number, ids, on_progress)
    place_of = {int(label_id): place for place, label_id in enumerate(ids)}
    own = np.array([place_of.get(int(document.label_ids[number]), -1) for document in documents])
    best = scores.argmin(axis=1)
    matrix = np.zeros((len(values) + 1, len(values)), np.int64)  # the last row: without a value
    np.add.at(matrix, (own, best), 1)
    characters = np.array([len(document.text) for document in documents])
    ranked = np.partition(scores, 1, axis=1)
    return LabelComparison(
        label=kind.name,
        values=tuple(values),
        other_values=len(kind.values) - len(values),
        documents=len(documents),
        total=total,
        matrix=tuple(map(tuple, matrix[:-1].tolist())),
        unlabelled=tuple(matrix[-1].tolist()),
        losses=tuple(
            tuple((scores[own == place].sum(axis=0) / characters[own == place].sum()).tolist())
            if (own == place).any()
            else None
            for place in range(len(values))
        ),
        fits=tuple(
            LabelFit(
                document.text[:_SHOWN],
                None if own[place] < 0 else values[own[place]],
                values[best[place]],
                float(ranked[place, 1] - ranked[place, 0]),
            )
            for place, document in enumerate(documents)
        ),
        reading=text.reader.report,
    )


def _score(
    scorer: DocumentScorer,
    documents: Sequence[Document],
    number: int,
    ids: npt.NDArray[np.integer[Any]],
    on_progress: OnCharacters | None,
) -> npt.NDArray[np.float64]:
    """The nats of each document under each value, shape (documents, values)."""

    def labelled() -> Iterable[Document]:
        for document in documents:
            for label_id in ids:
                label_ids = np.full(len(document.label_ids), NO_LABEL)
                label_ids[number] = label_id
                yield document.with_labels(label_ids)

    tokens, total = 0, sum(len(document.ids) for document in documents) * len(ids)
    characters = sum(len(document.text) for document in documents) * len(ids)

    def add(count: int) -> None:
        nonlocal tokens
        tokens += count
        if on_progress is not None:
            on_progress(characters * tokens // max(total, 1), characters)

    nats = [-logs.sum() for _, logs in scorer.score(labelled(), add)]
    return np.array(nats).reshape(len(documents), len(ids))
