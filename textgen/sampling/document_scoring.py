"""How probable documents are under a network, each on its own: many of them side by side."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.context import Predictor
from textgen.sampling.scorer import (
    MAX_ROWS,
    Integers,
    MakeScorer,
    OnTokens,
    Scorer,
    numpy_scorers,
    score_rows,
)
from textgen.sampling.window_scoring import Windows, score_windows
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]
LabelIds = npt.NDArray[np.integer[Any]]


def score_documents(
    network: Predictor,
    documents: Sequence[Ids],
    label_ids: LabelIds | None = None,
    *,
    start: Sequence[int],
    window: int | None = None,
) -> list[Doubles]:
    """The log-probability of each token of documents, each read from a zero state, in NumPy.

    Memory grows with the number of tokens: pass documents in groups of some hundred thousand.

    Args:
        network: A trained network, or a mixture of several, each with its window.
        documents: The ids of each document with its document end, shape (tokens,), 1 or more.
        label_ids: The ids of their labels, shape (documents, fields); None for a network without.
        start: Ids that are read before each document: the document end. Without any, the first
            token of a document is not predicted.
        window: Tokens that each prediction is made from; None to carry the state.

    Returns:
        For each document the natural logarithms of its tokens' probabilities, float64 of shape
        (tokens,), or (tokens - 1,) without a start.

    Example:
        >>> from textgen.sampling.network import Network, weight_specs
        >>> from textgen.settings import ModelConfig
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 4)]
        >>> documents = [np.array([0, 1, 3]), np.array([2, 3])]
        >>> logs = score_documents(Network(config, 4, zeros), documents, start=[3])
        >>> [np.exp(log).tolist() for log in logs]
        [[0.25, 0.25, 0.25], [0.25, 0.25]]
    """
    return DocumentReading(numpy_scorers(network), start, window).score(documents, label_ids)


class DocumentReading:
    """Scores groups of documents.

    Rows read one document after another, so no row waits for a longer document.

    Args:
        make_scorer: Makes what reads them.
        start, window: As for `score_documents`.
        on_tokens: Called with how many more tokens were scored.
    """

    def __init__(
        self,
        make_scorer: MakeScorer,
        start: Sequence[int],
        window: int | None = None,
        on_tokens: OnTokens = lambda _: None,
    ):
        self._make_scorer, self._on_tokens = make_scorer, on_tokens
        self._start, self._window = np.array(start, np.int64), window
        self._scorer: Scorer | None = None

    def score(self, documents: Sequence[Ids], label_ids: LabelIds | None = None) -> list[Doubles]:
        """The log-probabilities of a group, as `score_documents`."""
        texts = [np.concatenate([self._start, document]) for document in documents]
        window = self._window
        firsts = texts if window is None else [text[: window + 1] for text in texts]
        scores = self._score_from_start(firsts, label_ids)
        if window is not None and any(len(text) > window + 1 for text in texts):
            later = self._score_later(texts, label_ids, window)
            scores = [np.concatenate(pair) for pair in zip(scores, later, strict=True)]
        return [logs[max(0, len(self._start) - 1) :] for logs in scores]

    def _score_from_start(self, texts: Sequence[Ids], label_ids: LabelIds | None) -> list[Doubles]:
        """The log-probabilities of all tokens of texts but the first."""
        steps = np.array([len(text) - 1 for text in texts], np.int64)
        numbers = np.flatnonzero(steps > 0)
        if not len(numbers):
            return [np.empty(0) for _ in texts]
        schedule = _schedule(steps, numbers, MAX_ROWS)
        shape = schedule.rows, schedule.steps
        inputs, targets = np.zeros(shape, np.int32), np.full(shape, -1, np.int32)
        resets, reads = np.zeros(shape, np.bool_), np.zeros(shape, np.int32)
        for number, row, step in schedule.places:
            end = step + steps[number]
            inputs[row, step:end] = texts[number][:-1]
            targets[row, step:end] = texts[number][1:]
            resets[row, step], reads[row, step:end] = True, number
        labels = None if label_ids is None else partial(_take_labels, label_ids, reads)
        scorer = self._scorer_of(schedule.rows)
        logs = score_rows(scorer, inputs, targets, resets, labels, self._on_tokens)
        scores = [np.empty(0)] * len(texts)
        for number, row, step in schedule.places:
            scores[number] = logs[row, step : step + steps[number]].astype(np.float64)
        return scores

    def _score_later(
        self, texts: Sequence[Ids], label_ids: LabelIds | None, window: int
    ) -> list[Doubles]:
        """The log-probabilities of the tokens that have a whole window before them, but one."""
        counts = np.array([max(0, len(text) - window - 1) for text in texts], np.int64)
        offsets = np.cumsum([0, *map(len, texts)])[:-1]
        numbers = np.repeat(np.arange(len(texts)), counts)
        places = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
        labels = None if label_ids is None else label_ids[numbers]
        logs = score_windows(
            self._scorer_of(MAX_ROWS),
            Windows(np.concatenate(texts), offsets[numbers] + 1 + places, window, labels),
            only_last=True,
            on_tokens=self._on_tokens,
        )[:, 0]
        return np.split(logs, np.cumsum(counts)[:-1])

    def _scorer_of(self, rows: int) -> Scorer:
        """A scorer with as many rows or more."""
        if self._scorer is None or self._scorer.capacity < rows:
            self._scorer = self._make_scorer(rows)
        return self._scorer


def _take_labels(label_ids: LabelIds, reads: Integers, part: slice) -> LabelIds:
    """The labels of the documents that rows read."""
    return label_ids[reads[:, part]]


@dataclass(frozen=True)
class _Schedule:
    """Which row reads which document from which step on.

    Attributes:
        places: Documents' numbers with their row and first step.
        rows, steps: How many there are.
    """

    places: list[tuple[int, int, int]]
    rows: int
    steps: int


def _schedule(steps: npt.NDArray[np.int64], numbers: Ids, max_rows: int) -> _Schedule:
    """Give every document to the row that is free first, the longest documents first.

    There are no more rows than it takes to be done when the longest document is.
    """
    order = numbers[np.argsort(-steps[numbers], kind="stable")].tolist()
    longest, total = int(steps[order[0]]), int(steps[numbers].sum())
    rows = min(max_rows, -(-total // longest))
    free = [(0, row) for row in range(rows)]  # the step at which each row is free
    places = []
    for number in order:
        step, row = free[0]
        places.append((number, row, step))
        heapq.heapreplace(free, (step + int(steps[number]), row))
    return _Schedule(places, rows, max(step for step, _ in free))
