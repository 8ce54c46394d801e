"""Settings given as numbers of NumPy."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

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

NUMPY = (np.int8, np.int64, np.uint32, np.float16, np.float32, np.float64, np.longdouble)


def numeric_settings():
    """Every setting with a number or numbers, and a value that it takes."""
    other = {"step": 2, "length": 50, "learning_rate": 0.25, "random_seed": 7, "top_k": 3}
    for config in (
        CorpusConfig,
        WindowConfig,
        ModelConfig,
        TrainConfig,
        Decoding,
        SampleConfig,
        NoveltyConfig,
    ):
        for field in fields(config):
            value = other.get(field.name, field.default)
            if isinstance(value, tuple):
                value = [3, 1] if field.name == "units" else list(value)
            if isinstance(value[0] if isinstance(value, list) and value else value, int | float):
                yield config, field.name, value


@pytest.mark.parametrize(("config", "name", "value"), [*numeric_settings()])
def test_numbers_may_be_those_of_numpy(config, name, value):
    if isinstance(value, bool):
        assert getattr(config(**{name: np.bool_(not value)}), name) is (not value)
        return
    several = isinstance(value, list)
    taken = 0
    kind: Any
    for kind in NUMPY:
        info: Any = np.iinfo(kind) if issubclass(kind, np.integer) else np.finfo(kind)
        numbers = value if several else [value]
        held = [kind(one) for one in numbers if info.min <= one <= info.max]
        if [float(one) for one in held] != numbers:
            continue  # this type does not hold the number
        given = held if several else held[0]
        try:
            made = config(**{name: given})
        except SettingsError:
            assert issubclass(kind, np.floating), f"{name}={given!r} was refused"
            whole = value[0] if several else value
            assert isinstance(whole, int)  # 2.0 is no whole number, of NumPy's or not
            continue
        taken += 1
        stored = made.to_json()[name]
        assert stored == value and json.loads(json.dumps(stored)) == value
        for one in stored if several else [stored]:
            assert type(one) in (int, float)
        assert config.from_json(made.to_json()) == made
    assert taken >= 1


@pytest.mark.parametrize(
    "value", [True, np.bool_(True), np.float64(3), np.array([3]), np.complex64(3), "3", 3.0, None]
)
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(SettingsError, match="top_k must be a whole number"):
        Decoding(top_k=value)
    if not isinstance(value, float):
        with pytest.raises(SettingsError, match="top_p must be a number"):
            Decoding(top_p=value)


def test_settings_may_be_numbers_of_numpy():
    made = resolve_settings({"units": [np.int64(8), np.int32(4)], "time": np.float32(2.5)})
    assert made.model.units == (8, 4) and made.training.epochs == 0
    assert json.loads(json.dumps(made.to_json())) == made.to_json()
