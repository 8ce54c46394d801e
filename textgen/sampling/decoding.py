"""How the next character is chosen from logits.

Knows logits, temperatures and uniform random numbers; knows nothing of networks, characters or
where the random numbers come from.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def probabilities(logits: npt.NDArray[Any], temperature: float) -> Doubles:
    """The distribution that sampling draws from: softmax(logits / temperature).

    Args:
        logits: Shape (..., vocabulary); -inf for what must not be chosen.
        temperature: 0 or more; 0 puts everything on the largest logit, the first of equals.

    Returns:
        float64 of the same shape; the last axis adds up to 1.

    Example:
        >>> probabilities(np.log([0.2, 0.8]), 1.0).round(3).tolist()
        [0.2, 0.8]
    """
    if temperature == 0:
        first: Doubles = np.eye(logits.shape[-1])[logits.argmax(axis=-1)]
        return first
    below = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # a tiny temperature sends all but the largest to -inf
        weights = np.exp(below / temperature)
    total: Doubles = weights / weights.sum(axis=-1, keepdims=True)
    return total


def choose(
    logits: npt.NDArray[Any], temperature: float, uniforms: Doubles
) -> npt.NDArray[np.int64]:
    """Draw one id for each row.

    Args:
        logits: Shape (rows, vocabulary).
        temperature: 0 or more; at 0 the uniform numbers do not matter.
        uniforms: Random numbers in [0, 1), shape (rows,).

    Returns:
        int64 ids of shape (rows,).
    """
    if temperature == 0:
        return np.asarray(logits.argmax(axis=-1))
    cumulative = probabilities(logits, temperature).cumsum(axis=-1)
    # The sum may miss 1 by rounding: stretch the draw so that it always falls inside.
    draws = (uniforms * cumulative[:, -1])[:, None]
    return np.asarray((cumulative > draws).argmax(axis=-1))
