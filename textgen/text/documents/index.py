"""Where each document of a prepared corpus is, and its labels."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.settings import check_integer
from textgen.text.documents.labels import Labels

TRAINING, VALIDATION, TEST = range(3)
DOCUMENTS, LABEL_IDS, LABELS = "documents.npy", "labels.npy", "labels.json"  # of a prepared corpus
_CHUNK = 1 << 20  # documents at a time


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


def parse_counts(data: Sequence[Any]) -> tuple[int, int, int]:
    """The documents of each part, as prepared.json has them.

    Raises:
        DamageError, SettingsError: it is something else.
    """
    if len(data) != 3:
        raise storage.DamageError("documents must be three numbers")
    training, validation, test = (check_integer("documents", item, at_least=0) for item in data)
    return training, validation, test


def parse_starts(content: bytes, documents: int, characters: int) -> npt.NDArray[np.int64]:
    """The starts of all documents, from the content of documents.npy.

    Args:
        content: The file's bytes, to which the array is a view.
        documents: How many there are.
        characters: How many ids the corpus has.

    Raises:
        DamageError: it is something else.
    """
    starts = parse_array(content, (documents + 1,))
    # Each document has a character and its end.
    is_increasing = all(
        (np.diff(starts[first : first + _CHUNK + 1]) >= 2).all()
        for first in range(0, documents, _CHUNK)
    )
    if starts.dtype != np.int64 or starts[0] != 1 or starts[-1] != characters or not is_increasing:
        raise storage.DamageError("not the starts of the documents in ids.npy")
    return starts


def parse_label_ids(content: bytes, documents: int, labels: Labels) -> npt.NDArray[Any]:
    """The ids of the labels of all documents, from the content of labels.npy.

    Raises:
        DamageError: it is something else.
    """
    label_ids = parse_array(content, (documents, len(labels.sizes)))
    if label_ids.dtype.kind != "u" or (label_ids.max(axis=0) >= np.array(labels.sizes)).any():
        raise storage.DamageError("labels that labels.json does not have")
    return label_ids


def parse_array(content: bytes, shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
    """The array in a .npy file of this shape, as a view of the file's bytes; None for any shape.

    Raises:
        DamageError: it is something else.
    """
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise storage.DamageError("an array of another format")
    header = np.lib.format.read_array_header_1_0(file)
    shape = header[0] if shape is None else shape
    if header[:2] != (shape, False) or header[2].kind not in "iu":
        raise storage.DamageError(f"an array of shape {header[0]} and type {header[2]}")
    if len(content) != file.tell() + header[2].itemsize * int(np.prod(shape)):
        raise storage.DamageError("an array of another size")
    return np.frombuffer(content, header[2], offset=file.tell()).reshape(shape)
