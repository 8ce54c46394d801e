"""Characters into subwords, by the merges that were learned from a text."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.packages import is_installed
from textgen.text.tokens.words import WordSplitter

Merge = tuple[str, str]

LONGEST_SUBWORD = 32  # characters
_FAST_FROM = 1 << 22  # characters to encode; compiled code takes about as long to load
_WORDS_AT_MOST = 1 << 19  # in memory, with their subwords


def list_subwords(merges: Sequence[Merge]) -> tuple[str, ...]:
    """The distinct subwords that merges make, in order.

    Example:
        >>> list_subwords([("t", "h"), ("th", "e")])
        ('th', 'the')
    """
    return tuple(dict.fromkeys(first + second for first, second in merges))


def select_merges(merges: Sequence[Merge], characters: str) -> tuple[Merge, ...]:
    """The merges that can occur in a text with these characters.

    Example:
        >>> select_merges([("t", "h"), ("o", "n"), ("th", "e")], "eht")
        (('t', 'h'), ('th', 'e'))
    """
    known = set(characters)
    return tuple(merge for merge in merges if known.issuperset(merge[0] + merge[1]))


class SubwordEncoder:
    """Turns ids of characters into ids of tokens.

    A character has the same id in both. After the characters come the subwords, and then the ids
    that are no characters: for an unknown one, and for the document end.

    Args:
        characters: The characters in the order of their ids.
        merges: Which two tokens become one, in the order in which they were learned.

    Example:
        >>> encoder = SubwordEncoder(" eht", [("t", "h"), ("th", "e")])
        >>> encoder.encode(np.array([3, 2, 1, 0, 3, 2])).tolist()  # "the th"
        [5, 0, 4]
    """

    def __init__(self, characters: str, merges: Sequence[Merge]):
        from tokenizers import Tokenizer, models

        self._tokens = [*characters, *list_subwords(merges)]
        self._characters, self._added = characters, len(self._tokens) - len(characters)
        vocabulary = {token: number for number, token in enumerate(self._tokens)}
        self._tokenizer = Tokenizer(models.BPE(vocabulary, list(merges), cache_capacity=0))
        self._splitter = WordSplitter(characters)
        self._known = _Words(self._encode_word)
        self._merges, self._encoded = tuple(merges), 0

    def encode(self, ids: npt.NDArray[Any], expected: int = 0) -> npt.NDArray[np.int32]:
        """Turn ids of characters into ids of tokens.

        Args:
            ids: Ids of characters, of any integer type, shape (characters,). A negative one stays
                as it is.
            expected: How many there are to encode in all, if it is known.

        Returns:
            int32 of shape (tokens,).
        """
        if not len(ids):
            return np.zeros(0, np.int32)
        starts = self._splitter.starts(ids)
        self._encoded += len(ids)
        if max(self._encoded, expected) > _FAST_FROM and is_installed("numba"):
            fast: npt.NDArray[np.int32] = self._fast.encode(ids, starts)
            return fast
        return self._encode_plainly(ids, (4 * starts).tolist())

    @cached_property
    def _fast(self) -> Any:
        """The same in compiled code."""
        from textgen.text.tokens.fast_encode import FastEncoder

        id_of = {token: number for number, token in enumerate(self._tokens)}
        merges = [(id_of[a], id_of[b], id_of[a + b]) for a, b in self._merges]
        return FastEncoder(len(self._characters), merges, self._added)

    def _encode_plainly(self, ids: npt.NDArray[Any], starts: list[int]) -> npt.NDArray[np.int32]:
        data = ids.astype(np.int32).tobytes()
        ends = [*starts, len(data)][1:]
        words = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        if len(self._known) > _WORDS_AT_MOST:
            self._known.clear()
        return np.frombuffer(b"".join(map(self._known.__getitem__, words)), np.int32)

    def _encode_word(self, word: bytes) -> bytes:
        """The bytes of a word's token ids, from those of its characters' ids."""
        ids = np.frombuffer(word, np.int32)
        if len(ids) == 1:
            ids = ids + self._added * (ids >= len(self._characters))
        else:
            text = "".join(map(self._characters.__getitem__, ids.tolist()))
            ids = np.array(self._tokenizer.encode(text).ids)
        return bytes(ids.astype(np.int32))


class _Words(dict[bytes, bytes]):
    """Words that were encoded before; others are encoded when they are looked up."""

    def __init__(self, encode: Callable[[bytes], bytes]):
        super().__init__()
        self._encode = encode

    def __missing__(self, word: bytes) -> bytes:
        self[word] = encoded = self._encode(word)
        return encoded
