"""The vocabulary: which token, a character or a subword, has which id."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise, repeat
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import CorpusError
from textgen.text.tokens.subwords import LONGEST_SUBWORD, Merge, SubwordEncoder, list_subwords

Ids = npt.NDArray[Any]  # of any integer type


class IdSequence(Protocol):
    """Ids of a text, shape (tokens,): an array, or an object that can be indexed like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...


CODE_POINTS = 0x110000
UNKNOWN = "\ufffd"  # the character for ids without one


@dataclass(frozen=True)
class Vocabulary:
    """The distinct tokens of a corpus: its characters, sorted, and the subwords made of them.

    The ids: characters, subwords, the unknown id if there is one, the document end if there is one.

    Attributes:
        characters: The characters in the order of their code points.
        has_unknown: Whether all rarer characters share one id.
        has_document_end: Whether the last id ends a document; it is no character.
        merges: Which two tokens become one, in the order in which they were learned; empty for a
            vocabulary of characters.

    Example:
        >>> vocabulary = Vocabulary("abc")
        >>> vocabulary.encode("cab").tolist(), vocabulary.decode([2, 0, 1])
        ([2, 0, 1], 'cab')
        >>> Vocabulary("abc", merges=(("a", "b"),)).encode("cab").tolist()
        [2, 3]
    """

    characters: str
    has_unknown: bool = False
    has_document_end: bool = False
    merges: tuple[Merge, ...] = ()

    @property
    def size(self) -> int:
        """Number of ids."""
        return self._unknown_place + self.has_unknown + self.has_document_end

    @property
    def unknown_id(self) -> int | None:
        """The id of rarer characters, which sampling never emits."""
        return self._unknown_place if self.has_unknown else None

    @property
    def document_end_id(self) -> int | None:
        """The id that ends a document, and that every document is read after."""
        return self.size - 1 if self.has_document_end else None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(self.size - 1)

    @cached_property
    def subwords(self) -> tuple[str, ...]:
        """The tokens of several characters, in the order of their ids."""
        return list_subwords(self.merges)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The characters and the subwords, in the order of their ids."""
        return (*self.characters, *self.subwords)

    @cached_property
    def table(self) -> Sequence[str]:
        """The text of each id; U+FFFD for the unknown id and the document end."""
        others = UNKNOWN * (self.has_unknown + self.has_document_end)
        return (*self.tokens, *others) if self.merges else self.characters + others

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of characters of each id, shape (size,).

        1 for the unknown id and for the document end.
        """
        return np.array([len(text) for text in self.table], np.int64)

    def count_characters(self, ids: npt.NDArray[Any]) -> int:
        """How many characters ids have; the unknown id and the document end count as one.

        Args:
            ids: Ids of this vocabulary, of any shape.
        """
        return int(self.lengths[ids].sum()) if self.merges else ids.size

    @property
    def character_vocabulary(self) -> "Vocabulary":
        """The same without subwords."""
        return replace(self, merges=()) if self.merges else self

    @property
    def _unknown_place(self) -> int:
        return len(self.characters) + len(self.subwords)

    @cached_property
    def _text_of(self) -> dict[int, str]:
        texts = dict(enumerate(self.table))
        if self.document_end_id is not None:
            texts[self.document_end_id] = ""
        return texts

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint32]:
        return to_code_points(self.characters)

    @cached_property
    def _subword_encoder(self) -> SubwordEncoder:
        return SubwordEncoder(self.characters, self.merges)

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """Turn text into ids.

        Args:
            text: Any text.

        Returns:
            int64 array of shape (tokens,), one token for each character unless there are subwords;
            -1 for a character that is not in the vocabulary.
        """
        ids = self.encode_characters(text)
        return self.merge(ids).astype(np.int64) if self.merges else ids

    def encode_characters(self, text: str) -> npt.NDArray[np.int64]:
        """Turn text into ids of characters, as `encode` does without subwords."""
        # Half a surrogate pair is in no vocabulary.
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        places = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        return np.where(self._codes[places] == codes, places, -1)

    def merge(self, ids: npt.NDArray[Any], expected: int = 0) -> npt.NDArray[Any]:
        """Turn ids of `character_vocabulary` into ids of this vocabulary.

        Args:
            ids: Ids of whole words, shape (characters,); -1 stays as it is.
            expected: How many are to be merged in all calls, if it is known.
        """
        return self._subword_encoder.encode(ids, expected) if self.merges else ids

    def decode(self, ids: Iterable[Any]) -> str:
        """Turn ids into text.

        Args:
            ids: Integers. The unknown id, and any integer that is no id (such as the -1 that
                `encode` gives for a character outside the vocabulary), becomes U+FFFD; the document
                end is left out.
        """
        return "".join(map(self._text_of.get, ids, repeat(UNKNOWN)))

    def to_bytes(self) -> bytes:
        """The content of vocabulary.json; without documents and subwords as in version 0.1.0."""
        values = asdict(self)
        if not self.has_document_end:
            del values["has_document_end"]
        if not self.merges:
            del values["merges"]
        return storage.encode_json(values)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Vocabulary":
        """The vocabulary that `to_bytes` wrote.

        Raises:
            DamageError: it is something else, its characters are not distinct and sorted, or a
                merge is not of two tokens before it.
        """
        loaded = storage.parse_json(data, dict)
        characters = storage.get_item(loaded, "characters", str)
        has_unknown = storage.get_item(loaded, "has_unknown", bool)
        has_document_end = "has_document_end" in loaded and storage.get_item(
            loaded, "has_document_end", bool
        )
        merges = storage.get_item(loaded, "merges", list) if "merges" in loaded else []
        optional = ("has_document_end" in loaded) + ("merges" in loaded)
        if not characters or len(loaded) != 2 + optional:
            raise storage.DamageError("not a vocabulary")
        if any(a >= b for a, b in pairwise(characters)):
            raise storage.DamageError("characters must be distinct and sorted")
        check_text(characters)
        return cls(characters, has_unknown, has_document_end, _check_merges(characters, merges))


