"""The overlapping windows of a text, with their targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.text.batches import ALL_ROWS, Batch, make_batch
from textgen.text.documents.label_source import LabelSource
from textgen.text.permutation import Permutation
from textgen.text.vocabulary import Ids, IdSequence


def count_windows(length: int, maxlen: int, step: int) -> int:
    """How many windows a text has.

    A window also needs the token after it, which is to be predicted.

    Args:
        length: Tokens of the text.
        maxlen: Tokens in a window.
        step: Tokens from one window's start to the next one's.

    Example:
        >>> count_windows(10, maxlen=4, step=3)  # they start at 0 and 3
        2
    """
    return max(0, -(-(length - maxlen) // step))


@dataclass(frozen=True)
class Windows:
    """The overlapping windows of a text, each of which is read when it is needed.

    Attributes:
        ids: Ids of the text, shape (tokens,), any integer type.
        maxlen: Tokens in a window.
        step: Tokens from one window's start to the next one's.
        targets: `last` or `sequence`.
        lead: Tokens before the text, all equal to its first one: that is the end of a document
            before the first, so each window is as good as the others.
        labels: The labels of the text's documents; None for none.

    Example:
        >>> windows = Windows(np.arange(7), maxlen=3, step=2, targets="last")
        >>> x, y = windows.take(np.arange(len(windows)))
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [2, 3, 4]], [3, 5])
    """

    ids: IdSequence
    maxlen: int
    step: int
    targets: str
    lead: int = 0
    labels: LabelSource | None = None

    def __len__(self) -> int:
        return count_windows(self.lead + len(self.ids), self.maxlen, self.step)

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[Ids, Ids]:
        """Windows and their targets.

        Args:
            indices: Which windows, shape (n,).

        Returns:
            Inputs of shape (n, maxlen); targets of shape (n,) for `last` and (n, maxlen) for
            `sequence`; both of the ids' dtype.
        """
        positions = self._positions(indices)
        ids = self.ids[positions]
        if self.targets == "last":
            return ids[:, :-1], ids[:, -1]
        return ids[:, :-1], ids[:, 1:]

    def make_batch(self, indices: npt.NDArray[np.int64]) -> Batch:
        """A batch of windows, as in `take`, with their labels."""
        label_ids = None
        if self.labels is not None:
            label_ids = self.labels.label_ids_at(self._positions(indices)[:, :-1])
        return make_batch(*self.take(indices), label_ids)

    def _positions(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        starts = indices.astype(np.int64) * self.step - self.lead
        positions: npt.NDArray[np.int64] = starts[:, None] + np.arange(self.maxlen + 1)
        return positions.clip(0)

    def shuffled_batches(
        self,
        batch_size: int,
        random_seed: int | Sequence[int],
        skip: int = 0,
        rows: slice = ALL_ROWS,
    ) -> Iterator[Batch]:
        """Batches of windows in random order, each window once, a last short batch left out.

        Args:
            batch_size: Windows in a batch; all windows if they are fewer.
            random_seed: One or more numbers that decide the order.
            skip: Batches to leave out at the beginning.
            rows: The rows of each batch to read.
        """
        order = Permutation(len(self), random_seed)
        size = min(batch_size, len(self))
        end = len(self) // size * size
        block = size * 256  # drawing an order for many batches at once costs little for each
        for first in range(skip * size, end, block):
            indices = order[np.arange(first, min(first + block, end))]
            for batch in indices.reshape(-1, size):
                yield self.make_batch(batch[rows])

    def ordered_batches(self, batch_size: int, rows: slice = ALL_ROWS) -> Iterator[Batch]:
        """All windows in order; a batch that is not full is padded with windows of weight zero.

        Args:
            batch_size: Windows in a batch.
            rows: The rows of each batch to read.
        """
        for first in range(0, len(self), batch_size):
            indices = np.arange(first, first + batch_size)[rows]
            x, y, weights = self.make_batch(np.minimum(indices, len(self) - 1))
            weights[indices >= len(self)] = 0
            yield x, y, weights
