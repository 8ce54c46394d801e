"""Sums of losses: of a text, of documents, and of the documents with each label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.documents.labels import LabelField, Labels
from textgen.text.vocabulary import CODE_POINTS, Ids, Vocabulary

# The bits charged for a character that the model does not know: enough to name any code point.
UNKNOWN_BITS = math.log2(CODE_POINTS)


@dataclass
class LossSum:
    """The sum of losses of tokens.

    Attributes:
        vocabulary: The vocabulary of these tokens.
        nats: Their negative log-probabilities, in total.
        predicted: How many characters they have; a document end counts as one.
        tokens: How many there are.
        known_nats, known: `nats` and `predicted` without those of the unknown id.
    """

    vocabulary: Vocabulary
    nats: float = 0.0
    predicted: int = 0
    tokens: int = 0
    known_nats: float = 0.0
    known: int = 0

    def add(self, targets: npt.NDArray[Any], logs: npt.NDArray[np.float64]) -> int:
        """Add tokens, and count their characters.

        Args:
            targets: Their ids, any shape.
            logs: The logarithms of their probabilities, of the same shape.
        """
        nats, count = -float(logs.sum()), self.vocabulary.count_characters(targets)
        self.nats += nats
        self.predicted += count
        self.tokens += logs.size
        known_nats, known = nats, count
        if self.vocabulary.unknown_id is not None:
            is_known = targets != self.vocabulary.unknown_id
            known_nats, known = -float(logs[is_known].sum()), count - int((~is_known).sum())
        self.known_nats += known_nats
        self.known += known
        return count

    @property
    def loss(self) -> float:
        """Nats per predicted character; nan without any."""
        return self.nats / self.predicted if self.predicted else math.nan

    @property
    def known_loss(self) -> float:
        """Nats per predicted character that is known; nan without any."""
        return self.known_nats / self.known if self.known else math.nan


@dataclass(frozen=True)
class LabelLoss:
    """How well a model predicts the documents with a label.

    Attributes:
        name: The kind of label, such as `genre`.
        value: Its value; None for documents without one.
        rare: Whether these are the documents with a value that is rare in the training text.
        documents: Their number.
        characters: Their characters.
        loss: Cross-entropy in nats per predicted character; document ends count as characters.
        bits_per_character: Bits of all of these, and of the ends, per character.
    """

    name: str
    value: str | None
    rare: bool
    documents: int
    characters: int
    loss: float
    bits_per_character: float

    @property
    def title(self) -> str:
        """Its value for people."""
        return describe_label(self.value, rare=self.rare)

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return dict(vars(self))


@dataclass(frozen=True)
class MemberLoss:
    """How well one model of a mixture predicts the text that the mixture was evaluated on.

    Attributes:
        model: Its directory, or the name of a starter.
        weight: How much it counts.
        loss: Cross-entropy in nats per character that it predicts.
        bits_per_character: The same in bits, with the ends of documents per character.
        best_weight: How much it counts in the mixture with the lowest loss on this text (on its
            first half a million tokens); None where logits are mixed.
    """

    model: str
    weight: float
    loss: float
    bits_per_character: float
    best_weight: float | None

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return dict(vars(self))


def describe_label(value: str | None, *, rare: bool = False) -> str:
    """A value of a label for people.

    Example:
        >>> describe_label("horror"), describe_label(None), describe_label(None, rare=True)
        ('horror', '(no label)', '(rare labels)')
    """
    if value is not None:
        return value
    return "(rare labels)" if rare else "(no label)"


class LabelLosses:
    """Adds up the losses of documents by label.

    Args:
        labels: The model's labels; None for a model without.
    """

    def __init__(self, labels: Labels | None):
        self._fields = labels.fields if labels else ()
        sizes = labels.sizes if labels else ()
        # For each label id of a kind: documents, characters, predicted characters, nats.
        self._sums = [np.zeros((size, 4)) for size in sizes]

    def add(self, label_ids: Ids, characters: int, predicted: int, nats: float) -> None:
        """Add a document.

        Args:
            label_ids: Of its labels.
            characters: Its characters.
            predicted: Characters of it that were predicted, with its end.
            nats: The negative log-probability of these.
        """
        for sums, label_id in zip(self._sums, label_ids, strict=True):
            sums[label_id] += 1, characters, predicted, nats

    def losses(self) -> tuple[LabelLoss, ...]:
        """The losses of the labels that documents have, of each kind the most frequent first."""
        return tuple(
            _label_loss(field, label_id, sums[label_id])
            for field, sums in zip(self._fields, self._sums, strict=True)
            for label_id in np.argsort(-sums[:, 0], kind="stable").tolist()
            if sums[label_id, 0]
        )


def _label_loss(field: LabelField, label_id: int, sums: Sequence[float]) -> LabelLoss:
    documents, characters, predicted, nats = map(float, sums)
    return LabelLoss(
        field.name,
        field.decode(label_id) or None,
        label_id == field.rare_id,
        int(documents),
        int(characters),
        nats / predicted if predicted else math.nan,
        nats / math.log(2) / characters if characters else math.nan,
    )
