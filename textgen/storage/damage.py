"""Damaged and untrusted files: checks of their content, and what messages say about them."""

import json
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from textgen.errors import NewerVersionError, SettingsError, TextgenError, first_line

T = TypeVar("T")

# What reading damaged JSON, arrays and archives can raise.
DAMAGE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,  # an archive that is encrypted, JSON that is nested too deep
    zipfile.BadZipFile,
    tokenize.TokenError,  # the header of a .npy file
    SyntaxError,  # that, too
)

_TYPE_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}


class DamageError(ValueError):
    """What is wrong with a file, in words that a message can show after the file's name."""


def describe_damage(error: Exception) -> str:
    """What is wrong with a file, for a message.

    Args:
        error: A `SettingsError`, or one of `DAMAGE_ERRORS`. The texts of Python's own errors are
            not for users: `KeyError('windows')` reads just 'windows'.

    Example:
        >>> describe_damage(DamageError("windows is missing")), describe_damage(KeyError("windows"))
        ('windows is missing', 'cannot be read')
    """
    if isinstance(error, DamageError | SettingsError):
        return first_line(error)
    return (isinstance(error, OSError) and error.strerror) or "cannot be read"


@contextmanager
def report_damage(path: Path, error_class: type[TextgenError], remedy: str) -> Iterator[None]:
    """Turn errors about the content of a file into one that names the file.

    Args:
        path: The file.
        error_class: The class of the error.
        remedy: What the user can do about it, at the end of the message.

    Example:
        >>> with report_damage(Path("m/settings.json"), TextgenError, "train it again"):
        ...     get_item(parse_json(b"{}", dict), "windows", dict)
        Traceback (most recent call last):
        textgen.errors.TextgenError: m/settings.json: damaged (windows is missing); train it again
    """
    try:
        yield
    except NewerVersionError as error:
        raise error_class(f"{path}: {error}") from error
    except (*DAMAGE_ERRORS, SettingsError) as error:
        raise error_class(f"{path}: damaged ({describe_damage(error)}); {remedy}") from error


def parse_json(content: bytes, expected: type[T]) -> T:
    """The value in a JSON file.

    Args:
        content: The file's bytes.
        expected: Its type: dict, list, str or bool.

    Raises:
        DamageError: it is not JSON, or of another type.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise DamageError("not JSON") from None
    if not isinstance(value, expected):
        raise DamageError(f"not {_TYPE_NAMES[expected]}")
    return value


def get_item(data: dict[str, Any], name: str, expected: type[T], default: T | None = None) -> T:
    """An item of a JSON object.

    Args:
        data: The object.
        name: The item's name.
        expected: Its type: dict, list, str or bool.
        default: What a missing item means; None where it must not be missing.

    Raises:
        DamageError: it is missing, or of another type.
    """
    value = data.get(name, default)
    if value is None and name not in data:
        raise DamageError(f"{name} is missing")
    if not isinstance(value, expected):
        raise DamageError(f"{name} must be {_TYPE_NAMES[expected]}")
    return value
