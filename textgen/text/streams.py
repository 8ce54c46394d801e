"""A text as parallel streams, for training that carries the state from batch to batch."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from textgen.text.batches import ALL_ROWS, Batch, make_batch
from textgen.text.documents.label_source import LabelSource
from textgen.text.vocabulary import IdSequence

# Ids are read for several batches at once, which takes less time for each: for so many batches and
# ids, at most.
_BATCHES_AT_ONCE, _IDS_AT_ONCE = 32, 1 << 17


@dataclass(frozen=True)
class Streams:
    """A text as parallel streams; each row of consecutive batches reads one of them.

    Row r of every batch continues where row r of the batch before ended. So the recurrent state
    after one batch can be the initial state of the next: truncated back-propagation through time
    (Williams and Peng 1990).

    Attributes:
        ids: Ids of the text, shape (tokens,), any integer type.
        count: Number of streams, the batch's rows.
        maxlen: Tokens of each stream in a batch.
        rows: Those streams that are read.
        labels: The labels of the text's documents; None for none.

    Example:
        >>> streams = Streams(np.arange(9), count=2, maxlen=2)
        >>> [x.tolist() for x, _, _ in streams.full_batches()]
        [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """

    ids: IdSequence
    count: int
    maxlen: int
    rows: slice = field(default_factory=lambda: ALL_ROWS)
    labels: LabelSource | None = None

    def __len__(self) -> int:
        """Number of full batches."""
        return (len(self.ids) - 1) // self.count // self.maxlen

    @property
    def extent(self) -> slice:
        """The part of the text that `full_batches` reads.

        Example:
            >>> Streams(np.arange(9), count=2, maxlen=2, rows=slice(1, 2)).extent
            slice(4, 9, None)
        """
        length = (len(self.ids) - 1) // self.count
        first, last, _ = self.rows.indices(self.count)
        return slice(first * length, last * length + 1)

    def full_batches(self, offset: int = 0, skip: int = 0) -> Iterator[Batch]:
        """Batches of shape (rows, maxlen); what is left at the streams' ends is not read.

        Args:
            offset: Characters to leave out at the beginning of each stream.
            skip: Batches to leave out at the beginning.
        """
        length = (len(self.ids) - 1) // self.count
        starts = np.arange(self.count)[self.rows, None] * length
        at_once = min(_BATCHES_AT_ONCE, _IDS_AT_ONCE // max(1, len(starts) * self.maxlen))
        at_once = max(1, at_once) * self.maxlen
        begin = offset + skip * self.maxlen
        end = begin + max(0, length - begin) // self.maxlen * self.maxlen
        for first in range(begin, end, at_once):
            size = min(at_once, end - first)
            positions = starts + first + np.arange(size + 1)
            ids, label_ids = self.ids[positions], self._label_ids(positions[:, :-1])
            for place in range(0, size, self.maxlen):
                part = slice(place, place + self.maxlen)
                targets = ids[:, place + 1 : place + self.maxlen + 1]
                part_labels = None if label_ids is None else label_ids[:, part]
                yield make_batch(ids[:, part], targets, part_labels)

    def all_batches(self, lead: int = 0) -> Iterator[Batch]:
        """Batches of shape (rows, maxlen) that predict each character but the first exactly once.

        Positions past a stream's end repeat the text's last character and have weight zero.

        Args:
            lead: Characters to read before each stream, with weight zero, as its context; before
                the text its first character is repeated.
        """
        predicted = len(self.ids) - 1
        length = -(-predicted // self.count)
        starts = np.arange(self.count)[self.rows, None] * length
        for first in range(-lead, length, self.maxlen):
            offsets = first + np.arange(self.maxlen)
            positions = np.clip(starts + offsets, 0, predicted - 1)
            inside = (offsets >= 0) & (offsets < length) & (starts + offsets < predicted)
            ids, targets = self.ids[positions], self.ids[positions + 1]
            x, y, _ = make_batch(ids, targets, self._label_ids(positions))
            yield x, y, inside.astype(np.float32)

    def _label_ids(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int32] | None:
        return None if self.labels is None else self.labels.label_ids_at(positions)
