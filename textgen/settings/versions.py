"""Versions of textgen in files: which are newer than this one, and what is said about those."""

import re
from typing import Any

from textgen import __version__
from textgen.errors import NewerVersionError, SettingsError

# Numbered as Python packages are: 0.2.0, 0.2.0.dev1, 0.2.0rc1.
_VERSION = re.compile(r"(\d{1,6}(?:\.\d{1,6}){1,3})(?:\.?[a-z]{1,4}\d{1,6}){0,3}")


def is_newer(version: Any) -> bool:
    """Whether a file says that a newer version of textgen than this one wrote it.

    Args:
        version: What the file says, which may be anything.

    Example:
        >>> is_newer("99.0.0"), is_newer("0.1.0"), is_newer(None)
        (True, False, False)
    """
    return _release(version) > _release(__version__)


def _release(version: Any) -> tuple[int, ...]:
    """The numbers of a version, such as (0, 2, 0) of 0.2.0.dev1; () if it is not a version."""
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return tuple(map(int, match[1].split("."))) if match else ()


def unknown_setting(version: str, name: str) -> NewerVersionError:
    """The error for a setting that a newer version wrote and this one does not have."""
    shown = name if name.isidentifier() else repr(name)
    return NewerVersionError(
        f"written by textgen {version}, which has a setting {shown} that this version "
        f"({__version__}) does not know; install keras-textgen>={version}"
    )


def unknown_value(version: str, error: SettingsError) -> NewerVersionError:
    """The error for a value that a newer version wrote and this one refuses."""
    return NewerVersionError(
        f"written by textgen {version}, and for this version ({__version__}) {error}; install "
        f"keras-textgen>={version}"
    )
