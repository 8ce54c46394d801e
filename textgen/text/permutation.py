"""A random order of a large number of windows, in constant memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class Permutation:
    """A random order of the numbers 0 to n - 1 in constant memory, however large n is.

    A Feistel network over the numbers below the next power of four is a bijection whatever its
    round function is; results of n or above are encrypted again until they are below n (cycle
    walking, Black and Rogaway 2002). The round function is the finalizer of SplitMix64 (Steele,
    Lea and Flood 2014) over the half block and the round's key.

    Args:
        n: How many numbers.
        random_seed: One or more numbers that decide the order.

    Example:
        >>> sorted(Permutation(5, random_seed=1)[np.arange(5)].tolist())
        [0, 1, 2, 3, 4]
    """

    _ROUNDS = 6

    def __init__(self, n: int, random_seed: int | Sequence[int]):
        self._n = n
        self._half = np.uint64(max(1, -(-max(1, (n - 1).bit_length()) // 2)))
        self._mask = (np.uint64(1) << self._half) - np.uint64(1)
        self._keys = np.random.default_rng(random_seed).integers(0, 2**64, self._ROUNDS, np.uint64)

    def __getitem__(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers at some positions of the order, shape (k,)."""
        numbers = self._encrypt(positions.astype(np.uint64))
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
