"""Checks of single settings: each raises a `SettingsError` that names the setting."""

import re
import sys
import warnings
from typing import Any

from textgen.errors import SettingsError, first_line
from textgen.settings.values import to_python_value

# The range of numbers that single precision can hold, also when they are multiplied.
_MIN_FLOAT, _MAX_FLOAT = 1e-30, 3.4e38


def check_integer(name: str, value: Any, *, at_least: int, below: int = 2**63) -> int:
    """A setting's value as Python's int.

    Raises:
        SettingsError: it is not a whole number (of Python, NumPy or another library), or is out
            of its bounds.

    Example:
        >>> check_integer("maxlen", 40, at_least=1)
        40
    """
    number = to_python_value(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < at_least:
        raise SettingsError(name, f"must be a whole number, {at_least} or more, not {value!r}")
    if number >= below:
        raise SettingsError(name, f"must be below {below:,}")
    return number


def check_number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> None:
    """Check that a setting is a finite number within the bounds that are given.

    Raises:
        SettingsError: it is not.
    """
    bounds = [
        text
        for text, bound in (
            (f"{at_least} or more", at_least),
            (f"above {above}", above),
            (f"at most {at_most:,}" if at_most is not None else "", at_most),
            (f"below {below}", below),
        )
        if bound is not None
    ]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= sys.float_info.max  # also of integers that are larger than any float
        or (at_least is not None and value < at_least)
        or (at_most is not None and value > at_most)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    ):
        raise SettingsError(name, f"must be a number, {' and '.join(bounds)}, not {value!r}")


def check_single_precision(name: str, value: float) -> None:
    """Check that single precision does not turn a number into 0 or infinity.

    Raises:
        SettingsError: it does.
    """
    if value and not _MIN_FLOAT <= value <= _MAX_FLOAT:
        raise SettingsError(
            name,
            f"must be between {_MIN_FLOAT:g} and {_MAX_FLOAT:g}, which single precision can tell "
            f"from 0 and from infinity, not {value!r}",
        )


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Check that a setting is one of its choices.

    Raises:
        SettingsError: it is not.
    """
    if value not in choices:
        raise SettingsError(name, f"must be one of {', '.join(choices)}, not {value!r}")


def check_flag(name: str, value: Any) -> None:
    """Check that a setting is True or False.

    Raises:
        SettingsError: it is not.
    """
    if not isinstance(value, bool):
        raise SettingsError(name, f"must be true or false, not {value!r}")


def check_sequence(name: str, value: Any) -> None:
    """Check that a setting is a list or tuple; the characters of a text are not meant as one.

    Raises:
        SettingsError: it is not.
    """
    if not isinstance(value, list | tuple):
        raise SettingsError(name, f"must be a list or tuple, not {value!r}")


def check_expression(name: str, value: Any) -> None:
    """Check that a setting is a regular expression of Python.

    Raises:
        SettingsError: it is not.
    """
    if not isinstance(value, str):
        raise SettingsError(name, f"must be a regular expression, as a text, not {value!r}")
    try:
        with warnings.catch_warnings():  # of syntax that may change its meaning
            warnings.simplefilter("ignore")
            re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        problem = first_line(error) or type(error).__name__
        raise SettingsError(name, f"is not a regular expression: {problem}") from None


def check_temperature(name: str, value: Any) -> None:
    """Check that a number can be a temperature.

    Raises:
        SettingsError: it cannot.
    """
    check_number(name, value, at_least=0, at_most=1_000_000)  # above, single precision sees no more


def check_temperatures(values: Any) -> None:
    """Check that there is a list of one or more temperatures, without looking at each.

    Raises:
        SettingsError: there is not.
    """
    check_sequence("temperature", values)
    if not values:
        raise SettingsError("temperature", "must be given at least once")


def check_random_seed(value: Any) -> int:
    """A random seed as Python's int.

    Raises:
        SettingsError: it is not a whole number, 0 or more and below 2**32.
    """
    number = check_integer("random_seed", value, at_least=0)
    if number >= 2**32:  # NumPy's and TensorFlow's global generators take 32 bits
        raise SettingsError("random_seed", f"must be below 2**32, not {number}")
    return number
