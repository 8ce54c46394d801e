"""Characters and ids: which character has which number.

Knows code points and counts; knows nothing of files, windows or networks.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError

Ids = npt.NDArray[np.unsignedinteger[Any]]

_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Vocabulary:
    """The distinct characters of a corpus, sorted; a character's index is its id.

    Attributes:
        characters: The characters in the order of their code points.
        has_unknown: Whether one more id, after theirs, stands for all rarer characters.

    Example:
        >>> vocabulary = Vocabulary("abc")
        >>> vocabulary.ids("cab").tolist(), vocabulary.text([2, 0, 1])
        ([2, 0, 1], 'cab')
    """

    characters: str
    has_unknown: bool = False

    @property
    def size(self) -> int:
        """Number of ids."""
        return len(self.characters) + self.has_unknown

    @property
    def unknown_id(self) -> int | None:
        """The id of rarer characters, which sampling never emits."""
        return len(self.characters) if self.has_unknown else None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(self.size - 1)

    @cached_property
    def table(self) -> str:
        """The character of each id; U+FFFD for the unknown id."""
        return self.characters + "\ufffd" * self.has_unknown

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint32]:
        return code_points(self.characters)

    def ids(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of a text.

        Args:
            text: Any text.

        Returns:
            int64 array of shape (characters,); -1 for a character that is not in the vocabulary.
        """
        # Half a surrogate pair is in no vocabulary.
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        places = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        return np.where(self._codes[places] == codes, places, -1)

    def text(self, ids: Any) -> str:
        """The text of ids.

        Args:
            ids: Sequence of ids; the unknown id is written as U+FFFD.
        """
        return "".join(map(self.table.__getitem__, ids))


class VocabularyBuilder:
    """Finds the vocabulary of a text that is read once, in pieces.

    Characters are numbered as they turn up while the text is read; when it ends, `finish` gives
    the vocabulary and the table from those numbers to its ids.
    """

    def __init__(self) -> None:
        # Everything is looked up and counted as intp, NumPy's own index type: it would convert
        # any other one each time, into an array that is new each time.
        self._numbers = np.full(_CODE_POINTS, _CODE_POINTS, np.intp)
        self._looked_up = np.empty((2, 0), np.intp)
        self._codes = np.empty(0, np.uint32)
        self._counts = np.zeros(0, np.int64)

    @property
    def size(self) -> int:
        """Distinct characters so far."""
        return len(self._codes)

    def add(self, text: str) -> npt.NDArray[np.intp]:
        """Count a piece of text.

        Returns:
            The numbers of its characters, shape (characters,); overwritten by the next call.
        """
        if len(text) > self._looked_up.shape[1]:
            self._looked_up = np.empty((2, len(text)), np.intp)
        codes: npt.NDArray[np.intp]
        numbers: npt.NDArray[np.intp]
        codes, numbers = self._looked_up[:, : len(text)]
        codes[:] = code_points(text)
        self._numbers.take(codes, out=numbers, mode="clip")
        if len(numbers) and numbers.max() == _CODE_POINTS:
            new = np.unique(codes[numbers == _CODE_POINTS])
            self._numbers[new] = np.arange(self.size, self.size + len(new))
            self._codes = np.concatenate([self._codes, new.astype(np.uint32)])
            self._counts = np.concatenate([self._counts, np.zeros(len(new), np.int64)])
            self._numbers.take(codes, out=numbers, mode="clip")
        self._counts += np.bincount(numbers, minlength=self.size)
        return numbers

    def finish(self, min_count: int = 1) -> tuple[Vocabulary, Ids, int]:
        """The vocabulary of all that was added.

        Args:
            min_count: Characters that occur fewer times share the unknown id.

        Returns:
            The vocabulary; its ids by number, of shape (distinct characters,) and the
            vocabulary's dtype; how many characters of the text became the unknown id.

        Raises:
            CorpusError: every character occurs fewer than `min_count` times.
        """
        rare = self._counts < min_count
        if rare.all():
            raise CorpusError(
                f"no character occurs {min_count} times or more; give a smaller --min-count"
            )
        order = np.argsort(self._codes)
        kept = order[~rare[order]]
        characters = self._codes[kept].astype("<u4").tobytes().decode("utf-32-le")
        vocabulary = Vocabulary(characters, has_unknown=bool(rare.any()))
        table = np.zeros(self.size, vocabulary.dtype)
        if vocabulary.unknown_id is not None:
            table[rare] = vocabulary.unknown_id
        table[kept] = np.arange(len(kept), dtype=vocabulary.dtype)
        return vocabulary, table, int(self._counts[rare].sum())


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text, shape (characters,).

    Raises:
        CorpusError: the text has half a surrogate pair, which no encoding can write.
    """
    try:
        return np.frombuffer(text.encode("utf-32-le"), "<u4")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise CorpusError(f"U+{code:04X} is half of a surrogate pair, not a character") from None
