"""Which tokens can be chosen: top-k, top-p and min-p; and probabilities from logits.

These are filters: functions from logits to logits that set excluded tokens to -inf. To add one,
write the function and list it in FILTERS, add the setting of the same name, whose default turns it
off, to `Filters` (settings/sampling.py) and `DecodingOptions` (settings/options.py), the option to
cli/sample.py, a line to `_HELP` in cli/interactive.py, and one to the docstring of
`Sampler.generate` and to docs/python.md; and list the setting in ROW_SETTINGS if the function can
take a value for each row. How a token is drawn is in choosing.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textgen.settings import Decoding

Floats = npt.NDArray[np.floating[Any]]
Value = float | npt.NDArray[np.float64]  # of a setting: one for all rows, or one for each
Values = Mapping[str, Value]  # by the name of the setting


class Choose(Protocol):
    """A function that chooses tokens."""

    def __call__(self, logits: Floats, numbers: Any, values: Values | None = None, /) -> Any:
        """The ids of the tokens that are next.

        Args:
            logits: Shape (..., vocabulary).
            numbers: Random numbers in [0, 1), float64 of shape (...).
            values: The temperature and `ROW_SETTINGS` of each row, shape (..., 1); None for those
                that this function was made with.
        """
        ...


_FEW = 256  # tokens that are sorted without leaving out the least likely ones first


def top_k(logits: Floats, k: int) -> Floats:
    """Exclude all but the k most likely tokens (Fan, Lewis and Dauphin 2018).

    Args:
        logits: Shape (..., vocabulary).
        k: 1 or more. Characters as likely as the last of these stay, too.

    Example:
        >>> top_k(np.array([1.0, 3.0, 2.0]), 2).tolist()
        [-inf, 3.0, 2.0]
    """
    if k >= logits.shape[-1]:
        return logits
    least = np.partition(logits, -k, axis=-1)[..., -k, None]
    return np.where(logits >= least, logits, -np.inf)


def top_p(logits: Floats, p: Value) -> Floats:
    """Exclude all but the fewest tokens that together have probability p (Holtzman 2020).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1; one number, or one for each row, shape (..., 1).

    Example:
        >>> top_p(np.log([0.2, 0.5, 0.3]), 0.6).round(1).tolist()
        [-inf, -0.7, -1.2]
    """
    each = probabilities(logits)
    if logits.shape[-1] > _FEW:
        return _top_p_of_many(logits, each, p)
    order = np.argsort(-logits, axis=-1, kind="stable")
    sorted_probabilities = np.take_along_axis(each, order, axis=-1)
    likelier = np.cumsum(sorted_probabilities, axis=-1) - sorted_probabilities
    allowed = np.empty(logits.shape, np.bool_)
    np.put_along_axis(allowed, order, likelier < p, axis=-1)
    return np.where(allowed, logits, -np.inf)


def _top_p_of_many(logits: Floats, each: npt.NDArray[np.float64], p: Value) -> Floats:
    """The same, but only tokens are sorted that are likely enough.

    Those with at most (1 - p) / vocabulary together have at most 1 - p, so none of them is needed;
    half of that bound leaves room for rounding.
    """
    filtered = np.full_like(logits, -np.inf)
    limits = np.broadcast_to(p, (*logits.shape[:-1], 1))
    bounds = (1 - limits) / 2 / logits.shape[-1]
    for row in np.ndindex(logits.shape[:-1]):
        some = np.flatnonzero(each[row] > bounds[row])
        order = some[np.argsort(-logits[row][some], kind="stable")]
        sorted_probabilities = each[row][order]
        likelier = np.cumsum(sorted_probabilities) - sorted_probabilities
        allowed = order[likelier < limits[row]]
        filtered[row][allowed] = logits[row][allowed]
    return filtered


def min_p(logits: Floats, p: Value) -> Floats:
    """Exclude tokens less likely than p times the most likely one (Nguyen et al. 2024).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1; one number, or one for each row, shape (..., 1).

    Example:
        >>> min_p(np.log([0.1, 0.6, 0.3]), 0.4).round(1).tolist()
        [-inf, -0.5, -1.2]
    """
    return np.where(logits >= logits.max(axis=-1, keepdims=True) + np.log(p), logits, -np.inf)


# By the name of the setting in `Filters`, whose default turns the filter off; in this order.
FILTERS: dict[str, Callable[[Floats, Any], Floats]] = {
    "top_k": top_k,
    "top_p": top_p,
    "min_p": min_p,
}

# Settings that may differ from row to row. top_k may not.
ROW_SETTINGS = ("temperature", "top_p", "min_p")


def probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """softmax(logits).

    Args:
        logits: Shape (..., vocabulary); -inf for excluded tokens.

    Returns:
        float64 of the same shape; the last axis adds up to 1.

    Example:
        >>> probabilities(np.log([0.2, 0.8])).round(3).tolist()
        [0.2, 0.8]
    """
    below = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    weights: npt.NDArray[np.float64] = np.exp(below)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """log(softmax(logits)), in float64 and of the same shape."""
    below = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def find_most_likely(logs: Floats, count: int) -> list[int]:
    """The ids of the most likely tokens, the most likely first, without impossible ones.

    Args:
        logs: Their log-probabilities, shape (vocabulary,).
        count: How many, at most; 0 or more.

    Returns:
        The ids; of equally likely tokens, the smaller id first.

    Example:
        >>> find_most_likely(np.log([0.2, 0.5, 0.3]), 2)
        [1, 2]
    """
    if count < len(logs):
        ids = np.flatnonzero(logs >= np.partition(logs, -count)[-count])
    else:
        ids = np.arange(len(logs))
    ids = ids[np.argsort(-logs[ids], kind="stable")][:count]
    return [number for number in ids.tolist() if logs[number] > -np.inf]


def list_filters(decoding: Decoding) -> tuple[tuple[str, float | None], ...]:
    """The names of the filters that are on, with the value of those whose rows have the same."""
    return tuple(
        (name, None if name in ROW_SETTINGS else getattr(decoding, name))
        for name, _ in active_filters(decoding)
    )


def active_filters(decoding: Decoding) -> list[tuple[str, Callable[[Floats, Any], Floats]]]:
    """The filters that are on, by name."""
    if decoding.final_temperature == 0:  # the most likely token wins; no filter excludes it
        return []
    return [
        (name, function)
        for name, function in FILTERS.items()
        if getattr(decoding, name) != getattr(Decoding, name)
    ]


def values_of(decoding: Decoding) -> dict[str, Value]:
    """The values of all settings, with a temperature to divide by."""
    names = {*ROW_SETTINGS, *FILTERS}
    values: dict[str, Value] = {name: getattr(decoding, name) for name in names}
    return values | {"temperature": decoding.final_temperature or 1}
