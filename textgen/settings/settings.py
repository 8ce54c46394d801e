"""All settings of a training together, and how they are read from files of other versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from textgen.errors import SettingsError, option_name
from textgen.settings.checks import check_sequence
from textgen.settings.training import ModelConfig, TrainConfig, WindowConfig
from textgen.settings.versions import is_newer, unknown_value

# The settings of TrainConfig that sampling and evaluating need, too.
_NEEDED = ("carry_state",)
_TRAINING_ONLY = "training_only"


@dataclass(frozen=True)
class Settings:
    """All settings of a training.

    Attributes:
        windows, model, training: The settings, by what they are about.
        unknown: Settings and values that a newer version of textgen wrote, that only training
            needs and that this version does not know, by name.
    """

    PARTS: ClassVar[dict[str, Any]] = {
        "windows": WindowConfig,
        "model": ModelConfig,
        "training": TrainConfig,
    }
    KEYS: ClassVar[frozenset[str]] = frozenset({*PARTS, _TRAINING_ONLY})

    windows: WindowConfig
    model: ModelConfig
    training: TrainConfig
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The parts as JSON objects, by name.

        With them is a list `training_only`, where it is not empty: settings of windows and model
        that older versions may ignore, since they affect nothing but training.
        """
        parts = {part: getattr(self, part).to_json() for part in self.PARTS}
        ignorable = [
            setting.name
            for part in ("windows", "model")
            for setting in fields(self.PARTS[part])
            if setting.metadata.get(_TRAINING_ONLY) and setting.name in parts[part]
        ]
        return {**parts, **({_TRAINING_ONLY: ignorable} if ignorable else {})}

    @classmethod
    def from_json(cls, data: Any, version: Any = None) -> Self:
        """Settings to train with, from what `to_json` returned: all of them must be known here.

        Args:
            data: A JSON object.
            version: The version of textgen that wrote it, where that is known.

        Raises:
            NewerVersionError: a newer version wrote a setting, or a value, that is unknown here.
            SettingsError: a part or a setting is missing or unknown, or a value out of its bounds.
        """
        return cls(
            **{
                part: config.from_json(_part(data, part), version)
                for part, config in cls.PARTS.items()
            }
        )

    @classmethod
    def from_model(cls, data: Any, version: Any) -> Self:
        """Settings of a trained model: what only training needs may be unknown here.

        Args:
            data: A JSON object with what `to_json` returned, and maybe more.
            version: The version of textgen that wrote it.

        Raises:
            As `from_json` does.
        """
        if not is_newer(version):
            return cls.from_json(data, version)
        windows, model, training = (_part(data, part) for part in cls.PARTS)
        ignorable = data.get(_TRAINING_ONLY, [])
        check_sequence(_TRAINING_ONLY, ignorable)
        ignorable = set(map(str, ignorable))
        known, unknown = _read_newer(TrainConfig, training, version)
        settings = cls(
            WindowConfig.from_json(windows, version, ignorable),
            ModelConfig.from_json(model, version, ignorable),
            known,
        )
        others = {**windows, **model}
        unknown |= {name: others[name] for name in others if name not in settings.by_name()}
        return replace(settings, unknown=unknown)

    @classmethod
    def legacy_defaults(cls) -> dict[str, Any]:
        """What each setting that 0.1.0 did not have means where it is missing, by name."""
        return {
            name: value
            for part in cls.PARTS.values()
            for name, value in part.legacy_defaults().items()
        }

    def by_name(self) -> dict[str, Any]:
        """Every setting's value, by name; no name is in two parts."""
        parts = {**vars(self.windows), **vars(self.model), **vars(self.training)}
        return {**parts, **self.unknown}


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of the JSON object that `to_json` returned."""
    if not isinstance(data.get(name), dict):
        raise SettingsError(name, "must be an object" if name in data else "is missing")
    part: dict[str, Any] = data[name]
    return part


def _read_newer(
    config: type[TrainConfig], data: Any, version: str
) -> tuple[TrainConfig, dict[str, Any]]:
    """The settings of a newer version, with the default for each value that is unknown here.

    Returns:
        The settings, and what is unknown, by name: settings and values.

    Raises:
        NewerVersionError: a value that sampling needs is unknown.
        SettingsError: a setting that every version has is missing.
    """
    values, unknown = config.split_json(data)
    defaults = vars(config())
    while True:
        try:
            return config(**values), unknown
        except SettingsError as error:
            name = _find_setting(error, values)
            if name is None or name in unknown or name in _NEEDED:
                raise unknown_value(version, error) from error
            unknown[name], values[name] = values[name], defaults[name]


def _find_setting(error: SettingsError, names: Mapping[str, Any]) -> str | None:
    """The field that an error is about; it may name the option, which is given for each value."""
    option = option_name(error.option)
    return next((name for name in names if option_name(name) == option), None)
