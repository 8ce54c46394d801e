"""Characters and ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.errors import CorpusError
from textgen.text.indexing import CharacterIndex
from textgen.text.vocabulary import CODE_POINTS, Vocabulary, build_vocabulary, from_code_points

characters = st.characters(exclude_categories=["Cs"])


def build(pieces: list[str], min_count: int = 1) -> tuple[Vocabulary, np.ndarray, int]:
    index = CharacterIndex()
    numbers = [index.add(piece).copy() for piece in pieces]
    counts = np.zeros(CODE_POINTS, np.int64)
    counts[index.codes] = index.counts
    vocabulary, unknown = build_vocabulary(counts, min_count)
    ids = vocabulary.encode(from_code_points(index.codes))[np.concatenate(numbers)]
    return vocabulary, np.where(ids < 0, len(vocabulary.characters), ids), unknown


@given(st.lists(st.text(characters), min_size=1).filter(lambda pieces: "".join(pieces)))
def test_vocabulary_is_the_sorted_characters_and_ids_come_back_as_text(pieces):
    text = "".join(pieces)
    vocabulary, ids, unknown = build(pieces)
    assert vocabulary.characters == "".join(sorted(set(text)))
    assert unknown == 0 and vocabulary.unknown_id is None
    assert vocabulary.decode(ids) == text
    np.testing.assert_array_equal(vocabulary.encode(text), ids)


@given(st.text("aabbccd", min_size=1), st.integers(1, 5))
def test_rare_characters_share_one_id(text, min_count):
    common = sorted(c for c in set(text) if text.count(c) >= min_count)
    if not common:
        with pytest.raises(CorpusError, match="--min-count"):
            build([text], min_count)
        return
    vocabulary, ids, unknown = build([text], min_count)
    assert vocabulary.characters == "".join(common)
    assert unknown == sum(c not in common for c in text)
    assert vocabulary.has_unknown == (unknown > 0)
    expected = [common.index(c) if c in common else len(common) for c in text]
    assert ids.tolist() == expected


@pytest.mark.parametrize(
    ("size", "dtype"), [(1, "u1"), (256, "u1"), (257, "u2"), (65_536, "u2"), (65_537, "u4")]
)
def test_ids_have_the_smallest_type(size, dtype):
    codes = [code for code in range(size + 2048) if not 0xD800 <= code < 0xE000][:size]
    assert Vocabulary("".join(map(chr, codes))).dtype == np.dtype(dtype)


def test_characters_outside_are_minus_one():
    assert Vocabulary("bdf").encode("abcdefg\U0010ffff").tolist() == [-1, 0, -1, 1, -1, 2, -1, -1]


@pytest.mark.parametrize("has_unknown", [False, True])
def test_what_is_no_id_is_decoded_as_the_replacement_character(has_unknown):
    vocabulary = Vocabulary("bdf", has_unknown)
    assert vocabulary.decode(vocabulary.encode("adze")) == "\ufffdd\ufffd\ufffd"
    assert vocabulary.decode([2, 3, 4, -2]) == "f\ufffd\ufffd\ufffd"


def test_half_a_surrogate_pair_is_named():
    with pytest.raises(CorpusError, match="U\\+D800"):
        CharacterIndex().add("a\ud800")
