"""Hashes of documents: for the split, for duplicates, and to recognize copies."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.documents.markers import DOCUMENT_END

END_CODE = ord(DOCUMENT_END)

Hashes = npt.NDArray[np.uint64]

# A polynomial over code points, modulo 2**64. The base is odd, so powers have inverses. It is 5
# modulo 8, so the hashes of long runs of one character differ.
_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64
_BLOCK = 1 << 16  # characters at a time: their arrays fit in the processor's cache
_TEXTS = 4096  # joined at a time


class DocumentHasher:
    """Hashes documents that come in blocks, which may end anywhere.

    Example:
        >>> hasher, codes = DocumentHasher(), marked_code_points(f"ab{DOCUMENT_END}c")
        >>> hasher.add(codes, np.array([2])).tolist() == hash_texts(["ab"]).tolist()
        True
    """

    def __init__(self) -> None:
        self._unfinished = 0  # the polynomial of the document that has not ended yet
        self._length = 0  # its characters

    def add(self, codes: npt.NDArray[Any], ends: npt.NDArray[np.int64]) -> Hashes:
        """Hash the next block.

        Args:
            codes: Code points, shape (characters,), any integer type; those at `ends` have no
                effect.
            ends: The places of document ends, shape (documents,).

        Returns:
            The hashes of the documents that end in the block, shape (documents,).
        """
        hashes = np.empty(len(ends), np.uint64)
        for first in range(0, len(codes), _BLOCK):
            block = codes[first : first + _BLOCK]
            a, b = np.searchsorted(ends, (first, first + len(block)))
            hashes[a:b] = self._add_block(block, ends[a:b] - first)
        return hashes

    def _add_block(self, codes: npt.NDArray[Any], ends: npt.NDArray[np.int64]) -> Hashes:
        powers, inverses = _powers()
        terms = codes.astype(np.uint64)
        terms *= powers[: len(codes)]
        terms[ends] = 0
        starts = np.append(0, ends + 1)  # of each document, and of the one that does not end here
        polynomials = np.add.reduceat(terms, starts[starts < len(codes)])
        polynomials *= inverses[starts[: len(polynomials)]]
        lengths = np.diff(starts, append=len(codes)) - 1
        self._continue(int(polynomials[0]), int(ends[0] if len(ends) else len(codes)))
        if not len(ends):
            return polynomials[:0]
        hashes = polynomials[: len(ends)]
        hashes[0], lengths[0] = self._unfinished, self._length
        has_rest = len(polynomials) > len(ends)
        self._unfinished = int(polynomials[-1]) if has_rest else 0
        self._length = len(codes) - int(starts[-1])
        return _mix(hashes ^ _mix(lengths[: len(ends)].astype(np.uint64)))

    def _continue(self, polynomial: int, length: int) -> None:
        """Add the beginning of a block to the document that has not ended."""
        self._unfinished += polynomial * pow(_BASE, self._length, _MODULUS)
        self._unfinished %= _MODULUS
        self._length += length


def hash_documents(codes: npt.NDArray[Any], ends: npt.NDArray[np.int64]) -> Hashes:
    """The hashes of whole documents.

    Args:
        codes: Their code points, each document followed by one more that has no effect.
        ends: The places of these.

    Returns:
        uint64 array of shape (documents,).
    """
    return DocumentHasher().add(codes, ends)


def hash_texts(texts: Iterable[str]) -> Hashes:
    """The hashes of documents that are texts in memory.

    Example:
        >>> first, second, third = hash_texts(["a name", "another", "a name"])
        >>> first == third, first == second
        (np.True_, np.False_)
    """
    return np.concatenate([np.empty(0, np.uint64), *_hash_batches(texts)])


def _hash_batches(texts: Iterable[str]) -> Iterator[Hashes]:
    texts = iter(texts)
    while batch := list(islice(texts, _TEXTS)):
        codes = marked_code_points("".join(f"{text}{DOCUMENT_END}" for text in batch))
        ends = np.cumsum([len(text) + 1 for text in batch]) - 1
        yield hash_documents(codes, ends)


def marked_code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text with marked document ends, shape (characters,).

    Encoding such a text with `surrogatepass` would take sixty times as long.
    """
    return np.frombuffer(np.array(text), np.uint32)[: len(text)]


@cache
def _powers() -> tuple[Hashes, Hashes]:
    """The powers of the base up to a block's length, and their inverses."""
    inverse = pow(_BASE, -1, _MODULUS)
    powers = [np.full(_BLOCK + 1, base, np.uint64) for base in (_BASE, inverse)]
    for power in powers:
        power[0] = 1
        np.cumprod(power, out=power)
    return powers[0], powers[1]


def _mix(values: Hashes) -> Hashes:
    """Spread every bit over all bits: the finalizer of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
