"""What all classes of settings share: they are checked, written to JSON and read from it."""

from collections.abc import Collection
from dataclasses import asdict, field, fields
from typing import Any, Self

from textgen.errors import SettingsError
from textgen.settings.values import to_python_value
from textgen.settings.versions import is_newer, unknown_setting, unknown_value


def added_in(version: str, default: Any, *, before: Any, training_only: bool = False) -> Any:
    """Declare a setting that textgen 0.1.0 did not have.

    A file that lacks the setting was written without it, so there it means `before`. For the same
    reason a setting whose value is `before` is not written, and older versions can read the file.

    Args:
        version: The first version of textgen that has the setting.
        default: Its default in new trainings.
        before: What textgen did before it had the setting. Never change this value.
        training_only: Whether a setting of windows or model affects nothing but training. Older
            versions may then sample from the model without knowing the setting.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Example(Config):
        ...     zoneout: float = added_in("0.2.0", 0.1, before=0.0)
        >>> Example(), Example.from_json({}), Example.from_json({}).to_json()
        (Example(zoneout=0.1), Example(zoneout=0.0), {})
    """
    about = {"added": version, "before": before, "training_only": training_only}
    return field(default=default, metadata=about)


class Config:
    """The base of each class of settings: a frozen dataclass that checks its values."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, to_python_value(value))  # frozen, but not yet in use

    def to_json(self) -> dict[str, Any]:
        """The settings as a JSON object, tuples as lists.

        A setting whose value is what textgen did before it had the setting is left out.
        """
        before = self.legacy_defaults()
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()  # type: ignore[call-overload]
            if name not in before or before[name] != value
        }

    @classmethod
    def from_json(cls, data: Any, version: Any = None, ignored: Collection[str] = ()) -> Self:
        """Settings from what `to_json` returned, in this version of textgen or another.

        A setting that the data lack means what it meant before it existed.

        Args:
            data: A JSON object.
            version: The version of textgen that wrote it, where that is known.
            ignored: Names of settings that may be unknown here.

        Raises:
            NewerVersionError: a newer version wrote a setting, or a value, that is unknown here.
            SettingsError: a name is missing or unknown, or a value is out of its bounds.
        """
        values, unknown = cls.split_json(data)
        for name in sorted(unknown.keys() - set(ignored)):
            if is_newer(version):
                raise unknown_setting(version, name)
            raise SettingsError(name, "is unknown")
        try:
            return cls(**values)
        except SettingsError as error:
            if is_newer(version):
                raise unknown_value(version, error) from error
            raise

    @classmethod
    def split_json(cls, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of all settings in a JSON object, by name, and what else it holds.

        Raises:
            SettingsError: it is not an object, or lacks a setting that every version has.
        """
        if not isinstance(data, dict):
            raise SettingsError(cls.__name__, f"must be an object, not {data!r}")
        names = {setting.name for setting in fields(cls)}  # type: ignore[arg-type]
        values = {name: to_python_value(value) for name, value in data.items() if name in names}
        values = {**cls.legacy_defaults(), **values}
        for name in sorted(names - values.keys()):
            raise SettingsError(name, "is missing")
        return values, {name: value for name, value in data.items() if name not in names}

    @classmethod
    def legacy_defaults(cls) -> dict[str, Any]:
        """What each setting that 0.1.0 did not have means where it is missing."""
        return {
            setting.name: setting.metadata["before"]
            for setting in fields(cls)  # type: ignore[arg-type]
            if "before" in setting.metadata
        }
