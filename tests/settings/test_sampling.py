"""Bounds of the settings of sampling and novelty."""

import math

import pytest

from tests.raising import raises_settings_error
from textgen.settings import NoveltyConfig, SampleConfig


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (SampleConfig, "until", "END"),
        (SampleConfig, "length", 1.5),
        (SampleConfig, "length", -1),
        (SampleConfig, "lines", -1),
        (SampleConfig, "until", ("a", "")),
        (SampleConfig, "top_k", -1),
        (SampleConfig, "top_p", 0),
        (SampleConfig, "top_p", 2),
        (SampleConfig, "min_p", 1.5),
        (SampleConfig, "context", "both"),
        (SampleConfig, "samples", 0),
    ],
)
def test_a_value_out_of_bounds_is_named(config, name, value):
    with raises_settings_error(name):
        config(**{name: value})


@pytest.mark.parametrize("value", [-1, 1e7, math.nan, math.inf, "hot", None])
def test_temperatures_are_numbers_from_zero_up(value):
    with raises_settings_error("temperature"):
        SampleConfig(temperatures=(0.5, value))


@pytest.mark.parametrize(
    ("options", "characters"),
    [({}, 400), ({"until": ("x",)}, 10_000), ({"length": 7}, 7), ({"length": 0}, None)],
)
def test_the_default_length_depends_on_other_ends(options, characters):
    assert SampleConfig(**options).max_length(documents=False) == characters
    longer = 10_000 if characters == 400 else characters
    assert SampleConfig(**options).max_length(documents=True) == longer


@pytest.mark.parametrize(
    ("name", "value"), [("length", 3), ("samples", 0), ("samples", 10**6), ("random_seed", 2**32)]
)
def test_a_novelty_value_out_of_bounds_is_named(name, value):
    with raises_settings_error(name):
        NoveltyConfig(**{name: value})
