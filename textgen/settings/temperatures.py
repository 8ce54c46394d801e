"""Temperatures: a number, or two between which it changes, as in 1.0:0.5."""

from dataclasses import dataclass
from typing import Any

from textgen.errors import SettingsError
from textgen.settings.checks import check_temperature

UNITS = ("line", "word")


@dataclass(frozen=True)
class TemperatureRamp:
    """A temperature that changes evenly.

    Attributes:
        start, end: From, and to.
        unit: What it changes over: `text`, or each `line` or `word`.
    """

    start: float
    end: float
    unit: str = "text"


def parse_temperature(value: Any) -> float | TemperatureRamp:
    """What a temperature means.

    Args:
        value: A number, or a text: `1.0:0.5` for a change over the text, `1.0:0.5/line` and
            `1.0:0.5/word` for one over each line or word.

    Raises:
        SettingsError: it is something else, or out of its bounds.

    Example:
        >>> parse_temperature("1.0:0.5/word")
        TemperatureRamp(start=1.0, end=0.5, unit='word')
    """
    if not isinstance(value, str):
        check_temperature("temperature", value)
        return float(value)
    numbers, has_unit, unit = value.partition("/")
    try:
        found = [float(number) for number in numbers.split(":")]
    except ValueError:
        found = []
    if len(found) != 2 or (has_unit and unit not in UNITS):
        raise SettingsError(
            "temperature",
            f"must be a number, or from:to as in 1.0:0.5, 1.0:0.5/line or 1.0:0.5/word, not "
            f"{value!r}",
        )
    for number in found:
        check_temperature("temperature", number)
    return TemperatureRamp(found[0], found[1], unit or "text")
