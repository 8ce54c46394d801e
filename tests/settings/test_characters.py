"""Sets of characters as users write them."""

from typing import Any

import pytest

from tests.raising import raises_settings_error
from textgen.settings import CharacterSet, Decoding


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("abc", "abc", "d-"),
        ("a-c", "abc", "d-"),
        ("a-cx-z9", "abcxyz9", "dw-8"),
        ("-a", "-a", "b"),
        ("a-", "-a", "b"),
        ("+--", "+,-", "."),
        ("\n-\t"[::-1], "\t\n", " "),
        ("ä-ö", "äéö", "a"),
        ("a-a", "a", "b-"),
        ("", "", "a-"),
    ],
)
def test_a_set_has_single_characters_and_ranges(text, inside, outside):
    characters = CharacterSet(text)
    assert all(each in characters for each in inside)
    assert not any(each in characters for each in outside)


@pytest.mark.parametrize("name", ["ban", "only"])
def test_an_empty_range_and_what_is_no_text_are_refused(name):
    wrong: list[Any] = ["z-a", 5, ["a"]]
    for value in wrong:
        with raises_settings_error(name):
            Decoding(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("only", ""),
        ("repetition_penalty", 0.9),
        ("repetition_penalty", float("nan")),
        ("no_repeat", -1),
        ("no_repeat", 1.5),
    ],
)
def test_a_value_out_of_bounds_is_named(name, value):
    with raises_settings_error(name):
        Decoding(**{name: value})
