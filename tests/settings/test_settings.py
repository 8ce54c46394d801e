"""Settings: bounds, presets, and which word wins."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import pytest

from textgen import __version__
from textgen.errors import NewerVersionError, SettingsError
from textgen.settings import (
    PRESETS,
    Config,
    CorpusConfig,
    Decoding,
    ModelConfig,
    NoveltyConfig,
    SampleConfig,
    TrainConfig,
    WindowConfig,
    added_in,
    is_newer,
    resolve_settings,
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
    """Settings of a later version: one is new, one is gone."""

    REMOVED: ClassVar[Mapping[str, Any]] = {"gone": ()}

    size: int = 3
    kinds: tuple[str, ...] = added_in("0.2.0", ("a", "b"), before=("a",))

    def __post_init__(self) -> None:
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


def test_a_removed_setting_is_ignored_where_its_value_changes_nothing():
    assert Evolved.from_json({"size": 1, "gone": []}).size == 1
    with pytest.raises(SettingsError, match="gone is missing or unknown"):
        Evolved.from_json({"size": 1, "gone": ["a"]})


def test_an_unknown_setting_of_a_newer_version_names_the_version_to_install():
    for data, words in (
        ({"size": 1, "new": 1}, "which has a setting new that this version"),
        ({"size": 1, "a\nb": 1}, r"which has a setting 'a\\nb' that this version"),
        ({"size": 0}, "size must be 1 or more"),
    ):
        message = f"written by textgen 99.1.0.*{words}.*install keras-textgen>=99.1.0$"
        with pytest.raises(NewerVersionError, match=message):
            Evolved.from_json(data, "99.1.0")
        for version in (None, __version__, "0.0.9", "99", "99.x", 99, "99.1\n"):  # damage
            with pytest.raises(SettingsError):
                Evolved.from_json(data, version)
    assert Evolved.from_json({"size": 1, "new": 1}, "99.1.0", {"new"}).size == 1


def test_settings_that_are_not_needed_may_be_unknown():
    data = {"size": 0, "new": 1}
    assert Evolved.partly_from_json(data, "99.1", ()) == (Evolved(3, ("a",)), data)
    with pytest.raises(NewerVersionError, match="size must be 1 or more"):
        Evolved.partly_from_json(data, "99.1", ("size",))
    with pytest.raises(SettingsError, match="size is missing"):
        Evolved.partly_from_json({"new": 1}, "99.1", ())
    gone = {"size": 1, "gone": ["a"]}  # of an older version
    assert Evolved.partly_from_json(gone, __version__, ()) == (Evolved(1, ("a",)), {"gone": ["a"]})
    with pytest.raises(SettingsError, match="new is missing or unknown"):
        Evolved.partly_from_json({"size": 1, "new": 1}, __version__, ())


@pytest.mark.parametrize(
    ("version", "newer"),
    [(__version__, False), ("0.0.99", False), ("0.1", False), ("99.0", True), ("99.0.dev1", True)],
)
def test_versions_are_compared_by_their_numbers(version, newer):
    assert is_newer(version) == newer


@pytest.mark.parametrize("config", [CorpusConfig, WindowConfig, ModelConfig, TrainConfig])
def test_added_settings_say_what_they_meant_before(config):
    """The meaning before is one that the setting may have, and no newer version added it."""
    for one in config.__dataclass_fields__.values():
        if "added" in one.metadata:
            config(**{one.name: one.metadata["before"]})
            assert not is_newer(one.metadata["added"]), f"{one.name}: raise __version__"


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
        (SampleConfig, "until", "END"),
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
    with pytest.raises(SettingsError) as caught:
        config(**{name: value})
    assert caught.value.option == name and caught.value.exit_status == 2


@pytest.mark.parametrize("value", [-1, 1e7, math.nan, math.inf, "hot", None])
def test_temperatures_are_numbers_from_zero_up(value):
    with pytest.raises(SettingsError, match="temperature"):
        SampleConfig(temperatures=(0.5, value))
    with pytest.raises(SettingsError, match="sample_temperature"):
        TrainConfig(sample_temperatures=(0.5, value))


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


def test_presets_are_what_their_programs_do():
    """The figures of the two programs, as they were published."""
    keras = resolve_settings({}, "keras-example")
    assert (keras.windows.maxlen, keras.windows.step, keras.windows.targets) == (40, 3, "last")
    assert (keras.model.cell, keras.model.units, keras.model.embedding) == ("lstm", (128,), 0)
    assert (keras.training.optimizer, keras.training.learning_rate) == ("rmsprop", 0.01)
    assert keras.training.schedule == "constant" and keras.training.batch_size == 128
    assert keras.training.sample_temperatures == (0.2, 0.5, 1.0, 1.2)
    assert keras.training.sample_length == 400 and not keras.training.carry_state
    assert keras.training.clip_norm == keras.training.clip_value == keras.model.dropout == 0

    mini = resolve_settings({}, "min-char-rnn")
    assert (mini.model.cell, mini.model.units, mini.model.init_stddev) == ("rnn", (100,), 0.01)
    assert (mini.windows.maxlen, mini.windows.targets) == (25, "sequence")
    assert mini.training.carry_state and mini.training.batch_size == 1
    assert (mini.training.optimizer, mini.training.learning_rate) == ("adagrad", 0.1)
    assert mini.training.loss_reduction == "sum" and mini.training.schedule == "constant"
    assert (mini.training.clip_value, mini.training.clip_norm) == (5.0, 0)
    assert mini.training.loss_smoothing == 0.999
    assert set(PRESETS) == {"small", "medium", "large", "keras-example", "min-char-rnn"}


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
