"""Reads many tokens of texts side by side, and says how probable given tokens were after them.

What is read in which row is in document_scoring.py, window_scoring.py and text_scoring.py.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.compiled import load_compiled
from textgen.sampling.compiled_scorer import CompiledScorer
from textgen.sampling.context import Predictor
from textgen.sampling.network import Network
from textgen.sampling.readers import Rows, TextRows

Integers = npt.NDArray[np.integer[Any]]
OnTokens = Callable[[int], object]  # called with how many more tokens have been scored
MakeScorer = Callable[[int], "Scorer"]  # makes one for a number of rows

MAX_ROWS = 128  # read side by side
# Multiplications from which compiled code pays, although it takes half a second to load: 30,000
# tokens with 256 units.
_MIN_COMPILED_WORK = 1e10
_STEPS = 512  # tokens of each row at a call: some tenths of a second
_BLOCK = 1 << 20  # logits in memory at a time


class Scorer(Protocol):
    """Reads texts side by side.

    Attributes:
        capacity: The most texts.
    """

    capacity: int

    def score(
        self,
        ids: Integers,
        targets: Integers,
        resets: npt.NDArray[np.bool_] | None = None,
        label_ids: Integers | None = None,
    ) -> Floats:
        """Read tokens in the first rows, which continue from where they are.

        Args:
            ids: The tokens, shape (rows, tokens), with 1 to `capacity` rows.
            targets: Those whose probability is wanted after each, of the same shape; -1 for none.
            resets: Whether the state is set to zero before a token, of the same shape; None for
                never.
            label_ids: The labels that each token is read with, shape (rows, tokens, fields); None
                for no labels.

        Returns:
            The natural logarithms of the targets' probabilities, 0 where there is no target:
            float32 of the same shape.
        """
        ...

    def states(self, rows: int) -> Floats:
        """All that the network remembers in each of the first rows, from -1 to 1.

        Returns:
            float32 of shape (rows, states).
        """
        ...

    def move(self, source: int, target: int) -> None:
        """Copy a row's state into another row."""
        ...


class NumpyScorer:
    """A `Scorer` in NumPy.

    Args:
        rows: Reads the texts.
        vocabulary_size: Number of ids.

    Example:
        >>> from textgen.sampling.network import Network, weight_specs
        >>> from textgen.settings import ModelConfig
        >>> config = ModelConfig(units=(8,), embedding=4)
        >>> zeros = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, 4)]
        >>> scorer = NumpyScorer(Network(config, 4, zeros).rows(2), 4)
        >>> np.exp(scorer.score(np.array([[3, 0], [3, 1]]), np.array([[0, 3], [1, -1]]))).tolist()
        [[0.25, 0.25], [0.25, 1.0]]
    """

    def __init__(self, rows: TextRows, vocabulary_size: int):
        self.capacity = rows.capacity
        self._rows, self._size = rows, vocabulary_size

    def score(
        self,
        ids: Integers,
        targets: Integers,
        resets: npt.NDArray[np.bool_] | None = None,
        label_ids: Integers | None = None,
    ) -> Floats:
        """Read tokens in the first rows, as `Scorer.score`."""
        count, tokens = ids.shape
        logs = np.zeros((count, tokens), np.float32)
        block = max(1, min(tokens, _BLOCK // (self._size * count)))
        logits = np.empty((block, count, self._size), np.float32)
        rows, labels = self._rows, None
        is_reset = np.zeros(tokens, np.bool_)
        if resets is not None:
            is_reset[:] = resets.any(axis=0)
        is_wanted = np.asarray((targets >= 0).any(axis=0))
        for first in range(0, tokens, block):
            last = min(first + block, tokens)
            for token in range(first, last):
                if is_reset[token] and resets is not None:
                    rows.reset(np.flatnonzero(resets[:, token]))
                if label_ids is not None:
                    if labels is None or (labels != label_ids[:, token]).any():
                        rows.set_labels(slice(count), label_ids[:, token])
                    labels = label_ids[:, token]
                result = rows.step(ids[:, token])
                if is_wanted[token]:
                    logits[token - first] = result
            places = np.flatnonzero(is_wanted[first:last])
            if len(places):
                wanted = targets[:, first + places].T
                chosen = log_probabilities_of(logits[places], np.maximum(wanted, 0))
                logs[:, first + places] = np.where(wanted < 0, 0, chosen).T
        return logs

    def states(self, rows: int) -> Floats:
        """All that the network remembers, as `Scorer.states`; not of a mixture."""
        layers = cast(Rows, self._rows).states
        arrays = [array[:rows] for layer in layers for array in layer]
        return np.asarray(np.tanh(np.concatenate(arrays, axis=-1)))

    def move(self, source: int, target: int) -> None:
        """Copy a row's state into another row."""
        self._rows.move(source, target)


def numpy_scorers(network: Predictor) -> MakeScorer:
    """Makes scorers of a network, or mixture, in NumPy: for few tokens."""
    return lambda rows: NumpyScorer(network.rows(rows), network.vocabulary_size)


def choose_scorers(network: Predictor, tokens: int) -> MakeScorer:
    """Makes the scorers of a network that are fastest for a number of tokens.

    Args:
        network: A trained network, or a mixture of several.
        tokens: How many will be read, at least. The same number always has the same scorers, whose
            results agree with those of others to a few digits in the sixth place.
    """
    if not isinstance(network, Network) or tokens * network.products < _MIN_COMPILED_WORK:
        return numpy_scorers(network)
    if load_compiled() is None:
        return numpy_scorers(network)
    return partial(CompiledScorer, network)


def score_rows(
    scorer: Scorer,
    ids: Integers,
    targets: Integers,
    resets: npt.NDArray[np.bool_] | None = None,
    label_ids: Callable[[slice], Integers] | None = None,
    on_tokens: OnTokens = lambda _: None,
) -> Floats:
    """Score rows of any length, some hundred tokens at a call.

    Args:
        scorer: What reads them.
        ids, targets, resets: As for `Scorer.score`.
        label_ids: Takes a range of tokens and returns their labels, as there.
        on_tokens: Called with how many targets were scored.
    """
    logs = np.empty(ids.shape, np.float32)
    for first in range(0, ids.shape[1], _STEPS):
        part = slice(first, min(first + _STEPS, ids.shape[1]))
        logs[:, part] = scorer.score(
            ids[:, part],
            targets[:, part],
            None if resets is None else resets[:, part],
            None if label_ids is None else label_ids(part),
        )
        on_tokens(int((targets[:, part] >= 0).sum()))
    return logs


def log_probabilities_of(logits: Floats, ids: Integers) -> npt.NDArray[np.float64]:
    """The log-probability of one id in each place; overwrites the logits.

    Args:
        logits: Shape (..., vocabulary).
        ids: Shape (...).
    """
    logits -= logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    np.exp(logits, out=logits)
    return np.asarray(chosen - np.log(logits.sum(axis=-1, dtype=np.float64)))
