"""Lower case and normalization do not depend on blocks."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.text.reading import TINY, read
from textgen.errors import CorpusError
from textgen.text.sizes import ReadingSizes


def test_other_encodings_and_lower_case():
    assert read("GRÜN".encode("latin-1"), encoding="latin-1", lowercase=True) == "grün"


@given(
    st.text(
        st.sampled_from("aAΣσς\u0301\u0327e 한\u1100\u1161\u11a8İﬁ①\u09c7\u09be\n世\uff9e"),
        max_size=60,
    )
)
@example("ΑΣ Σ")
@example("e" + "\u0301" * 10)
def test_normalizing_in_pieces_equals_normalizing_the_whole(text):
    for form in ("NFC", "NFKC"):
        expected = unicodedata.normalize(form, text)
        assert read(text.encode(), sizes=TINY, normalize=form) == expected
        lowered = unicodedata.normalize(form, expected.lower())
        assert read(text.encode(), sizes=TINY, normalize=form, lowercase=True) == lowered
    assert read(text.encode(), sizes=TINY, lowercase=True) == text.lower()


def test_a_text_without_a_place_to_cut_is_refused():
    with pytest.raises(CorpusError, match="without a break"):
        read(b"x" * 20, sizes=ReadingSizes(longest_uncut=10), normalize="NFC")
