"""All settings of a training, read from files of other versions."""

import json
from dataclasses import dataclass, replace

import pytest

from tests.raising import raises_settings_error
from textgen import __version__
from textgen.errors import NewerVersionError, SettingsError
from textgen.settings import (
    ModelConfig,
    Settings,
    added_in,
    resolve_settings,
)

NEWER = "99.1.0"


@pytest.fixture
def data():
    return json.loads(json.dumps(resolve_settings({"epochs": 1}).to_json()))


def test_settings_survive_json(data):
    for version in (None, __version__, NEWER):
        assert Settings.from_json(data, version) == resolve_settings({"epochs": 1})
        assert Settings.from_model(data, version) == resolve_settings({"epochs": 1})


def test_what_only_training_needs_may_be_unknown_in_a_newer_model(data):
    data["training"] |= {"optimizer": "muon", "zoneout": 0.1, "sample_temperatures": ["auto"]}
    settings = Settings.from_model(data, NEWER)
    assert settings.training == resolve_settings({"epochs": 1}).training
    assert settings.unknown == {
        "optimizer": "muon",
        "zoneout": 0.1,
        "sample_temperatures": ("auto",),
    }
    assert settings.by_name()["zoneout"] == 0.1
    with pytest.raises(NewerVersionError):
        Settings.from_json(data, NEWER)
    for version in (None, __version__):
        with pytest.raises(SettingsError):
            Settings.from_model(data, version)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [("training", "carry_state", "always"), ("model", "experts", 4), ("model", "cell", "mamba")],
)
def test_what_sampling_needs_must_be_known(data, part, name, value):
    data[part][name] = value
    with pytest.raises(NewerVersionError, match=name):
        Settings.from_model(data, NEWER)


def test_a_newer_version_lists_settings_of_the_model_that_only_training_needs(data):
    data["model"]["zoneout"] = 0.5
    data["training_only"] = ["zoneout"]
    assert Settings.from_model(data, NEWER).unknown == {"zoneout": 0.5}
    with pytest.raises(SettingsError):
        Settings.from_model(data, __version__)


def test_a_setting_that_every_version_has_must_be_there(data):
    del data["training"]["optimizer"]
    with raises_settings_error("optimizer"):
        Settings.from_model(data, NEWER)


def test_settings_of_the_model_that_only_training_needs_are_listed(monkeypatch):
    @dataclass(frozen=True)
    class LaterModel(ModelConfig):
        zoneout: float = added_in("0.2.0", 0.1, before=0.0, training_only=True)

    monkeypatch.setitem(Settings.PARTS, "model", LaterModel)
    settings = resolve_settings({})
    for zoneout, names in ((0.1, ["zoneout"]), (0.0, None)):
        later = replace(settings, model=LaterModel(zoneout=zoneout))
        assert later.to_json().get("training_only") == names
