"""Seeds from bytes."""

import pytest

from textgen.errors import SeedError
from textgen.sampling.seeds import from_bytes, lines


def test_lines_are_seeds_whatever_ends_them():
    assert lines("\ufeffTo be\r\nÜber\rROMEO:\n".encode(), "f") == ["To be", "Über", "ROMEO:"]
    assert lines(b" a ", "f") == [" a "]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: has no seed"),
        (b"\n", "f: has no seed"),
        (b"a\n\nb\n", "f: line 2 is empty"),
        (b"ab\xffc", "f: byte 0xff at offset 2 is not UTF-8"),
    ],
)
def test_what_is_no_seed_is_named(data, message):
    with pytest.raises(SeedError, match=message):
        lines(data, "f")


def test_a_seed_may_have_lines():
    assert from_bytes(b"a\r\n\nb", "-") == "a\n\nb"
