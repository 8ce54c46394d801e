"""How the next token is chosen from logits: temperature, top-k, top-p and min-p.

A token is drawn from softmax(logits / t) with the Gumbel-max trick: it is the one whose
logits + t * g is largest, where each g is a random number of the Gumbel distribution (Gumbel 1954;
Maddison, Tarlow and Minka 2014, section 2). At temperature 0 it is the most likely token. The
negative logarithm of an exponentially distributed number has the Gumbel distribution. The random
numbers do not depend on the logits, so they are drawn for many tokens at once. Subwords are many,
and one is drawn with a single random number: the cumulative distribution is inverted.

top-k, top-p and min-p are filters: functions from logits to logits that set excluded tokens to
-inf. To add one, write the function and list it in FILTERS, add the setting of the same name, whose
default turns it off, to `Filters` (settings/sampling.py) and `DecodingOptions`
(settings/options.py), the option to cli/sample.py, a line to `_HELP` in cli/interactive.py, and one
to the docstring of `Sampler.generate` and to docs/python.md. What is not a filter changes
`make_chooser` and `make_subword_chooser`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.settings import Decoding

Floats = npt.NDArray[np.floating[Any]]
Choose = Callable[[Floats, Any], Any]

_BLOCK = 32  # tokens whose weights are added first
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


def top_p(logits: Floats, p: float) -> Floats:
    """Exclude all but the fewest tokens that together have probability p (Holtzman 2020).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1.

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


def _top_p_of_many(logits: Floats, each: npt.NDArray[np.float64], p: float) -> Floats:
    """The same, but only tokens are sorted that are likely enough.

    Those with at most (1 - p) / vocabulary together have at most 1 - p, so none of them is needed;
    half of that bound leaves room for rounding.
    """
    filtered = np.full_like(logits, -np.inf)
    bound = (1 - p) / 2 / logits.shape[-1]
    for row in np.ndindex(logits.shape[:-1]):
        some = np.flatnonzero(each[row] > bound)
        order = some[np.argsort(-logits[row][some], kind="stable")]
        sorted_probabilities = each[row][order]
        likelier = np.cumsum(sorted_probabilities) - sorted_probabilities
        allowed = order[likelier < p]
        filtered[row][allowed] = logits[row][allowed]
    return filtered


def min_p(logits: Floats, p: float) -> Floats:
    """Exclude tokens less likely than p times the most likely one (Nguyen et al. 2024).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1.

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


def draw_noise(
    generator: np.random.Generator, count: int, vocabulary_size: int, temperature: float
) -> npt.NDArray[np.float32]:
    """Random numbers for choosing tokens: the temperature times Gumbel numbers.

    Args:
        generator: The source of randomness.
        count: How many tokens will be chosen.
        vocabulary_size: Number of ids.
        temperature: 0 or more.

    Returns:
        float32 of shape (count, vocabulary_size).
    """
    if temperature == 0:
        return np.zeros((count, vocabulary_size), np.float32)
    # In float64: one in ten million exponential numbers of float32 is 0, and its Gumbel infinite.
    numbers = generator.standard_exponential((count, vocabulary_size))
    np.log(numbers, out=numbers)
    numbers *= -temperature
    return numbers.astype(np.float32)


def make_chooser(decoding: Decoding, excluded: Sequence[int] = ()) -> Choose:
    """The function that chooses tokens.

    Args:
        decoding: The filters, and the temperature that the noise was drawn with; without filters
            the temperature makes no difference here.
        excluded: Ids that are never chosen.

    Returns:
        A function from logits of shape (..., vocabulary) and noise of that shape to int64 ids of
        shape (...).
    """
    filters, never = _active_filters(decoding), list(excluded)

    def choose_any(logits: Floats, noise: Floats) -> Any:
        sums = logits + noise
        if never:
            sums[..., never] = -np.inf
        return sums.argmax(-1)

    if not filters:
        return choose_any

    def choose(logits: Floats, noise: Floats) -> Any:
        allowed: Floats = logits.astype(np.float64)
        if never:
            allowed[..., never] = -np.inf
        allowed -= allowed.max(-1, keepdims=True)
        with np.errstate(over="ignore"):  # a tiny temperature sends all but the largest to -inf
            allowed /= decoding.temperature or 1
        for function, value in filters:
            allowed = function(allowed, value)
        return np.where(np.isneginf(allowed), -np.inf, logits + noise).argmax(-1)

    return choose


def draw_uniform(generator: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Random numbers for choosing subwords: one in [0, 1) for each, shape (count,)."""
    return generator.random(count)


