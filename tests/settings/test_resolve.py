"""Which value of a setting counts."""

from dataclasses import fields

import pytest

from textgen.errors import SettingsError
from textgen.settings import TrainConfig, WindowConfig, build_config, resolve_settings


def test_the_nearer_word_wins():
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
    with pytest.raises(SettingsError, match="carry_state needs targets sequence"):
        resolve_settings({"targets": "last", "carry_state": True})


def test_one_kind_of_clipping_replaces_the_other():
    assert resolve_settings({"clip_value": 5.0}).training.clip_norm == 0
    assert resolve_settings({"clip_norm": 2.0}, "min-char-rnn").training.clip_value == 0
    with pytest.raises(SettingsError, match="exclude each other"):
        resolve_settings({"clip_value": 5.0, "clip_norm": 1.0})


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match="preset must be one of small, medium, large, keras-"):
        resolve_settings({}, "gpt")
    with pytest.raises(SettingsError, match="not a setting"):
        resolve_settings({"layers": 3})


def test_time_and_epochs_exclude_each_other():
    assert resolve_settings({}).training.time == 600 and resolve_settings({}).training.epochs == 0
    assert resolve_settings({"epochs": 3}).training.time == 0
    assert resolve_settings({"time": 60.0}, "keras-example").training.epochs == 0
    assert resolve_settings({}, "keras-example").training.epochs == 40
    with pytest.raises(SettingsError, match="epochs and time exclude each other"):
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
    with pytest.raises(SettingsError, match="time must be above 0, or epochs 1 or more") as caught:
        resolve_settings(explicit, preset)
    assert caught.value.option == "time"
    with pytest.raises(SettingsError, match="time must be above 0"):
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
    with pytest.raises(SettingsError) as caught:
        build_config(WindowConfig, {"units": (4,)})
    assert caught.value.option == "units"


@pytest.mark.parametrize(
    ("name", "value"), [("clip_norm", 1e40), ("learning_rate", 1e-31), ("time", 2e9)]
)
def test_a_number_that_single_precision_lacks_is_named(name, value):
    with pytest.raises(SettingsError) as caught:
        resolve_settings({name: value})
    assert caught.value.option == name
