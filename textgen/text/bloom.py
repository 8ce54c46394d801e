"""A Bloom filter: a compact set of hashes, in which few others seem to be (Bloom 1970).

With 16 bits for each hash and eleven of them set, one in two thousand others seems to be in the
set. None that is in it is ever missed.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from textgen import storage

Hashes = npt.NDArray[np.uint64]

BITS = 16  # for each hash: 2 bytes
PROBES = 11  # bits that each hash sets: BITS times ln 2, which gives the fewest errors
_MAGIC = b"textgen bloom 1\n"
_BLOCK = 1 << 16  # hashes at a time
_MIXER = np.uint64(0xBF58476D1CE4E5B9)


class BloomFilter:
    """A set of hashes.

    Args:
        bits: The bits, eight in each uint8; their number is that of the hashes times BITS.

    Example:
        >>> bloom = BloomFilter.of([np.array([3, 5], np.uint64)], 2)
        >>> bloom.contains(np.array([5, 3], np.uint64)).tolist()
        [True, True]
    """

    def __init__(self, bits: npt.NDArray[np.uint8]):
        self._bits = bits

    @classmethod
    def of(cls, blocks: Iterable[Hashes], count: int) -> "BloomFilter":
        """The set of hashes that come in blocks.

        Args:
            blocks: Hashes whose bits are well mixed, uint64 of shape (hashes,) each.
            count: How many there are in all, about.
        """
        bits = np.zeros(max(1, count) * BITS // 8, np.uint8)
        bloom = cls(bits)
        for block in blocks:
            for first in range(0, len(block), _BLOCK):
                places = bloom._places(block[first : first + _BLOCK]).ravel()
                np.bitwise_or.at(bits, places >> 3, np.uint8(1) << (places & 7).astype(np.uint8))
        return bloom

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Whether each hash is in the set, or seems to be, shape (hashes,)."""
        places = self._places(hashes)
        set_bits = self._bits[places >> 3] >> (places & 7).astype(np.uint8)
        return np.asarray((set_bits & 1).all(axis=0))

    @property
    def false_positives(self) -> float:
        """The share of other hashes that seem to be in the set."""
        per_byte = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
        set_bits = np.bincount(self._bits, minlength=256) @ per_byte
        return float((set_bits / (8 * len(self._bits))) ** PROBES)

    def to_bytes(self) -> bytes:
        """The content of a file that `from_bytes` reads."""
        return _MAGIC + self._bits.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "BloomFilter":
        """The set that `to_bytes` wrote.

        Raises:
            DamageError: it is something else.
        """
        bits = np.frombuffer(data[len(_MAGIC) :], np.uint8)
        if not data.startswith(_MAGIC) or not len(bits) or len(bits) % (BITS // 8):
            raise storage.DamageError("not a set of hashes")
        return cls(bits)

    def _places(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """The bits of each hash, shape (PROBES, hashes) (Kirsch and Mitzenmacher 2006)."""
        steps = (hashes ^ (hashes >> np.uint64(32))) * _MIXER | np.uint64(1)
        probes = np.arange(PROBES, dtype=np.uint64)[:, None]
        places = (hashes + probes * steps) % np.uint64(8 * len(self._bits))
        return places.astype(np.int64)
