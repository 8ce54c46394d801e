"""A random order of a large number of windows or documents, in constant memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]


class Permutation:
    """A random order of the numbers 0 to n - 1 in constant memory, however large n is.

    A Feistel network over the numbers below the next power of two is a bijection whatever its
    round function is; results of n or above are encrypted again until they are below n (cycle
    walking, Black and Rogaway 2002). The round function mixes a half of the number and the round's
    key.

    Args:
        n: How many numbers.
        random_seed: One or more numbers that decide the order.

    Example:
        >>> sorted(Permutation(5, random_seed=1)[np.arange(5)].tolist())
        [0, 1, 2, 3, 4]
    """

    _ROUNDS = 6

    def __init__(self, n: int, random_seed: int | Sequence[int]):
        self._n, bits = n, max(1, (n - 1).bit_length())
        self._right_bits = -(-bits // 2)
        self._left_mask = np.uint32((1 << bits - self._right_bits) - 1)
        self._right_mask = np.uint32((1 << self._right_bits) - 1)
        self._keys = np.random.default_rng(random_seed).integers(0, 2**32, self._ROUNDS, np.uint32)

    def __getitem__(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers at some positions of the order, shape (k,)."""
        numbers = self._encrypt(positions)
        while len(outside := np.flatnonzero(numbers >= self._n)):
            numbers[outside] = self._encrypt(numbers[outside])
        return numbers

    def _encrypt(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        # Half of a number has 32 bits at most: arithmetic on these is the fastest.
        left = (numbers >> self._right_bits).astype(np.uint32)
        right = numbers.astype(np.uint32) & self._right_mask
        for number, key in enumerate(self._keys):
            if number % 2:
                right ^= mix(left + key) & self._right_mask
            else:
                left ^= mix(right + key) & self._left_mask
        return (left.astype(np.int64) << self._right_bits) | right


def mix(words: Words) -> Words:
    """Random numbers, each of which follows from another: the finalizer of MurmurHash3 (Appleby).

    Args:
        words: The others; overwritten.
    """
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x85EBCA6B)
    words ^= words >> np.uint32(13)
    words *= np.uint32(0xC2B2AE35)
    words ^= words >> np.uint32(16)
    return words
