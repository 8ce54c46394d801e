"""Which value of each setting counts: the user's, the preset's, the corpus's or the default."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from textgen.errors import SettingsError
from textgen.settings.base import Config
from textgen.settings.checks import check_choice, check_number, check_single_precision
from textgen.settings.options import normalize_options
from textgen.settings.presets import PRESETS
from textgen.settings.settings import Settings
from textgen.settings.training import ModelConfig, TrainConfig, WindowConfig

_MAX_TIME = 1_000_000_000  # seconds: 32 years
# Settings that replace each other: the one that has the higher priority switches the other off.
_EXCLUSIVE = (("clip_norm", "clip_value"), ("time", "epochs"))

C = TypeVar("C", bound=Config)


def resolve_settings(
    explicit: Mapping[str, Any],
    preset: str | None = None,
    recorded: WindowConfig | None = None,
    automatic: Mapping[str, Any] | None = None,
) -> Settings:
    """All settings of a training, each from the source with the highest priority.

    Args:
        explicit: Settings by name, as the user gave them; these have the highest priority.
        preset: Name of a preset, the next in priority.
        recorded: The windows recorded in a prepared corpus, which replace the defaults.
        automatic: Settings that suit the corpus and the time: below the preset, above `recorded`.

    Raises:
        SettingsError: an unknown name or preset, a value out of bounds, or two settings that
            contradict each other.

    Example:
        >>> resolve_settings({"units": (512, 512)}, preset="keras-example").model.units
        (512, 512)
    """
    if preset is not None:
        check_choice("preset", preset, tuple(PRESETS))
    explicit = normalize_options(explicit)
    layers = (explicit, PRESETS.get(preset or "", {}), automatic or {})  # by priority
    values = {**layers[2], **layers[1], **layers[0]}
    values |= _switched_off(layers)
    parts: dict[str, Any] = {
        "windows": recorded or WindowConfig(),
        "model": ModelConfig(),
        "training": TrainConfig(),
    }
    part_of = {setting.name: part for part, config in parts.items() for setting in fields(config)}
    _check_names(values, part_of)
    parts = {
        part: replace(config, **{name: values[name] for name in values if part_of[name] == part})
        for part, config in parts.items()
    }
    if parts["windows"].targets == "last" and parts["training"].carry_state:
        if values.get("carry_state"):
            raise SettingsError("carry_state", "needs targets sequence, not last")
        parts["training"] = replace(parts["training"], carry_state=False)
    settings = Settings(**parts)
    _check_computable(settings)
    return settings


def build_config(config: type[C], given: C | Mapping[str, Any] | None) -> tuple[C, tuple[str, ...]]:
    """Settings of one class, and the names of those that the user chose.

    Args:
        config: The class.
        given: Some settings by name; or an object, by which the user chose all of its settings;
            None for the defaults.

    Raises:
        SettingsError: an unknown name, or a value out of its bounds.

    Example:
        >>> build_config(WindowConfig, {"maxlen": 40})[1]
        ('maxlen',)
    """
    names = [setting.name for setting in fields(config)]  # type: ignore[arg-type]
    if isinstance(given, Config):
        return given, tuple(names)
    values = normalize_options(given or {})
    _check_names(values, names)
    return config(**values), tuple(name for name in names if name in values)


def _switched_off(layers: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """The settings that are off because the user or a preset chose what replaces them.

    Args:
        layers: Settings by name; those of the user first, then by priority.
    """
    explicit = layers[0]
    off: dict[str, Any] = {}
    for pair in _EXCLUSIVE:
        for layer in layers:
            chosen = [name for name in pair if layer.get(name)]
            if chosen:
                off |= {name: explicit.get(name, 0) for name in pair if name not in chosen}
                break
    return off


def _check_names(values: Mapping[str, Any], names: Any) -> None:
    for name in values:
        if name not in names:
            raise SettingsError(name, "is not a setting of textgen")


def _check_computable(settings: Settings) -> None:
    """Raise `SettingsError` where a new training could not compute with a number.

    Settings that are read from files are not checked here: older versions accepted these numbers.
    """
    check_number("time", settings.training.time, at_most=_MAX_TIME)
    for name in ("learning_rate", "clip_norm", "clip_value", "init_stddev"):
        check_single_precision(name, settings.by_name()[name])
