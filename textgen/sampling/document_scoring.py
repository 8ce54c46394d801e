"""How probable documents are under a network, each on its own: many of them side by side."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.context import window_reader
from textgen.sampling.mixture import Mixture
from textgen.sampling.network import Network
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]
LabelIds = npt.NDArray[np.integer[Any]]

_MAX_ROWS = 128  # documents read side by side (window states, for a model with windows)
_BLOCK = 1 << 20  # logits in memory at a time


def score_documents(
    network: Network | Mixture,
    documents: Sequence[Ids],
    label_ids: LabelIds | None = None,
    *,
    start: Sequence[int],
    window: int | None = None,
) -> list[Doubles]:
    """The log-probability of each token of documents, each read from a zero state.

    Rows of a batch read one document after another, so that no row waits for a longer document.
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
        >>> from textgen.sampling.network import weight_specs
        >>> from textgen.settings import ModelConfig
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 4)]
        >>> documents = [np.array([0, 1, 3]), np.array([2, 3])]
        >>> logs = score_documents(Network(config, 4, zeros), documents, start=[3])
        >>> [np.exp(log).tolist() for log in logs]
        [[0.25, 0.25, 0.25], [0.25, 0.25]]
    """
    unread = 1 if not start else 0  # tokens at the beginning that nothing predicts
    lengths = np.array([len(document) - unread for document in documents], np.int64)
    steps = lengths + max(0, len(start) - 1)
    scores: list[Doubles] = [np.empty(max(0, length)) for length in lengths.tolist()]
    numbers = np.flatnonzero(lengths > 0)
    if not len(numbers):
        return scores
    rows = max(1, _MAX_ROWS // (window or 1))
    schedule = _schedule(steps, numbers, rows)
    inputs = np.zeros((schedule.steps, schedule.rows), np.int64)
    targets = np.zeros((schedule.steps, schedule.rows), np.int64)
    for number, row, step in schedule.places:
        tokens = np.concatenate([start, documents[number]])
        end = step + steps[number]
        inputs[step:end, row] = tokens[:-1]
        targets[step:end, row] = tokens[1:]
    logs = _read(network, schedule, inputs, targets, label_ids, window)
    for number, row, step in schedule.places:
        end = step + steps[number]
        scores[number][:] = logs[end - lengths[number] : end, row]
    return scores


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


def _read(
    network: Network | Mixture,
    schedule: _Schedule,
    inputs: Ids,
    targets: Ids,
    label_ids: LabelIds | None,
    window: int | None,
) -> npt.NDArray[np.float32]:
    """The log-probabilities of targets, float32 of shape (steps, rows)."""
    shape = (schedule.rows,)
    if window is None or isinstance(network, Mixture):
        reader = network.reader(shape)
    else:
        reader = window_reader(network, window, shape)
    first: dict[int, list[tuple[int, int]]] = {}  # documents that begin at each step
    for number, row, step in schedule.places:
        first.setdefault(step, []).append((number, row))
    size = network.vocabulary_size
    block = max(1, _BLOCK // (size * schedule.rows))
    logits = np.empty((block, schedule.rows, size), np.float32)
    logs = np.empty(targets.shape, np.float32)
    for begin in range(0, schedule.steps, block):
        end = min(begin + block, schedule.steps)
        for step in range(begin, end):
            if step in first:
                numbers, rows = zip(*first[step], strict=True)
                if step:
                    reader.reset(np.array(rows))
                if label_ids is not None:
                    reader.set_labels(np.array(rows), label_ids[np.array(numbers)])
            logits[step - begin] = reader.step(inputs[step])
        logs[begin:end] = _log_probabilities(logits[: end - begin], targets[begin:end])
    return logs


def _log_probabilities(logits: npt.NDArray[np.float32], ids: Ids) -> Doubles:
    """The log-probability of one id in each place; overwrites the logits.

    Args:
        logits: Shape (..., vocabulary).
        ids: Shape (...).
    """
    logits -= logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    np.exp(logits, out=logits)
    return np.asarray(chosen - np.log(logits.sum(axis=-1, dtype=np.float64)))
