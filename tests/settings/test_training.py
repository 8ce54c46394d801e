"""Bounds of the settings of a training."""

import math

import pytest

from tests.raising import raises_settings_error
from textgen.settings import CorpusConfig, ModelConfig, TrainConfig, WindowConfig


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (WindowConfig, "maxlen", 0),
        (WindowConfig, "step", 0),
        (WindowConfig, "step", 1.5),
        (WindowConfig, "targets", "next"),
        (WindowConfig, "validation", 1.0),
        (WindowConfig, "validation", -0.1),
        (WindowConfig, "validation", math.nan),
        (CorpusConfig, "encoding", "no-such"),
        (CorpusConfig, "encoding", "base64"),
        (CorpusConfig, "normalize", "NFD"),
        (CorpusConfig, "min_count", 0),
        (CorpusConfig, "glob", ()),
        (ModelConfig, "units", ()),
        (ModelConfig, "units", (64, 0)),
        (ModelConfig, "units", 64),
        (CorpusConfig, "glob", "*.txt"),
        (ModelConfig, "cell", "LSTM"),
        (ModelConfig, "dropout", 1.0),
        (ModelConfig, "embedding", -1),
        (TrainConfig, "learning_rate", 0),
        (TrainConfig, "learning_rate", math.inf),
        (TrainConfig, "optimizer", "lion"),
        (TrainConfig, "epochs", -1),
        (TrainConfig, "epochs", 3),
        (TrainConfig, "time", -1),
        (TrainConfig, "precision", "float64"),
        (TrainConfig, "random_seed", 2**32),
        (TrainConfig, "random_seed", -1),
        (TrainConfig, "loss_smoothing", 1.0),
        (TrainConfig, "carry_state", "yes"),
    ],
)
def test_a_value_out_of_bounds_is_named(config, name, value):
    with raises_settings_error(name):
        config(**{name: value})


@pytest.mark.parametrize(
    "names", [{"label": ("a", "b", "a")}, {"label": ("folder",), "label_from": "folder"}]
)
def test_a_label_is_named_once(names):
    with raises_settings_error("label"):
        CorpusConfig(documents="rows", **names)


@pytest.mark.parametrize("value", [-1, 1e7, math.nan, math.inf, "hot", None])
def test_temperatures_are_numbers_from_zero_up(value):
    with raises_settings_error("sample_temperature"):
        TrainConfig(sample_temperatures=(0.5, value))
