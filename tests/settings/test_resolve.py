"""Which value of a setting counts."""

from dataclasses import fields

import pytest

from tests.raising import raises_settings_error
from textgen.settings import TrainConfig, WindowConfig, build_config, resolve_settings


def test_the_source_with_the_highest_priority_counts():
    recorded = WindowConfig(maxlen=60, step=7, targets="last")
    assert resolve_settings({}).windows == WindowConfig()
    assert resolve_settings({}, recorded=recorded).windows == recorded
    preset = resolve_settings({}, "min-char-rnn", recorded).windows
    assert (preset.maxlen, preset.step, preset.targets) == (25, 7, "sequence")
    assert resolve_settings({"maxlen": 9}, "min-char-rnn", recorded).windows.maxlen == 9


def test_state_is_carried_with_sequence_targets_only():
    assert resolve_settings({}).training.carry_state
    assert not resolve_settings({"targets": "last"}).training.carry_state
    assert not resolve_settings({}, recorded=WindowConfig(targets="last")).training.carry_state
    with raises_settings_error("carry_state"):
        resolve_settings({"targets": "last", "carry_state": True})


def test_one_kind_of_clipping_replaces_the_other():
    assert resolve_settings({"clip_value": 5.0}).training.clip_norm == 0
    assert resolve_settings({"clip_norm": 2.0}, "min-char-rnn").training.clip_value == 0
    with raises_settings_error("clip_value"):
        resolve_settings({"clip_value": 5.0, "clip_norm": 1.0})


def test_unknown_names_are_refused():
    with raises_settings_error("preset"):
        resolve_settings({}, "gpt")
    with raises_settings_error("layers"):
        resolve_settings({"layers": 3})


def test_time_and_epochs_exclude_each_other():
    assert resolve_settings({}).training.time == 600 and resolve_settings({}).training.epochs == 0
    assert resolve_settings({"epochs": 3}).training.time == 0
    assert resolve_settings({"time": 60.0}, "keras-example").training.epochs == 0
    assert resolve_settings({}, "keras-example").training.epochs == 40
    with raises_settings_error("epochs"):
        resolve_settings({"epochs": 3, "time": 60.0})


@pytest.mark.parametrize(
    ("explicit", "preset"),
    [
        ({"time": 0}, None),
        ({"time": 0.0, "epochs": 0}, None),
        ({"epochs": 0}, "keras-example"),
        ({"epochs": 0, "time": 0}, "keras-example"),
    ],
)
def test_a_training_needs_an_end(explicit, preset):
    with raises_settings_error("time"):
        resolve_settings(explicit, preset)
    with raises_settings_error("time"):
        TrainConfig(time=0)


def test_zero_switches_one_of_a_pair_off():
    assert resolve_settings({"epochs": 0}).training.time == 600
    assert resolve_settings({"time": 0}, "keras-example").training.epochs == 40
    assert resolve_settings({"time": 0, "epochs": 2}).training.epochs == 2
    for explicit in ({"clip_norm": 0}, {"clip_norm": 0, "clip_value": 0}):
        training = resolve_settings(explicit).training
        assert training.clip_norm == training.clip_value == 0
    assert resolve_settings({"clip_value": 0}).training.clip_norm == 1
    assert resolve_settings({"clip_value": 0}, "min-char-rnn").training.clip_value == 0
    assert resolve_settings({"clip_norm": 0}, "min-char-rnn").training.clip_value == 5


def test_a_config_is_built_from_some_settings_or_all():
    assert build_config(WindowConfig, {"maxlen": 40}) == (WindowConfig(), ("maxlen",))
    assert build_config(WindowConfig, None) == (WindowConfig(), ())
    assert len(build_config(WindowConfig, WindowConfig())[1]) == len(fields(WindowConfig))
    with raises_settings_error("units"):
        build_config(WindowConfig, {"units": (4,)})


@pytest.mark.parametrize(
    ("name", "value"), [("clip_norm", 1e40), ("learning_rate", 1e-31), ("time", 2e9)]
)
def test_a_number_that_single_precision_lacks_is_named(name, value):
    with raises_settings_error(name):
        resolve_settings({name: value})
