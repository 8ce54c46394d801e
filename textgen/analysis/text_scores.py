"""How probable each token of a text is: what `evaluate` adds up."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_reader import Document
from textgen.analysis.document_scores import DocumentScorer
from textgen.model.model_dir import TrainedModel
from textgen.sampling.context import make_reader
from textgen.sampling.scoring import score_by_windows, score_in_order
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]
TokenLogs = Iterator[tuple[npt.NDArray[Any], Doubles]]  # ids, and their log-probabilities


class TextScorer(Protocol):
    """Scores a text that is read once: one text, or documents."""

    def score_text(self, pieces: Iterable[Ids], windows: int | None = None) -> TokenLogs:
        """The ids of a text that are predicted, with their log-probabilities, in parts.

        Args:
            pieces: The text's ids.
            windows: Read windows of this many tokens, each from a zero state; None to read in
                order.
        """
        ...

    def score_documents(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Doubles]]:
        """Documents in order, each with the log-probabilities of its ids, as `DocumentScorer`."""
        ...


class ModelScorer:
    """Scores a text with one model.

    Args:
        trained: The model.
        end: The ids before and after each document.
        context: As for `evaluate`.
    """

    def __init__(self, trained: TrainedModel, end: Ids, context: str | None = None):
        self._trained, self._end, self._context = trained, end, context

    def score_text(self, pieces: Iterable[Ids], windows: int | None = None) -> TokenLogs:
        """As `TextScorer.score_text`."""
        network = self._trained.network()
        if windows is not None:
            return score_by_windows(network, windows, pieces)
        reader = make_reader(network, self._trained.record.window(self._context))
        return score_in_order(reader, network.vocabulary_size, pieces)

    def score_documents(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Doubles]]:
        """As `TextScorer.score_documents`."""
        return DocumentScorer(self._trained, self._end, self._context).score(documents)
