"""Undocumented names of other packages that textgen uses, each with its check.

A version in which one of them is gone or different fails here, with one line, before it trains.
Those of Keras are in compute/keras_names.py, of the frameworks in compute/backends/, of Numba in
kernels/numba_names.py, of Python itself in sampling/automaton/syntax.py. Whether Keras calls the
methods that textgen overrides is checked in the first training step (compute/overrides.py).
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from textgen.packages import incompatible


@dataclass(frozen=True, eq=False)
class PrivateNames:
    """The undocumented names of one package.

    Attributes:
        package: As Python imports it and pip installs it, or "Python".
        checks: For each name a function that returns something true if textgen can use it, and
            raises or returns something false otherwise.
    """

    package: str
    checks: Mapping[str, Callable[[], object]]


@cache
def check(names: PrivateNames) -> None:
    """Check once that a package, which is installed, has all the names that textgen uses.

    Raises:
        TrainingError: a name is gone or different.
    """
    for name, is_usable in names.checks.items():
        try:
            usable = is_usable()
        except (AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
            raise incompatible(names.package, f"it has no {name} ({error})") from error
        if not usable:
            raise incompatible(names.package, f"its {name} is different")


def lookup(module: str, names: str = "") -> Any:
    """An attribute of a module, by its dotted name."""
    return reduce(getattr, names.split("."), importlib.import_module(module))


def has_parameters(function: Any, *parameters: str) -> bool:
    """Whether a function has parameters of these names."""
    return set(parameters) <= inspect.signature(function).parameters.keys()
