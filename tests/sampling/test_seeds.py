"""Seeds from bytes."""

import pytest

from textgen.errors import SeedError
from textgen.sampling.seeds import decode_seed, parse_seed_file, parse_seed_lines


def test_lines_are_seeds_whatever_ends_them():
    seeds = [(1, "To be"), (2, "Über"), (3, "ROMEO:")]
    assert parse_seed_lines("\ufeffTo be\r\nÜber\rROMEO:\n".encode(), "f") == (seeds, 0)
    assert parse_seed_lines(b" a ", "f") == ([(1, " a ")], 0)


def test_empty_lines_are_counted_and_lines_keep_their_numbers():
    assert parse_seed_lines(b"a\n\nb\n", "f") == ([(1, "a"), (3, "b")], 1)
    assert parse_seed_lines(b"\r\na\r\n\r\n\r\n \r\n", "f") == ([(2, "a"), (5, " ")], 3)


def test_escapes_in_a_file_are_left_as_they_are():
    assert parse_seed_lines(rb"a\nb", "f") == ([(1, r"a\nb")], 0)
    assert parse_seed_file(rb"a\nb", "f") == r"a\nb"


@pytest.mark.parametrize(
    ("data", "seed"),
    [
        (b"To be\n", "To be"),
        (b"To be\n\n", "To be\n"),
        (b"To be", "To be"),
        (b"\n", "\n"),
        (b"\r\n", "\n"),
        (b"\n\n", "\n"),
        (b"\xef\xbb\xbf\n", "\n"),
        (b"", ""),
    ],
)
def test_a_whole_file_is_a_seed_without_the_line_end_after_it(data, seed):
    assert parse_seed_file(data, "f") == seed


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: has no seed"),
        (b"\n", "f: has no seed"),
        (b"\n\r\n\r", "f: has no seed"),
        (b"ab\xffc", "f: byte 0xff at offset 2 is not UTF-8"),
    ],
)
def test_what_is_no_seed_is_named(data, message):
    with pytest.raises(SeedError, match=message):
        parse_seed_lines(data, "f")


def test_a_seed_may_have_lines():
    assert decode_seed(b"a\r\n\nb", "-") == "a\n\nb"
