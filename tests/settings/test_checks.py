"""Checks of single settings."""

import math

import pytest

from tests.raising import raises_settings_error
from textgen.settings import checks


@pytest.mark.parametrize("value", [0, -1, 10, 2**70, 1.0, "1", True, None])
def test_integers_have_bounds(value):
    with raises_settings_error("size"):
        checks.check_integer("size", value, at_least=1, below=10)


@pytest.mark.parametrize("value", [0, 0.5, 1, 1.5, math.nan, math.inf, 10**400, "1", True, None])
def test_numbers_have_bounds(value):
    bounds = ({"above": 0.5, "below": 1}, {"at_least": 0.6, "at_most": 0.9})
    for bound in bounds:
        checks.check_number("size", 0.75, **bound)
        with raises_settings_error("size"):
            checks.check_number("size", value, **bound)


@pytest.mark.parametrize("value", [1e-31, 1e39])
def test_single_precision_has_bounds(value):
    checks.check_single_precision("size", 0)
    with raises_settings_error("size"):
        checks.check_single_precision("size", value)


@pytest.mark.parametrize("value", ["c", "", None, ["a"]])
def test_choices(value):
    checks.check_choice("size", "a", ("a", "b"))
    with raises_settings_error("size"):
        checks.check_choice("size", value, ("a", "b"))


@pytest.mark.parametrize("value", [1, "true", None])
def test_flags(value):
    with raises_settings_error("size"):
        checks.check_flag("size", value)


@pytest.mark.parametrize("value", [-1, 2**32, 0.5, "0"])
def test_random_seeds(value):
    assert checks.check_random_seed(2**32 - 1) == 2**32 - 1
    with raises_settings_error("random_seed"):
        checks.check_random_seed(value)
