"""How many rows a step has to compute for a text to be the same whoever else is in the batch.

Libraries choose the kernel of a matrix product by its size. Two kernels add the same numbers up in
another order, so the last bits of a text's logits can depend on how many texts are read side by
side, and at last the text can. From some size on, the library here may always choose the same
kernel: then a few rows that nobody uses make small batches large enough.
"""

from collections.abc import Iterator

import numpy as np

from textgen.sampling.cells import Floats
from textgen.sampling.context import WindowRows
from textgen.sampling.readers import Rows

_STEPS = 3  # the second one needs the products of the first with every matrix
_LOGITS = 2000  # compared for each number of rows: a few may be equal by chance


def find_least_rows(reader: Rows | WindowRows, vocabulary_size: int) -> Iterator[int]:
    """The numbers of rows from which on a text's logits depend on nothing but the text.

    They depend neither on the number of rows nor on the text's row, to the last bit. Every number
    is tried, from the largest down to the first one with other bits, since what is true of one
    need not be true of a larger one.

    Args:
        reader: Reads nothing else.
        vocabulary_size: Number of ids.

    Yields:
        The reader's capacity, and then smaller and smaller numbers, each after a few steps; the
        last one is the smallest that will do.

    Example:
        >>> min(find_least_rows(network.rows(64), vocabulary_size))  # doctest: +SKIP
        4
    """
    capacity = reader.capacity
    shape = (_STEPS, capacity)
    sequences = np.random.default_rng(0).integers(vocabulary_size, size=shape)

    def read(rows: int, shift: int) -> Floats:
        """Logits of the first rows, to which all texts are shifted in a circle."""
        reader.reset(slice(rows))
        for ids in np.roll(sequences, shift, axis=1):
            logits = reader.step(ids[:rows])
        return logits

    def is_equal(rows: int, shift: int) -> bool:
        expected = np.roll(full, shift, axis=0)[:rows]
        return bool((read(rows, shift) == expected).all())

    yield capacity
    full = read(capacity, 0).copy()
    for rows in range(capacity - 1, 0, -1):
        parts = -(-_LOGITS // (rows * vocabulary_size))
        # Texts come to other rows, and different ones are read each time.
        if not all(is_equal(rows, (1 + part) * rows) for part in range(min(parts, capacity))):
            return
        yield rows
