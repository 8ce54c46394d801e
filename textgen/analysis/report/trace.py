"""What a network predicts and holds at each token of a text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.analysis.surprise import Surprise, measure_surprise
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network
from textgen.text.vocabulary import Ids, Vocabulary

Floats = npt.NDArray[np.float32]

MAX_WORK = 1.5e11  # multiplications for reading a text character by character: a few seconds
_MAX_CHARACTERS = 20_000  # enough to find out what a unit tracks
_MAX_NUMBERS = 2e7  # of each kind in memory: 80 MB


@dataclass(frozen=True)
class Trace:
    """What a network predicts and holds at each token of a text.

    Attributes:
        text: The characters; a line end for the end of a document.
        ids: The ids of their tokens, shape (tokens,).
        logs: The natural logarithms of the probabilities of all tokens after each of them, float32
            of shape (tokens, vocabulary).
        activations: For each layer its units' activations after each token, at each of its
            characters: float32 of shape (characters, units).
    """

    text: str
    ids: Ids
    logs: Floats = field(repr=False)
    activations: list[Floats] = field(repr=False)

    def surprises(self, vocabulary: Vocabulary, count: int) -> Iterator[Surprise]:
        """How surprising the first characters are, given those before them; of whole tokens."""
        logs, end_id = None, vocabulary.document_end_id
        ends = np.cumsum(vocabulary.lengths[self.ids])
        tokens = self.ids[: np.searchsorted(ends, count) + 1].tolist()
        for place, token_id in enumerate(tokens):
            # Nobody wants to see the end before the first document.
            if place or token_id != end_id:
                text = "" if token_id == end_id else vocabulary.table[token_id]
                yield from measure_surprise(vocabulary, text, token_id, logs)
            logs = self.logs[place]


def max_trace_length(network: Network, parameters: int, window: int | None) -> int:
    """How many tokens of a text can be traced in a few seconds.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        window: As for `trace_text`.
    """
    by_work = MAX_WORK / (parameters * (window or 1))
    by_memory = _MAX_NUMBERS / max(network.vocabulary_size, network.units)
    return max(2, int(min(_MAX_CHARACTERS, by_work, by_memory)))


def cut_trace(network: Network, ids: Ids, vocabulary: Vocabulary) -> Ids:
    """As many tokens of a text as have few enough characters to be traced, two at least."""
    most = min(_MAX_CHARACTERS, _MAX_NUMBERS / network.units)
    count = np.searchsorted(np.cumsum(vocabulary.lengths[ids]), most, side="right")
    return ids[: max(2, int(count))]


def trace_text(
    network: Network,
    ids: Ids,
    vocabulary: Vocabulary,
    window: int | None,
    label_ids: Sequence[npt.NDArray[Any]] = (),
) -> Trace:
    """Read a text as the model reads it when it generates.

    Args:
        network: A trained network.
        ids: The text's ids, 1 or more; of documents, with an end before the first one.
        vocabulary: The model's vocabulary.
        window: Tokens that each prediction is made from; None to carry the state.
        label_ids: The labels of each document.
    """
    end_id, documents = vocabulary.document_end_id, iter(label_ids)
    reader = make_reader(network, window)
    logits = np.empty((len(ids), network.vocabulary_size), np.float32)
    activations: list[list[Floats]] = []
    for place, token_id in enumerate(ids.tolist()):
        if token_id == end_id:  # a document begins
            reader.reset(())
            labels = next(documents, None)
            if labels is not None:
                reader.set_labels((), labels)
        logits[place] = reader.step(token_id)
        activations.append([layer.copy() for layer in reader.activations()])
    layers = [np.stack(layer) for layer in zip(*activations, strict=True)]
    if vocabulary.merges:
        layers = [np.repeat(layer, vocabulary.lengths[ids], axis=0) for layer in layers]
    logs = log_probabilities(logits).astype(np.float32)
    text = "".join("\n" if id_ == end_id else vocabulary.table[id_] for id_ in ids.tolist())
    return Trace(text, ids, logs, layers)