def make_subword_chooser(decoding: Decoding, excluded: Sequence[int] = ()) -> Choose:
    """The function that chooses among many tokens, with one random number for each choice.

    It inverts the cumulative distribution. With a thousand tokens that takes a fifth of the time
    of a Gumbel number for each of them.

    Args:
        decoding: Temperature and filters.
        excluded: Ids that are never chosen.

    Returns:
        A function from float32 logits of shape (..., vocabulary), of which some may be -inf, and
        numbers of shape (...) in [0, 1) to int64 ids of shape (...).
    """
    # Logits are divided by it in float32, where the largest quotients are still finite.
    temperature = np.float32(max(decoding.temperature, 1e-30))
    filters = _active_filters(decoding)
    never = np.array(excluded, np.int64)
    buffer = np.zeros(0, np.float32)  # memory that was just allocated is slow
    ones = np.ones(_BLOCK, np.float32)

    def choose(logits: Floats, numbers: Any) -> Any:
        nonlocal buffer
        *rows, size = logits.shape
        if buffer.shape[:-1] != tuple(rows) or buffer.shape[-1] < size:
            buffer = np.zeros((*rows, -(-size // _BLOCK) * _BLOCK), np.float32)
        weights = buffer[..., :size]
        np.copyto(weights, logits)
        if len(never):
            weights[..., never] = -np.inf
        if not decoding.temperature:
            return weights.argmax(-1)
        np.subtract(weights, weights.max(-1, keepdims=True), out=weights)
        np.divide(weights, temperature, out=weights)
        for function, value in filters:
            np.copyto(weights, function(weights, value))
        np.exp(weights, out=weights)
        if not rows:
            sums = weights.cumsum(dtype=np.float64)
            return sums.searchsorted(numbers * sums[-1], "right")
        # Sums along rows are slow: first a block is chosen by its sum, then a token in the block.
        blocks = buffer.reshape(*rows, -1, _BLOCK)
        block, rest = _invert(blocks @ ones, numbers)
        within = np.take_along_axis(blocks, block[..., None, None], axis=-2)[..., 0, :]
        return block * _BLOCK + _invert(within, rest)[0]

    return choose


def _invert(
    weights: Floats, numbers: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where numbers from 0 to 1 are in cumulative distributions.

    Args:
        weights: Shape (..., places); each row has some above 0.
        numbers: Shape (...), in [0, 1).

    Returns:
        The places, whose weights are above 0; and where in its place each number is, in [0, 1).
    """
    sums = weights.cumsum(-1, dtype=np.float64)
    targets = (numbers * sums[..., -1])[..., None]
    places = (sums <= targets).sum(-1, keepdims=True)
    upper = np.take_along_axis(sums, places, -1)
    lower = np.where(places > 0, np.take_along_axis(sums, np.maximum(places - 1, 0), -1), 0)
    rest = np.minimum((targets - lower) / (upper - lower), 1 - 2**-53)
    return places[..., 0], rest[..., 0]


def has_filters(decoding: Decoding) -> bool:
    """Whether some tokens are excluded because others are more likely."""
    return bool(_active_filters(decoding))


def _active_filters(decoding: Decoding) -> list[tuple[Callable[[Floats, Any], Floats], Any]]:
    """The filters that are on, with their values."""
    if decoding.temperature == 0:  # the most likely token wins; no filter excludes it
        return []
    values = ((name, getattr(decoding, name)) for name in FILTERS)
    return [(FILTERS[name], value) for name, value in values if value != getattr(Decoding, name)]
