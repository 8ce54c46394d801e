"""Which labels the documents of a text are read with."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from textgen.text.documents.index import DocumentPart
from textgen.text.permutation import mix


class LabelSource(Protocol):
    """The labels of a text's documents, by the places of its ids."""

    def label_ids_at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Ids of the labels that the inputs at some places are read with.

        Args:
            positions: Any shape. A document end is read with the labels of the document after it.

        Returns:
            Shape (*positions.shape, fields).
        """
        ...


class DocumentLabels:
    """The labels of documents in the order of their ids; some documents are read without theirs.

    Args:
        part: The documents.
        dropout: The probability that a document is read without its labels.
        random_seed: One or more numbers that decide which ones are.

    Example:
        >>> part = DocumentPart(np.array([1, 3, 6]), np.array([[1], [2]], np.uint8))
        >>> DocumentLabels(part).label_ids_at(np.array([0, 1, 2, 3])).tolist()  # END a END b c END
        [[1], [1], [2], [2]]
    """

    def __init__(
        self, part: DocumentPart, dropout: float = 0.0, random_seed: int | Sequence[int] = 0
    ):
        self._part, self._below = part, np.uint32(dropout * 2**32)
        self._key = np.random.default_rng(random_seed).integers(2**32, dtype=np.uint32)

    def of_documents(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Ids of the labels of some documents, shape (*documents.shape, fields)."""
        label_ids = self._part.label_ids[documents].astype(np.int32)
        if self._below:
            dropped = mix(documents.astype(np.uint32) + self._key) < self._below
            label_ids[dropped] = 0
        return label_ids

    def label_ids_at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """As in `LabelSource`."""
        return self.of_documents(self._part.find(positions))
