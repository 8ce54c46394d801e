"""How the next character is chosen from logits.

Knows logits, temperatures and random numbers; knows nothing of networks or characters.

A character is drawn from softmax(logits / t) by the Gumbel-max method: it is the one whose
logits + t * g is largest, where each g is a random number of the Gumbel distribution (Gumbel 1954;
Maddison, Tarlow and Minka 2014, section 2); at temperature 0 that is the likeliest character. -log
of an exponentially distributed number is such a number. The random numbers do not depend on the
logits, so they are drawn for many characters at once.

top-k, top-p and min-p shut characters out: they are functions from logits to logits in which those
characters have -inf.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.settings import Decoding

Floats = npt.NDArray[np.floating[Any]]
Choose = Callable[[Floats, Floats], Any]


def top_k(logits: Floats, k: int) -> Floats:
    """Shut out all but the k likeliest characters (Fan, Lewis and Dauphin 2018).

    Args:
        logits: Shape (..., vocabulary).
        k: 1 or more. Characters as likely as the last one let in are let in too.

    Example:
        >>> top_k(np.array([1.0, 3.0, 2.0]), 2).tolist()
        [-inf, 3.0, 2.0]
    """
    if k >= logits.shape[-1]:
        return logits
    least = np.partition(logits, -k, axis=-1)[..., -k, None]
    return np.where(logits >= least, logits, -np.inf)


def top_p(logits: Floats, p: float) -> Floats:
    """Shut out all but the fewest characters that together have probability p (Holtzman 2020).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1.

    Example:
        >>> top_p(np.log([0.2, 0.5, 0.3]), 0.6).round(1).tolist()
        [-inf, -0.7, -1.2]
    """
    order = np.argsort(-logits, axis=-1, kind="stable")
    sorted_probabilities = np.take_along_axis(probabilities(logits), order, axis=-1)
    likelier = np.cumsum(sorted_probabilities, axis=-1) - sorted_probabilities
    kept = np.empty(logits.shape, np.bool_)
    np.put_along_axis(kept, order, likelier < p, axis=-1)
    return np.where(kept, logits, -np.inf)


def min_p(logits: Floats, p: float) -> Floats:
    """Shut out characters less likely than p times the likeliest (Nguyen et al. 2024).

    Args:
        logits: Shape (..., vocabulary).
        p: Above 0, at most 1.

    Example:
        >>> min_p(np.log([0.1, 0.6, 0.3]), 0.4).round(1).tolist()
        [-inf, -0.5, -1.2]
    """
    return np.where(logits >= logits.max(axis=-1, keepdims=True) + np.log(p), logits, -np.inf)


def probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """softmax(logits).

    Args:
        logits: Shape (..., vocabulary); -inf for what is shut out.

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


def noise(
    generator: np.random.Generator, characters: int, size: int, temperature: float
) -> npt.NDArray[np.float32]:
    """Random numbers for choosing characters: the temperature times Gumbel numbers.

    Args:
        generator: Where randomness comes from.
        characters: For how many characters.
        size: The vocabulary's size.
        temperature: 0 or more.

    Returns:
        float32 of shape (characters, size).
    """
    if temperature == 0:
        return np.zeros((characters, size), np.float32)
    # In float64: one in ten million exponential numbers of float32 is 0, and its Gumbel infinite.
    numbers = generator.standard_exponential((characters, size))
    np.log(numbers, out=numbers)
    numbers *= -temperature
    return numbers.astype(np.float32)


def chooser(decoding: Decoding, unknown: int | None = None) -> Choose:
    """The function that chooses characters.

    Args:
        decoding: What is shut out, and the temperature that the noise was made for.
        unknown: An id that is never chosen.

    Returns:
        A function from logits of shape (..., vocabulary) and `noise` of that shape to int64 ids
        of shape (...).
    """
    cuts: list[Callable[[Floats], Floats]] = []
    if decoding.temperature > 0:  # at 0 the likeliest is taken, which no cut shuts out
        if decoding.top_k:
            cuts.append(lambda logits: top_k(logits, decoding.top_k))
        if decoding.top_p < 1:
            cuts.append(lambda logits: top_p(logits, decoding.top_p))
        if decoding.min_p:
            cuts.append(lambda logits: min_p(logits, decoding.min_p))
    if not cuts and unknown is None:
        return lambda logits, noise: (logits + noise).argmax(-1)

    def choose(logits: Floats, noise: Floats) -> Any:
        allowed: Floats = logits.astype(np.float64)
        if unknown is not None:
            allowed[..., unknown] = -np.inf
        allowed -= allowed.max(-1, keepdims=True)
        with np.errstate(over="ignore"):  # a tiny temperature sends all but the largest to -inf
            allowed /= decoding.temperature or 1
        for cut in cuts:
            allowed = cut(allowed)
        return np.where(np.isneginf(allowed), -np.inf, logits + noise).argmax(-1)

    return choose
