"""Several networks that predict as one: each reads the text in its own way, and all are mixed.

A mixture has an id for every token that one of its members knows. A member gives no probability to
a token that it does not know, and reads something else in its place (vocabulary_union.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError
from textgen.sampling.cells import Floats
from textgen.sampling.context import Predictor, TextPredictor
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.readers import IdOrIds, Reader

Ids = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Member:
    """A network of a mixture.

    Attributes:
        predictor: The network, with what it predicts from.
        reads: The id that it reads for each id of the mixture, shape (mixture's vocabulary,).
        knows: The mixture's id of each of its ids, shape (its vocabulary,).
        has_labels: Whether it reads labels; then they have the same ids as in the mixture.
    """

    predictor: TextPredictor
    reads: Ids
    knows: Ids
    has_labels: bool = False


@dataclass(frozen=True)
class Weights:
    """How much each member counts.

    Attributes:
        start: From 0 to 1, adding up to 1.
        end: The same at the end of a text.
        by: `probabilities` or `logits`, as in `Mix`.
        document_length: Characters over which the weights change in a document, at most; None for
            texts that are no documents.
    """

    start: tuple[float, ...]
    end: tuple[float, ...]
    by: str = "probabilities"
    document_length: int | None = None

    @property
    def is_ramp(self) -> bool:
        """Whether they change over a text."""
        return self.start != self.end


class Mixture:
    """Several networks that predict as one; a `Predictor`.

    Args:
        members: The networks.
        weights: How much each counts.
        lengths: The number of characters of each id of the mixture, shape (vocabulary,).

    Attributes:
        vocabulary_size: Number of ids.
    """

    def __init__(self, members: Sequence[Member], weights: Weights, lengths: Ids):
        self.members, self.weights, self.lengths = tuple(members), weights, lengths
        self.vocabulary_size = len(lengths)
        everything = np.arange(self.vocabulary_size)
        self._knows = [
            ... if np.array_equal(member.knows, everything) else (..., member.knows)
            for member in self.members
        ]

    def reader(self, shape: tuple[int, ...] = ()) -> Reader:
        """A reader of a fixed number of texts, as `Network.reader`."""
        readers = [member.predictor.reader(shape) for member in self.members]
        steps = [(reader.step, member.reads) for reader, member in self._pairs(readers)]
        ramp = Ramp(self.weights, self.lengths, shape)

        def step(ids: IdOrIds) -> Floats:
            logits = [each(reads[ids]) for each, reads in steps]
            return self.combine(logits, ramp.read(ids))

        def reset(index: Any) -> None:
            for reader in readers:
                reader.reset(index)
            ramp.reset(index)

        def activations() -> list[Floats]:
            return [layer for reader in readers for layer in reader.activations()]

        def set_labels(index: Any, label_ids: npt.ArrayLike) -> None:
            for reader, member in self._pairs(readers):
                if member.has_labels:
                    reader.set_labels(index, label_ids)

        return Reader(step, reset, activations, set_labels, ramp.schedule)

    def rows(self, capacity: int, *, at_once: bool = False) -> "MixtureRows":
        """A reader of texts that come and go, as `TextPredictor.rows`."""
        return MixtureRows(self, capacity, at_once=at_once)

    def combine(self, logits: Sequence[Floats], weights: Doubles) -> Floats:
        """The mixture's logits, which are logarithms of its probabilities.

        Args:
            logits: Those of each member, shape (..., its vocabulary).
            weights: Those of the members, shape (members, ..., 1).

        Returns:
            float32 of shape (..., vocabulary); -inf for what is impossible.
        """
        # All members at once: with few texts, calls of NumPy take longer than what they compute.
        every = np.full((len(logits), *logits[0].shape[:-1], self.vocabulary_size), -np.inf)
        for place, knows, each in zip(every, self._knows, logits, strict=True):
            place[knows] = each
        every -= every.max(axis=-1, keepdims=True)
        if self.weights.by == "logits":
            return self._mix_logits(every, weights)
        np.exp(every, out=every)
        every *= weights / every.sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore"):  # of zeros
            return np.asarray(np.log(every.sum(axis=0)), np.float32)

    def _mix_logits(self, every: Doubles, weights: Doubles) -> Floats:
        with np.errstate(invalid="ignore"):  # 0 times -inf
            every *= weights
        if self.weights.is_ramp:
            every = np.where(weights > 0, every, 0)
        return np.asarray(log_probabilities(every.sum(axis=0)), np.float32)

    def _pairs(self, readers: Sequence[Any]) -> Iterable[tuple[Any, Member]]:
        return zip(readers, self.members, strict=True)


def check_end(predictor: Predictor, max_length: int | None) -> None:
    """Check that texts have a maximum length where weights change over that.

    Raises:
        SettingsError: they have none.
    """
    is_ramp = isinstance(predictor, Mixture) and predictor.weights.is_ramp
    if is_ramp and max_length is None:
        raise SettingsError("mix", "changes over the text, which has no end; give a length")


class MixtureRows:
    """Reads texts that come and go with all members of a mixture; a `TextRows`.

    Args:
        mixture: The mixture.
        capacity: How many texts side by side, at most.
        at_once: As for `TextPredictor.rows`.
    """

    def __init__(self, mixture: Mixture, capacity: int, *, at_once: bool = False):
        self.capacity = capacity
        self._mixture = mixture
        self._rows = [
            member.predictor.rows(capacity, at_once=at_once) for member in mixture.members
        ]
        self._ramp = Ramp(mixture.weights, mixture.lengths, (capacity,))

    def step(self, ids: npt.NDArray[np.integer[Any]]) -> Floats:
        """Read a token in each of the first rows, as `Rows.step`."""
        pairs = zip(self._rows, self._mixture.members, strict=True)
        logits = [rows.step(member.reads[ids]) for rows, member in pairs]
        return self._mixture.combine(logits, self._ramp.read(ids))

    def reset(self, index: Any) -> None:
        """Start texts again, as `Rows.reset`."""
        for rows in self._rows:
            rows.reset(index)
        self._ramp.reset(index)

    def set_labels(self, index: Any, label_ids: npt.ArrayLike) -> None:
        """Choose the labels that texts are read with, as `Rows.set_labels`."""
        for rows, member in zip(self._rows, self._mixture.members, strict=True):
            if member.has_labels:
                rows.set_labels(index, label_ids)

    def schedule(self, index: Any, seed_ids: Sequence[int], length: int) -> None:
        """Say how long texts are, as `Ramp.schedule`."""
        self._ramp.schedule(index, seed_ids, length)

    def move(self, source: int, target: int) -> None:
        """Copy the states and labels of a text into another row, as `Rows.move`."""
        for rows in self._rows:
            rows.move(source, target)
        self._ramp.move(source, target)


class Ramp:
    """The weights of texts side by side, which may change over each of them.

    The weights are those of the start while the seed is read and for the character after it, and
    those of the end for the last character. A text that is not scheduled has those of the start.

    Args:
        weights: The weights.
        lengths: The number of characters of each id.
        shape: How many texts.
    """

    def __init__(self, weights: Weights, lengths: Ids, shape: tuple[int, ...]):
        self._weights, self._lengths = weights, lengths
        ones = (1,) * (len(shape) + 1)
        self._start = np.array(weights.start, np.float64).reshape(-1, *ones)
        self._change = np.array(weights.end, np.float64).reshape(-1, *ones) - self._start
        self._place = np.zeros(shape, np.int64)  # characters after the seed
        self._last = np.full(shape, np.inf)  # the place of the last character

    def read(self, ids: IdOrIds) -> Doubles:
        """The weights for what follows when each of the first texts has read a token.

        Returns:
            Shape (members, texts, 1), or one that NumPy can broadcast to it.
        """
        if not self._weights.is_ramp:
            return self._start
        rows = slice(len(ids)) if np.ndim(ids) else ...  # type: ignore[arg-type]
        self._place[rows] += self._lengths[ids]
        share = np.clip(self._place[rows] / self._last[rows], 0, 1)[..., None]
        return np.asarray(self._start + share * self._change)

    def reset(self, index: Any) -> None:
        """Start texts again, which are not scheduled then."""
        self._place[index], self._last[index] = 0, np.inf

    def schedule(self, index: Any, seed_ids: Sequence[int], length: int) -> None:
        """Say how long texts are, before they are read.

        Args:
            index: Which texts.
            seed_ids: What is read before the first character that the weights change over.
            length: Characters that follow, at most.
        """
        if self._weights.document_length is not None:
            length = min(length, self._weights.document_length)
        self._place[index] = -int(self._lengths[list(seed_ids)].sum())
        self._last[index] = max(1, length - 1)

    def move(self, source: int, target: int) -> None:
        """Copy where a text is into another row."""
        self._place[target], self._last[target] = self._place[source], self._last[source]
