"""One vocabulary for several models, and what each reads for a character that it does not know.

It reads its unknown id, if it has one. Else it reads the character that is closest: the same letter
without its accent or in the other case, or a space. So all models read as many tokens, and a window
has the same text in all of them.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Vocabulary

Ids = npt.NDArray[np.int64]


def unite(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The vocabulary of all tokens; one id for what is unknown to any of the models.

    Args:
        vocabularies: All of documents or none. With subwords, all have the same characters and
            merges.

    Example:
        >>> unite([Vocabulary("ab"), Vocabulary("bc", has_unknown=True)])
        Vocabulary(characters='abc', has_unknown=True, has_document_end=False, merges=())
    """
    return Vocabulary(
        "".join(sorted({*"".join(each.characters for each in vocabularies)})),
        any(each.has_unknown for each in vocabularies),
        vocabularies[0].has_document_end,
        vocabularies[0].merges,
    )


def map_known(vocabulary: Vocabulary, union: Vocabulary) -> Ids:
    """The union's id of each id of a vocabulary, shape (its size,)."""
    if vocabulary.merges:  # the union has the same tokens
        ids = np.arange(len(vocabulary.tokens))
    else:
        ids = union.encode(vocabulary.characters)
    others = [union.unknown_id] * vocabulary.has_unknown
    others += [union.document_end_id] * vocabulary.has_document_end
    return np.array([*ids.tolist(), *others], np.int64)


def map_read(vocabulary: Vocabulary, union: Vocabulary) -> Ids:
    """The id that a model reads for each id of the union, shape (union's size,).

    Example:
        >>> map_read(Vocabulary(" ae"), Vocabulary(" aeé!")).tolist()
        [0, 1, 2, 2, 0]
    """
    read = np.full(union.size, -1, np.int64)
    known = map_known(vocabulary, union)
    read[known] = np.arange(vocabulary.size)
    if vocabulary.unknown_id is not None:
        return np.where(read < 0, vocabulary.unknown_id, read)
    for number in np.flatnonzero(read < 0).tolist():
        read[number] = _find_closest(vocabulary, union.table[number])
    return read


def _find_closest(vocabulary: Vocabulary, character: str) -> int:
    """The id of the character that is most like another one, which the vocabulary lacks."""
    plain = unicodedata.normalize("NFKD", character)[:1]
    for candidate in (character.lower(), character.upper(), plain, plain.lower(), plain.upper()):
        if len(candidate) == 1 and (place := vocabulary.characters.find(candidate)) >= 0:
            return place
    return max(vocabulary.characters.find(" "), 0)
