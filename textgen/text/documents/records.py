"""What is recorded of each document while a corpus is read: its length, its hash and its labels.

The records of the documents that end in a part (`indexing.py`) are in temporary files next to it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.documents.hashes import END_CODE, DocumentHasher, Hashes, marked_code_points
from textgen.text.documents.reading import DOCUMENT_END, TextBlock
from textgen.text.reading_report import ReadingReport

LENGTHS, HASHES, LABEL_CODES = "lengths", "hashes", "labels"  # files of each part


@dataclass(frozen=True)
class Records:
    """What is recorded of documents, in order.

    Attributes:
        lengths: Characters of each, shape (documents,).
        hashes: Their hashes, shape (documents,).
        label_codes: For each document and kind of label, which of the task's values it has; uint32
            of shape (documents, fields).
    """

    lengths: npt.NDArray[np.int64]
    hashes: Hashes
    label_codes: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class LabelValues:
    """The values of the labels of a task, in order of appearance.

    Attributes:
        task: The task's number.
        values: For each kind of label, its values.
        counts: How many documents have each.
    """

    task: int
    values: tuple[tuple[str, ...], ...]
    counts: tuple[npt.NDArray[np.int64], ...]


class DocumentRecorder:
    """Records the documents of a task, whose text comes in blocks, and leaves out empty ones.

    Args:
        fields: Number of kinds of labels.
        report: Counts the documents.
    """

    def __init__(self, fields: int, report: ReadingReport) -> None:
        self._codes = [_make_numbering() for _ in range(fields)]
        self._counts = [np.zeros(0, np.int64) for _ in range(fields)]
        self._report = report
        self._hasher = DocumentHasher()
        self._length = 0  # characters of the document that has not ended

    def add(self, block: TextBlock) -> tuple[npt.NDArray[np.uint32], Records]:
        """Record the documents that end in a block.

        Returns:
            The block's code points without ends of empty documents; the records.
        """
        codes = marked_code_points(block.text)
        ends = np.flatnonzero(codes == END_CODE)
        lengths = np.diff(ends, prepend=-1) - 1
        lengths[:1] += self._length
        label_codes = self._encode_labels(block.labels, len(ends))
        is_empty = lengths == 0
        if is_empty.any():
            codes = np.delete(codes, ends[is_empty])
            ends = np.flatnonzero(codes == END_CODE)
            lengths, label_codes = lengths[~is_empty], label_codes[~is_empty]
        self._length = len(codes) - 1 - int(ends[-1]) if len(ends) else self._length + len(codes)
        for field, counts in enumerate(self._counts):
            size = len(self._codes[field])
            self._counts[field] = np.bincount(label_codes[:, field], minlength=size)
            self._counts[field][: len(counts)] += counts
        self._report.documents += len(ends)
        self._report.empty_documents += int(is_empty.sum())
        return codes, Records(lengths, self._hasher.add(codes, ends), label_codes)

    def finish(self) -> TextBlock | None:
        """The block that ends the last document, if nothing else did."""
        if not self._length:
            return None
        return TextBlock(DOCUMENT_END, 0, tuple([""] for _ in self._codes))

    def label_values(self, task: int) -> LabelValues:
        """The values of the labels so far."""
        return LabelValues(task, tuple(map(tuple, self._codes)), tuple(self._counts))

    def _encode_labels(self, labels: Any, documents: int) -> npt.NDArray[np.uint32]:
        label_codes = np.zeros((documents, len(self._codes)), np.uint32)
        for field, (codes, values) in enumerate(zip(self._codes, labels, strict=True)):
            label_codes[:, field] = list(map(codes.__getitem__, values))
        return label_codes


def _make_numbering() -> defaultdict[str, int]:
    """A dictionary that numbers texts in the order in which they are looked up first."""
    numbering = defaultdict[str, int]()
    numbering.default_factory = numbering.__len__
    return numbering


def write_records(path: Path, records: Iterable[Records]) -> int:
    """Write the records of a part.

    Args:
        path: The part's file.
        records: Of its blocks, at least one.

    Returns:
        How many documents end in the part.
    """
    records = list(records)
    columns: dict[str, list[npt.NDArray[Any]]] = {
        LENGTHS: [record.lengths for record in records],
        HASHES: [record.hashes for record in records],
        LABEL_CODES: [record.label_codes for record in records],
    }
    for name, arrays in columns.items():
        save_records(path, name, np.concatenate(arrays))
    return sum(len(record.lengths) for record in records)


def save_records(path: Path, name: str, records: npt.NDArray[Any]) -> None:
    """Save one kind of records of the documents that end in a part.

    Args:
        path: The part's file.
        name: Which kind.
        records: Of these documents, in order.
    """
    np.save(path.with_name(f"{path.name}.{name}.npy"), records)


def load_records(path: Path, name: str) -> npt.NDArray[Any]:
    """Load what `save_records` saved."""
    records: npt.NDArray[Any] = np.load(path.with_name(f"{path.name}.{name}.npy"))
    return records
