"""Values of settings: in Python's own types, and as text."""

import operator
import sys
from numbers import Real
from typing import Any


def to_python_value(value: Any) -> Any:
    """A setting in Python's own types: numbers of NumPy as int, float or bool, lists as tuples.

    What is neither a number nor a list is returned as it is.

    Example:
        >>> import numpy as np
        >>> to_python_value([np.int64(3), np.float32(0.5)])
        (3, 0.5)
    """
    if isinstance(value, list | tuple):
        return tuple(to_python_value(item) for item in value)
    if isinstance(value, bool):
        return value
    # NumPy's bool belongs to no class of Python's; without NumPy there is none.
    if (numpy := sys.modules.get("numpy")) and isinstance(value, numpy.bool_):
        return bool(value)
    try:
        return operator.index(value)
    except TypeError:
        return float(value) if isinstance(value, Real) else value


def format_value(value: Any) -> str:
    """A setting's value as it is given on the command line.

    Example:
        >>> format_value((512, 512)), format_value(600.0)
        ('512,512', '600')
    """
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0")
