"""Settings in JSON, also of older and newer versions."""

import json
from dataclasses import dataclass

import pytest

from textgen import __version__
from textgen.errors import NewerVersionError, SettingsError
from textgen.settings import (
    Config,
    CorpusConfig,
    ModelConfig,
    TrainConfig,
    WindowConfig,
    added_in,
    is_newer,
)


@pytest.mark.parametrize("config", [CorpusConfig, WindowConfig, ModelConfig, TrainConfig])
def test_settings_survive_json(config):
    assert config.from_json(json.loads(json.dumps(config().to_json()))) == config()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("maxlen"),
        lambda data: data.update(extra=1),
        lambda data: data.update(maxlen="40"),
        lambda data: data.update(maxlen=True),
        lambda data: data.update(targets=["last"]),
        lambda data: data.update(validation=None),
    ],
)
def test_settings_from_a_damaged_file_are_refused(change):
    data = WindowConfig().to_json()
    change(data)
    with pytest.raises(SettingsError):
        WindowConfig.from_json(data)
    with pytest.raises(SettingsError):
        WindowConfig.from_json([data])


@dataclass(frozen=True)
class Evolved(Config):
    """Settings of a later version, which has one more."""

    size: int = 3
    kinds: tuple[str, ...] = added_in("0.2.0", ("a", "b"), before=("a",))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < 1:
            raise SettingsError("size", "must be 1 or more")


def test_a_missing_setting_means_what_it_meant_before_it_existed():
    assert Evolved().kinds == ("a", "b")
    assert Evolved.from_json({"size": 1}) == Evolved(1, ("a",))
    assert Evolved.from_json({"size": 1, "kinds": ["b"]}) == Evolved(1, ("b",))
    with pytest.raises(SettingsError, match="size is missing"):
        Evolved.from_json({"kinds": ["b"]})


def test_a_setting_is_not_written_where_older_versions_do_the_same_without_it():
    assert Evolved(2, ("a",)).to_json() == {"size": 2}
    assert Evolved(2).to_json() == {"size": 2, "kinds": ["a", "b"]}


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        ({"size": 1, "new": 1}, "setting new "),
        ({"size": 1, "a\nb": 1}, r"setting 'a\\nb' "),
        ({"size": 0}, "size "),
    ],
)
def test_what_is_unknown_of_a_newer_version_names_the_version_to_install(data, fact):
    message = f"written by textgen 99.1.0.*{fact}.*install keras-textgen>=99.1.0$"
    with pytest.raises(NewerVersionError, match=message):
        Evolved.from_json(data, "99.1.0")
    for version in (None, __version__, "0.0.9", "99", "99.x", 99, "99.1\n"):  # damage
        with pytest.raises(SettingsError):
            Evolved.from_json(data, version)


def test_settings_that_are_ignored_may_be_unknown():
    assert Evolved.from_json({"size": 1, "new": 1}, "99.1.0", {"new"}).size == 1


@pytest.mark.parametrize("config", [CorpusConfig, WindowConfig, ModelConfig, TrainConfig])
def test_added_settings_say_what_they_meant_before(config):
    """The meaning before is one that the setting may have, and no newer version added it."""
    for field in config.__dataclass_fields__.values():
        if "added" in field.metadata:
            config(**{field.name: field.metadata["before"]})
            assert not is_newer(field.metadata["added"]), f"{field.name}: raise __version__"