def _check_merges(characters: str, merges: Sequence[Any]) -> tuple[Merge, ...]:
    """Merges of a file, as tuples.

    Raises:
        DamageError: one is not of two tokens before it, is there twice, or is too long.
    """
    tokens, checked = set(characters), dict[Merge, None]()
    for merge in merges:
        if (
            not isinstance(merge, list)
            or len(merge) != 2
            or not all(isinstance(part, str) and part in tokens for part in merge)
        ):
            raise storage.DamageError("a merge must be of two tokens before it")
        first, second = merge
        if (first, second) in checked:
            raise storage.DamageError("merges must be distinct")
        if len(first) + len(second) > LONGEST_SUBWORD or "\n" in (first, second):
            raise storage.DamageError("a subword is too long, or has a line end")
        checked[first, second] = None
        tokens.add(first + second)
    return tuple(checked)


def check_text(text: str) -> None:
    """Raise `DamageError` where a text has half of a surrogate pair, which JSON can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise storage.DamageError(f"U+{code:04X} is half of a surrogate pair") from None


def build_vocabulary(counts: npt.NDArray[np.int64], min_count: int = 1) -> tuple[Vocabulary, int]:
    """Build the vocabulary of a text whose characters have been counted.

    Args:
        counts: How often each code point occurs, shape (CODE_POINTS,).
        min_count: Characters that occur fewer times share the unknown id.

    Returns:
        The vocabulary; how many characters of the text become the unknown id.

    Raises:
        CorpusError: every character occurs fewer than `min_count` times.
    """
    codes = np.flatnonzero(counts)
    rare = counts[codes] < min_count
    if rare.all():
        raise CorpusError(
            f"no character occurs {min_count} times or more; give a smaller --min-count"
        )
    vocabulary = Vocabulary(from_code_points(codes[~rare]), has_unknown=bool(rare.any()))
    return vocabulary, int(counts[codes[rare]].sum())


def from_code_points(codes: npt.NDArray[Any]) -> str:
    """The text of code points."""
    return codes.astype("<u4").tobytes().decode("utf-32-le")


def to_code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text, shape (characters,).

    Raises:
        CorpusError: the text has half a surrogate pair, which no encoding can write.
    """
    try:
        return np.frombuffer(text.encode("utf-32-le"), "<u4")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise CorpusError(
            f"U+{code:04X} is half of a surrogate pair, not a character; leave it out"
        ) from None
