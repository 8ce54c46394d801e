"""Settings as keyword arguments of the Python API."""

from collections.abc import Sequence
from dataclasses import fields
from types import UnionType
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from tests.raising import raises_settings_error
from textgen.settings import (
    CorpusConfig,
    CorpusOptions,
    Decoding,
    DecodingOptions,
    ModelConfig,
    ModelOptions,
    TrainConfig,
    TrainingOptions,
    WindowConfig,
    WindowOptions,
    normalize_options,
    parse_duration,
    resolve_settings,
)

# What is accepted for a field that is a tuple.
SEVERAL: dict[Any, Any] = {
    tuple[int, ...]: Sequence[int],
    tuple[float, ...]: Sequence[float],
    tuple[str, ...]: Sequence[str],
}


def alternatives(annotation: Any) -> set[Any]:
    """The members of a union, or the type itself."""
    return set(get_args(annotation)) if isinstance(annotation, UnionType) else {annotation}


FOLLOW_FROM_THE_CORPUS = ("has_document_end", "label_sizes")


@pytest.mark.parametrize(
    ("options", "configs"),
    [
        (CorpusOptions, [CorpusConfig]),
        (DecodingOptions, [Decoding]),
        (WindowOptions, [WindowConfig]),
        (ModelOptions, [ModelConfig]),
        (TrainingOptions, [WindowConfig, ModelConfig, TrainConfig]),
    ],
)
def test_options_are_exactly_the_settings(options, configs):
    types = get_type_hints(options)
    settings = [
        field
        for config in configs
        for field in fields(config)
        if not (config is ModelConfig and field.name in FOLLOW_FROM_THE_CORPUS)
    ]
    assert sorted(types) == sorted(field.name for field in settings)
    assert not options.__required_keys__
    for field in settings:
        accepted = alternatives(types[field.name])
        several = SEVERAL.get(field.type)
        assert accepted >= ({several} if several else alternatives(field.type))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1.5h", 5400), ("0.5s", 0.5)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-1s", "5 m", "m", "1d", "1e3", "nan", "5m\n"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a time"):
        parse_duration(text)
    with raises_settings_error("time"):
        resolve_settings({"time": text})


def test_convenient_values_mean_the_same_as_those_of_the_settings():
    settings = resolve_settings({"time": "2m", "units": 256, "sample_temperatures": 1})
    assert settings == resolve_settings(
        {"time": 120.0, "units": (256,), "sample_temperatures": [1.0]}
    )
    assert normalize_options({"units": np.int64(8), "dropout": np.float32(0.5)}) == {
        "units": (8,),
        "dropout": 0.5,
    }


def test_a_bool_is_not_a_number_of_units():
    with raises_settings_error("units"):
        resolve_settings({"units": True})
