"""How many rows a step computes, for a text to be the same whatever else is in the batch.

Libraries choose the kernel of a matrix product by its size. Two kernels add the same numbers up in
another order, so the last bits of a text's logits can depend on how many texts are read side by
side, and at last the text can. From some size on, the library here may always choose the same
kernel: then a few rows that nobody uses make small batches large enough.
"""

import numpy as np

from textgen.sampling.cells import Floats
from textgen.sampling.readers import TextRows

_STEPS = 3  # the second one needs the products of the first with every matrix
_LOGITS = 2000  # compared for each number of rows: a few may be equal by chance
_STRIDE = 8  # rows between two numbers: kernels take about as long for all between


def find_batch_sizes(reader: TextRows, vocabulary_size: int) -> tuple[int, ...]:
    """Numbers of rows with which a text's logits depend on nothing but the text.

    They depend neither on the number of rows nor on the text's row, to the last bit. Small numbers
    and multiples of eight are tried, each one, since what is true of one need not be true of a
    larger one.

    Args:
        reader: Reads nothing else.
        vocabulary_size: Number of ids.

    Returns:
        Those that will do, the smallest first; the last one is the reader's capacity.

    Example:
        >>> find_batch_sizes(network.rows(32), vocabulary_size)  # doctest: +SKIP
        (4, 8, 16, 24, 32)
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

    def will_do(rows: int) -> bool:
        parts = min(-(-_LOGITS // (rows * vocabulary_size)), capacity)
        # Texts come to other rows, and different ones are read each time.
        shifts = ((1 + part) * rows for part in range(parts))
        return all(
            (read(rows, shift) == np.roll(full, shift, axis=0)[:rows]).all() for shift in shifts
        )

    full = read(capacity, 0).copy()
    numbers = {1, 2, 3, 4, *range(_STRIDE, capacity, _STRIDE)}
    sizes = [rows for rows in sorted(numbers) if rows < capacity and will_do(rows)]
    return (*sizes, capacity)
