"""How probable each token of a text is: what `evaluate` adds up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_reader import Document
from textgen.analysis.document_scores import DocumentScorer
from textgen.model.model_dir import TrainedModel
from textgen.sampling.scorer import OnTokens
from textgen.sampling.text_scoring import Streams, TextScoring
from textgen.sampling.window_scoring import score_by_windows, score_from_windows
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]
TokenLogs = Iterator[tuple[npt.NDArray[Any], Doubles]]  # ids, and their log-probabilities


@dataclass(frozen=True)
class HowToRead:
    """How a text is read to evaluate a model; as in `evaluate`.

    Attributes:
        context: What predictions are made from; None for what the model was trained with.
        windows: Read windows of this many tokens, each from a zero state; None to read in order.
        exact: Whether a continuous text is read in one stream.
    """

    context: str | None = None
    windows: int | None = None
    exact: bool = False


class TextScorer(Protocol):
    """Scores a text that is read once: one text, or documents.

    Attributes:
        how: How it is read.
    """

    how: HowToRead

    @property
    def streams(self) -> Streams | None:
        """In which streams a text was read in order; None if it was not."""
        ...

    def score_text(self, pieces: Iterable[Ids]) -> TokenLogs:
        """The ids of a text that are predicted, with their log-probabilities, in parts.

        Args:
            pieces: The text's ids.
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
        how: How the text is read.
        on_tokens: Called with how many more tokens were scored.
    """

    def __init__(
        self, trained: TrainedModel, end: Ids, how: HowToRead, on_tokens: OnTokens = lambda _: None
    ):
        self._trained, self._end, self.how = trained, end, how
        self._on_tokens = on_tokens
        self.streams: Streams | None = None

    def score_text(self, pieces: Iterable[Ids]) -> TokenLogs:
        """As `TextScorer.score_text`."""
        network, how = self._trained.network(), self.how
        if how.windows is not None:
            return score_by_windows(network, how.windows, pieces, self._on_tokens)
        window = self._trained.record.window(how.context)
        if window is not None:
            return score_from_windows(network, window, pieces, self._on_tokens)
        scoring = TextScoring(network, exact=how.exact, on_tokens=self._on_tokens)
        self.streams = scoring.streams
        return scoring.score(pieces)

    def score_documents(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Doubles]]:
        """As `TextScorer.score_documents`."""
        scorer = DocumentScorer(self._trained, self._end, self.how.context)
        return scorer.score(documents, self._on_tokens)
