"""Windows, targets, one-hot tensors and carried streams: what a training batch is.

Knows ids as NumPy arrays (in memory or mapped from a file) and arithmetic on their positions;
knows nothing of files, characters, Keras or networks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[Any]

_ALL = slice(None)


class Readable(Protocol):
    """Ids of a text, shape (characters,): an array, or what can be read like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...


Batch = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]


def window_count(characters: int, maxlen: int, step: int) -> int:
    """How many windows a text has.

    A window needs the character after it as well, since that is what it is to predict.

    Args:
        characters: Length of the text.
        maxlen: Characters in a window.
        step: Characters from one window's start to the next one's.

    Example:
        >>> window_count(10, maxlen=4, step=3)  # they start at 0 and 3
        2
    """
    return max(0, -(-(characters - maxlen) // step))


def training_characters(characters: int, validation: float) -> int:
    """How many characters, from the start, are for training; the rest is for validation.

    Example:
        >>> training_characters(1_115_394, 0.1)
        1003854
    """
    # Parts per million in whole numbers: 1 - 0.1 is not exact in floating point.
    return characters * (1_000_000 - round(validation * 1_000_000)) // 1_000_000


def characters_needed(training: int, validating: int, validation: float) -> int | None:
    """How many characters a text must have for parts of a length.

    Args:
        training: Characters of the training part, at least.
        validating: Characters of the validation part, at least; 0 for any number.
        validation: Share of the text that is for validation.

    Returns:
        The number; None where no text is long enough, since a part is always empty.

    Example:
        >>> characters_needed(41, 41, 0.1)
        401
    """
    million = 1_000_000
    share = round(validation * million)
    if share == million or (validating and not share):
        return None
    needed = -(-training * million // (million - share))
    return max(needed, (validating - 1) * million // share + 1) if validating else needed


@dataclass(frozen=True)
class Windows:
    """The overlapping windows of a text, read when they are asked for.

    Attributes:
        ids: Ids of the text, shape (characters,), any integer type.
        maxlen: Characters in a window.
        step: Characters from one window's start to the next one's.
        targets: `last` or `sequence`.

    Example:
        >>> windows = Windows(np.arange(7), maxlen=3, step=2, targets="last")
        >>> x, y = windows.take(np.arange(len(windows)))
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [2, 3, 4]], [3, 5])
    """

    ids: Readable
    maxlen: int
    step: int
    targets: str

    def __len__(self) -> int:
        return window_count(len(self.ids), self.maxlen, self.step)

    def take(self, numbers: npt.NDArray[np.int64]) -> tuple[Ids, Ids]:
        """Windows and their targets.

        Args:
            numbers: Which windows, shape (n,).

        Returns:
            Inputs of shape (n, maxlen); targets of shape (n,) for `last` and (n, maxlen) for
            `sequence`; both of the ids' dtype.
        """
        starts = numbers.astype(np.int64) * self.step
        if self.targets == "last":
            x = self.ids[starts[:, None] + np.arange(self.maxlen)]
            return x, self.ids[starts + self.maxlen]
        both = self.ids[starts[:, None] + np.arange(self.maxlen + 1)]
        return both[:, :-1], both[:, 1:]

    def shuffled(
        self,
        batch_size: int,
        seed: int | Sequence[int],
        begin: int = 0,
        rows: slice = _ALL,
    ) -> Iterator[Batch]:
        """Batches of windows in random order, each window once, a last short batch left out.

        Args:
            batch_size: Windows in a batch; all there are where they are fewer.
            seed: One or more numbers that decide the order.
            begin: Batches to pass over.
            rows: Those of each batch that are read.
        """
        order = Permutation(len(self), seed)
        size = min(batch_size, len(self))
        whole = len(self) // size * size
        block = size * 256  # drawing an order for many batches at once costs little for each
        for first in range(begin * size, whole, block):
            numbers = order[np.arange(first, min(first + block, whole))]
            for batch in numbers.reshape(-1, size):
                yield _batch(*self.take(batch[rows]))

    def in_order(self, batch_size: int, rows: slice = _ALL) -> Iterator[Batch]:
        """All windows in order; a batch that is not full is filled up with windows of weight zero.

        Args:
            batch_size: Windows in a batch.
            rows: Those of each batch that are read.
        """
        for first in range(0, len(self), batch_size):
            numbers = np.arange(first, first + batch_size)[rows]
            x, y, weights = _batch(*self.take(np.minimum(numbers, len(self) - 1)))
            weights[numbers >= len(self)] = 0
            yield x, y, weights


@dataclass(frozen=True)
class Streams:
    """A text as parallel streams that consecutive batches go through side by side.

    Row r of every batch goes on where row r of the batch before ended, so that the recurrent
    state of the one can be the initial state of the next: truncated back-propagation through
    time (Williams and Peng 1990).

    Attributes:
        ids: Ids of the text, shape (characters,), any integer type.
        count: Number of streams, the batch's rows.
        maxlen: Characters of each stream in a batch.
        rows: Those streams that are read.

    Example:
        >>> streams = Streams(np.arange(9), count=2, maxlen=2)
        >>> [x.tolist() for x, _, _ in streams.whole()]
        [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """

    ids: Readable
    count: int
    maxlen: int
    rows: slice = field(default_factory=lambda: _ALL)

    def __len__(self) -> int:
        """Batches that are whole."""
        return (len(self.ids) - 1) // self.count // self.maxlen

    @property
    def extent(self) -> slice:
        """The part of the text that `whole` reads.

        Example:
            >>> Streams(np.arange(9), count=2, maxlen=2, rows=slice(1, 2)).extent
            slice(4, 9, None)
        """
        length = (len(self.ids) - 1) // self.count
        first, last, _ = self.rows.indices(self.count)
        return slice(first * length, last * length + 1)

    def whole(self, offset: int = 0, begin: int = 0) -> Iterator[Batch]:
        """Batches of shape (rows, maxlen); the streams' ends that do not fill one are left out.

        Args:
            offset: Characters at the beginning of each stream to leave out.
            begin: Batches to pass over.
        """
        length = (len(self.ids) - 1) // self.count
        starts = np.arange(self.count)[self.rows] * length
        for first in range(offset + begin * self.maxlen, length - self.maxlen + 1, self.maxlen):
            both = self.ids[(starts + first)[:, None] + np.arange(self.maxlen + 1)]
            yield _batch(both[:, :-1], both[:, 1:])

    def every(self, lead: int = 0) -> Iterator[Batch]:
        """Batches of shape (rows, maxlen) that predict each character but the first just once.

        Positions past a stream's end repeat the text's last character and have weight zero.

        Args:
            lead: Characters before each stream to read first, with weight zero, so that it does
                not begin without context; before the text its first character is repeated.
        """
        predicted = len(self.ids) - 1
        length = -(-predicted // self.count)
        starts = np.arange(self.count)[self.rows, None] * length
        for first in range(-lead, length, self.maxlen):
            offsets = first + np.arange(self.maxlen)
            places = np.clip(starts + offsets, 0, predicted - 1)
            inside = (offsets >= 0) & (offsets < length) & (starts + offsets < predicted)
            x, y, _ = _batch(self.ids[places], self.ids[places + 1])
            yield x, y, inside.astype(np.float32)


def _batch(x: Ids, y: Ids) -> Batch:
    return x.astype(np.int32), y.astype(np.int32), np.ones(y.shape, np.float32)


def with_noise(
    x: npt.NDArray[np.int32],
    share: float,
    seed: int | Sequence[int],
    count: int,
    rows: slice = _ALL,
) -> npt.NDArray[np.int32]:
    """Inputs with some characters replaced by others of their row, drawn by chance.

    Unigram noising (Xie et al. 2017); the characters are those of the row, so that nothing more of
    the text has to be read.

    Args:
        x: Ids, shape (rows, maxlen).
        share: How many are replaced: each is with this probability.
        seed: One or more numbers that decide which, and by what.
        count: Rows of the whole batch.
        rows: Those of them that `x` has.

    Returns:
        Ids of the same shape and dtype.

    Example:
        >>> with_noise(np.array([[1, 2, 3, 4]], np.int32), 0.5, seed=0, count=1).tolist()
        [[1, 4, 3, 4]]
    """
    generator = np.random.default_rng(seed)
    replaced = generator.random((count, x.shape[1]))[rows] < share
    places = generator.integers(x.shape[1], size=(count, x.shape[1]))[rows]
    return np.where(replaced, np.take_along_axis(x, places, axis=1), x)


def kept_rows(
    reset: float | npt.NDArray[np.float64],
    seed: int | Sequence[int],
    count: int,
    rows: slice = _ALL,
) -> npt.NDArray[np.float32]:
    """Which rows of a batch keep their carried state; the others start from a zero state.

    Args:
        reset: The probability to start from a zero state: of all rows, or of each of those that
            are returned, shape (rows,).
        seed: One or more numbers that decide which rows do.
        count: Rows of the whole batch.
        rows: Those of them that are returned.

    Returns:
        float32 of shape (rows, 1): 1 for a row that keeps its state, 0 for the others.

    Example:
        >>> kept_rows(0.5, seed=0, count=4).tolist()
        [[1.0], [0.0], [0.0], [0.0]]
    """
    drawn = np.random.default_rng(seed).random(count)[rows]
    return (drawn >= reset).astype(np.float32)[:, None]


def one_hot(ids: Ids, size: int) -> npt.NDArray[np.bool_]:
    """One-hot vectors of ids.

    Args:
        ids: Integers below `size`, any shape.
        size: Length of a vector: the vocabulary's size.

    Returns:
        bool array of shape (*ids.shape, size), true at each id.

    Example:
        >>> one_hot(np.array([1, 0]), 3).astype(int).tolist()
        [[0, 1, 0], [1, 0, 0]]
    """
    vectors = np.zeros((ids.size, size), np.bool_)
    vectors[np.arange(ids.size), ids.ravel()] = True
    return vectors.reshape(*ids.shape, size)


def one_hot_shapes(windows: Windows, size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of the classic one-hot tensors X and y of all windows of a text."""
    n, maxlen = len(windows), windows.maxlen
    return (n, maxlen, size), (n, size) if windows.targets == "last" else (n, maxlen, size)


def one_hot_pieces(
    windows: Windows, size: int, at_most: int
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """X and y of all windows, cut along the first axis into pieces of a bounded size.

    Args:
        windows: The windows of a text.
        size: The vocabulary's size.
        at_most: Bytes that a piece of X may have; a single window is never cut.
    """
    n = max(1, at_most // (windows.maxlen * size))
    for first in range(0, len(windows), n):
        x, y = windows.take(np.arange(first, min(first + n, len(windows))))
        yield one_hot(x, size), one_hot(y, size)


class Permutation:
    """A random order of the numbers 0 to n - 1 that takes no memory, however large n is.

    A Feistel network over the numbers below the next power of four is a bijection whatever its
    round function is; numbers that come out at n or above are sent through again until they fall
    inside (cycle walking, Black and Rogaway 2002). The round function is the finalizer of
    SplitMix64 (Steele, Lea and Flood 2014) over the half block and the round's key.

    Args:
        n: How many numbers.
        seed: One or more numbers that decide the order.

    Example:
        >>> sorted(Permutation(5, seed=1)[np.arange(5)].tolist())
        [0, 1, 2, 3, 4]
    """

    _ROUNDS = 6

    def __init__(self, n: int, seed: int | Sequence[int]):
        self._n = n
        self._half = np.uint64(max(1, -(-max(1, (n - 1).bit_length()) // 2)))
        self._mask = (np.uint64(1) << self._half) - np.uint64(1)
        self._keys = np.random.default_rng(seed).integers(0, 2**64, self._ROUNDS, np.uint64)

    def __getitem__(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers at some places of the order, shape (k,)."""
        numbers = self._encrypt(places.astype(np.uint64))
        while (outside := numbers >= self._n).any():
            numbers[outside] = self._encrypt(numbers[outside])
        return numbers.astype(np.int64)

    def _encrypt(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right + key) & self._mask)
        return (left << self._half) | right


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
