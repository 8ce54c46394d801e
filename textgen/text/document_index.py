"""Where each document of a prepared corpus is, and its labels."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.labels import Labels

TRAINING, VALIDATION, TEST = range(3)


@dataclass(frozen=True)
class DocumentPart:
    """The documents of one part of a corpus: of its training, validation or test text.

    Attributes:
        starts: Where each document starts in the ids of the part, and where the last one ends:
            int64 of shape (documents + 1,). The part begins with a document end, so the first is 1;
            document i is `ids[starts[i]:starts[i + 1]]`, with its document end.
        label_ids: Ids of the labels of each document, shape (documents, fields), any unsigned type.
    """

    starts: npt.NDArray[np.int64] = field(repr=False)
    label_ids: npt.NDArray[Any] = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def find(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The document that each input belongs to; a document end belongs to the next one.

        Args:
            positions: Places in the ids of the part, any shape.

        Example:
            >>> part = DocumentPart(np.array([1, 3, 6]), np.zeros((2, 0), np.uint8))
            >>> part.find(np.array([0, 1, 2, 3, 4])).tolist()  # END a END b c END
            [0, 0, 1, 1, 1]
        """
        documents = np.searchsorted(self.starts, positions + 1, side="right") - 1
        return np.minimum(documents, len(self) - 1)


@dataclass(frozen=True)
class Documents:
    """The documents of a corpus, ordered by part: training, validation, test.

    Attributes:
        starts: As in `DocumentPart`, of all documents.
        counts: Documents of each part.
        label_ids: As in `DocumentPart`, of all documents.
        labels: What these ids are; None without labels.
    """

    starts: npt.NDArray[np.int64] = field(repr=False)
    counts: tuple[int, int, int]
    label_ids: npt.NDArray[Any] = field(repr=False)
    labels: Labels | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def ids_of(self, part: int) -> slice:
        """The ids of a part, from the document end before it; empty where it has no documents."""
        first = sum(self.counts[:part])
        last = first + self.counts[part]
        if first == last:
            return slice(0, 0)
        return slice(int(self.starts[first]) - 1, int(self.starts[last]))

    def part(self, part: int) -> DocumentPart:
        """The documents of a part."""
        first = sum(self.counts[:part])
        last = first + self.counts[part]
        starts = self.starts[first : last + 1]
        if first:  # the training part is a view, and no copy of 8 bytes for each document
            starts = starts - (starts[0] - 1)
        return DocumentPart(starts, self.label_ids[first:last])
