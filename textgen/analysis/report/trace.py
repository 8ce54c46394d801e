"""What a network predicts and holds at each character of a text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    """What a network predicts and holds at each character of a text.

    Attributes:
        text: The characters.
        ids: Their ids, shape (characters,).
        logs: The natural logarithms of the probabilities of all characters after each of them,
            float32 of shape (characters, vocabulary).
        activations: For each layer its units' activations after each character, float32 of shape
            (characters, units).
    """

    text: str
    ids: Ids
    logs: Floats = field(repr=False)
    activations: list[Floats] = field(repr=False)

    def surprises(self, vocabulary: Vocabulary, count: int) -> Iterator[Surprise]:
        """How surprising the first characters are, given those before them."""
        logs = None
        characters = zip(self.text[:count], self.ids, strict=False)
        for place, (character, character_id) in enumerate(characters):
            yield measure_surprise(vocabulary, character, int(character_id), logs)
            logs = self.logs[place]


def max_trace_length(network: Network, parameters: int, window: int | None) -> int:
    """How many characters of a text can be traced in a few seconds.

    Args:
        network: A trained network.
        parameters: Numbers in it.
        window: As for `trace_text`.
    """
    by_work = MAX_WORK / (parameters * (window or 1))
    by_memory = _MAX_NUMBERS / max(network.vocabulary_size, network.units)
    return max(2, int(min(_MAX_CHARACTERS, by_work, by_memory)))


def trace_text(network: Network, ids: Ids, vocabulary: Vocabulary, window: int | None) -> Trace:
    """Read a text as the model reads it when it generates.

    Args:
        network: A trained network.
        ids: The text's ids, 1 or more.
        vocabulary: The model's vocabulary.
        window: Characters that each prediction is made from; None to carry the state.
    """
    reader = make_reader(network, window)
    logits = np.empty((len(ids), network.vocabulary_size), np.float32)
    activations: list[list[Floats]] = []
    for place, character_id in enumerate(ids.tolist()):
        logits[place] = reader.step(character_id)
        activations.append([layer.copy() for layer in reader.activations()])
    layers = [np.stack(layer) for layer in zip(*activations, strict=True)]
    logs = log_probabilities(logits).astype(np.float32)
    return Trace(vocabulary.decode(ids), ids, logs, layers)
