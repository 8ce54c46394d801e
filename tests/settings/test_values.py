"""Settings given as numbers of NumPy."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from tests.raising import raises_settings_error
from textgen.errors import SettingsError
from textgen.settings import (
    CorpusConfig,
    Decoding,
    ModelConfig,
    NoveltyConfig,
    SampleConfig,
    TrainConfig,
    WindowConfig,
    resolve_settings,
)

CONFIGS = (
    CorpusConfig,
    WindowConfig,
    ModelConfig,
    TrainConfig,
    Decoding,
    SampleConfig,
    NoveltyConfig,
)
NUMBERS = (np.int8, np.int64, np.uint32, np.float16, np.float32, np.float64, np.longdouble)
# Values that fit into a small type, where the default does not.
SMALL = {"step": 2, "length": 50, "learning_rate": 0.25, "random_seed": 7, "top_k": 3}


def settings_of_type(*types):
    """Every setting whose value is of one of the types, or several of that type, with a value."""
    for config in CONFIGS:
        for field in fields(config):
            value = SMALL.get(field.name, field.default)
            if isinstance(value, tuple):
                value = [3, 1] if field.name == "units" else list(value)
            first = value[0] if isinstance(value, list) and value else value
            if type(first) in types:
                yield config, field.name, value


def convert(value: Any, number_type: Any) -> Any:
    """A number, or a list of numbers, in a type of NumPy; None if the type cannot hold it."""
    is_integer = issubclass(number_type, np.integer)
    bounds: Any = np.iinfo(number_type) if is_integer else np.finfo(number_type)
    numbers = value if isinstance(value, list) else [value]
    if not all(bounds.min <= number <= bounds.max for number in numbers):
        return None
    converted = [number_type(number) for number in numbers]
    if [float(number) for number in converted] != numbers:
        return None
    return converted if isinstance(value, list) else converted[0]


@pytest.mark.parametrize(("config", "name", "value"), [*settings_of_type(bool)])
def test_a_flag_may_be_a_bool_of_numpy(config, name, value):
    assert getattr(config(**{name: np.bool_(not value)}), name) is (not value)


@pytest.mark.parametrize(("config", "name", "value"), [*settings_of_type(int, float)])
def test_a_number_may_be_one_of_numpy(config, name, value):
    is_integer = isinstance(value[0] if isinstance(value, list) else value, int)
    accepted = 0
    for number_type in NUMBERS:
        converted = convert(value, number_type)
        if converted is None:
            continue
        if is_integer and issubclass(number_type, np.floating):
            try:
                config(**{name: converted})
            except SettingsError:
                continue  # 2.0 is not a whole number, NumPy's or not
        settings = config(**{name: converted})
        stored = {**config.legacy_defaults(), **settings.to_json()}[name]
        assert stored == value and json.loads(json.dumps(stored)) == value
        assert {type(number) for number in np.ravel(np.array(stored, object))} <= {int, float}
        assert config.from_json(settings.to_json()) == settings
        accepted += 1
    assert accepted >= 1


@pytest.mark.parametrize(
    "value", [True, np.bool_(True), np.float64(3), np.array([3]), np.complex64(3), "3", 3.0, None]
)
def test_what_is_not_a_number_is_refused(value):
    with raises_settings_error("top_k"):
        Decoding(top_k=value)
    if not isinstance(value, float):
        with raises_settings_error("top_p"):
            Decoding(top_p=value)


def test_all_settings_of_a_training_may_be_numbers_of_numpy():
    settings = resolve_settings({"units": [np.int64(8), np.int32(4)], "time": np.float32(2.5)})
    assert settings.model.units == (8, 4) and settings.training.epochs == 0
    assert json.loads(json.dumps(settings.to_json())) == settings.to_json()
