"""A text whose documents are read in a random order, without a copy of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.text.documents.index import DocumentPart
from textgen.text.documents.label_source import DocumentLabels
from textgen.text.permutation import Permutation
from textgen.text.vocabulary import Ids, IdSequence

_BLOCK = 128  # documents whose places are computed together; 8 bytes are kept for each block
_AT_ONCE = 512  # blocks that are looked through at once, at the start
Places = npt.NDArray[np.int64]


class ShuffledDocuments:
    """The ids of documents in a random order, packed: END, then each document with its END.

    Only the cumulative length of each block of documents is kept. The places of the documents in a
    block are computed when they are needed, for all rows of some batches at once.

    Args:
        ids: Ids of the documents, in their own order, with an END before the first.
        part: Where they are.
        random_seed: One or more numbers that decide the order.
        labels: With which labels documents are read; None for none.

    Example:
        >>> part = DocumentPart(np.array([1, 3, 6]), np.zeros((2, 0), np.uint8))
        >>> ids = np.array([9, 1, 9, 2, 3, 9])  # END a END b c END
        >>> ShuffledDocuments(ids, part, random_seed=0)[:].tolist()
        [9, 2, 3, 9, 1, 9]
    """

    def __init__(
        self,
        ids: IdSequence,
        part: DocumentPart,
        random_seed: int | Sequence[int],
        labels: DocumentLabels | None = None,
    ):
        self._ids, self._part, self._labels = ids, part, labels
        self._order = Permutation(len(part), random_seed)
        self._last: tuple[Places, Places] | None = None
        lengths = np.zeros(-(-len(part) // _BLOCK), np.int64)
        for first in range(0, len(lengths), _AT_ONCE):
            blocks = np.arange(first, min(first + _AT_ONCE, len(lengths)))
            documents = self._documents(blocks)
            each = part.starts[documents + 1] - part.starts[documents]
            lengths[blocks] = np.add.reduceat(each, np.arange(0, len(each), _BLOCK))
        self._block_starts = np.concatenate([[0], np.cumsum(lengths)]) + 1

    def __len__(self) -> int:
        return int(self._part.starts[-1])

    def __getitem__(self, key: slice | npt.NDArray[np.int64]) -> Ids:
        """Ids at some places of the shuffled text: a slice without a step, or any array."""
        if isinstance(key, slice):
            key = np.arange(*key.indices(len(self)))
        slots, lengths, offsets, _ = self._locate(key)
        real = key.ravel() + np.repeat(offsets[slots], lengths)
        ids: Ids = self._ids[real].reshape(key.shape)
        return ids

    def label_ids_at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Ids of the labels that the inputs at some places are read with, as in `LabelSource`."""
        if self._labels is None:
            return np.zeros((*positions.shape, 0), np.int32)
        # What is read belongs to the document that the next token is of.
        slots, lengths, _, documents = self._locate(np.minimum(positions + 1, len(self) - 1))
        label_ids = self._labels.of_documents(documents)[slots]
        return np.repeat(label_ids, lengths, axis=0).reshape(*positions.shape, -1)

    def _documents(self, blocks: Places) -> Places:
        """The documents of some blocks, in their order."""
        if self._last is not None and np.array_equal(blocks, self._last[0]):
            return self._last[1]  # labels are read where ids were
        numbers = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
        documents = self._order[numbers[numbers < len(self._part)]]
        self._last = blocks, documents
        return documents

    def _locate(self, positions: Places) -> tuple[Places, Places, Places, Places]:
        """Where places of the shuffled text are.

        Args:
            positions: Any shape. The fewer runs of consecutive numbers it has, the sooner it is
                done.

        Returns:
            Slots of the documents that the places are in, one after the other, and the number of
            places in each; for each slot, what to add to a place to get that of the id, and the
            number of the document.
        """
        flat = positions.ravel()
        if not flat.size:
            empty = np.zeros(0, np.int64)
            return empty, empty, empty, empty
        breaks = np.flatnonzero(flat[1:] != flat[:-1] + 1) + 1
        firsts = flat[np.concatenate([[0], breaks])]
        lasts = flat[np.concatenate([breaks, [flat.size]]) - 1]
        blocks = np.unique(_join_ranges(*(self._find_blocks(places) for places in (firsts, lasts))))
        documents = self._documents(blocks)
        real = self._part.starts[documents]
        lengths = self._part.starts[documents + 1] - real
        starts = np.cumsum(lengths) - lengths
        # Blocks that are not read lie between those that are.
        in_block = np.arange(len(documents)) // _BLOCK
        starts += (self._block_starts[blocks] - starts[::_BLOCK])[in_block]
        offsets, ends = real - starts, starts + lengths
        if blocks[0] == 0:
            starts[0] = 0  # the END before the first document is read with it
        first_slots, last_slots = (
            np.searchsorted(starts, places, side="right") - 1 for places in (firsts, lasts)
        )
        slots, counts = _join_ranges(first_slots, last_slots), last_slots - first_slots + 1
        begins = np.maximum(starts[slots], np.repeat(firsts, counts))
        ends = np.minimum(ends[slots], np.repeat(lasts + 1, counts))
        return slots, ends - begins, offsets, documents

    def _find_blocks(self, positions: Places) -> Places:
        return np.maximum(np.searchsorted(self._block_starts, positions, side="right") - 1, 0)


def _join_ranges(firsts: Places, lasts: Places) -> Places:
    """All numbers of some ranges, one range after the other.

    Example:
        >>> _join_ranges(np.array([1, 7]), np.array([3, 7])).tolist()
        [1, 2, 3, 7]
    """
    counts = lasts - firsts + 1
    before = np.cumsum(counts) - counts
    return np.repeat(firsts - before, counts) + np.arange(counts.sum())
