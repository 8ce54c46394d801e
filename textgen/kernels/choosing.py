"""How tokens are chosen from logits, and their log-probabilities, compiled, one row at a time."""

from typing import Any

import numpy as np

from textgen.kernels.activations import LOWEST, exp
from textgen.kernels.simd import compiled, constants
from textgen.kernels.softmax import maximum
from textgen.kernels.vectors import keep_apart

BLOCK = 32  # tokens whose weights are added first
_ZERO, _LOWEST_LOGIT = constants(0, -np.inf)


@compiled
def _sum_exponentials(logits: Any, largest: Any, results: Any) -> None:
    """The sum of exp(logit - largest), as the first result."""
    total = _ZERO
    for column in range(len(logits)):
        total += exp(logits[column] - largest)
    results[0] = total


@compiled
def log_probability(logits: Any, token: Any, results: Any) -> None:
    """The log-probability of a token, as the first of 16 results."""
    keep_apart()
    maximum(logits, len(logits), results)
    largest = results[0]
    _sum_exponentials(logits, largest, results)
    results[0] = logits[token] - largest - np.float32(np.log(results[0]))


@compiled
def _weigh(logits: Any, largest: Any, temperature: Any, lowest: Any, weights: Any) -> None:
    """exp((logit - largest) / temperature), or 0 where that logarithm is below the lowest."""
    for column in range(len(logits)):
        scaled = (logits[column] - largest) / temperature
        weight = exp(scaled)
        weights[column] = weight if scaled >= lowest else _ZERO


@compiled
def _add_up(weights: Any, sums: Any) -> None:
    """Add up the weights of each block."""
    for block in range(len(sums)):
        part = weights[block * BLOCK : block * BLOCK + BLOCK]
        total = _ZERO
        for column in range(BLOCK):
            total += part[column]
        sums[block] = total


@compiled
def _find(weights: Any, number: Any, results: Any) -> None:
    """Where a number from 0 to 1 is in a cumulative distribution.

    Args:
        weights: float32, some above 0.
        number: In [0, 1).
        results: Takes the place, whose weight is above 0, and where in it the number is, in
            [0, 1); float64.
    """
    total = 0.0
    for column in range(len(weights)):
        total += np.float64(weights[column])
    target, upper, place = number * total, 0.0, 0
    for column in range(len(weights)):
        weight = np.float64(weights[column])
        if weight > 0:
            place = column
            results[1] = (target - upper) / weight
            upper += weight
            if upper > target:
                break
    results[0] = place
    results[1] = min(results[1], 1 - 2.0**-53)


@compiled
def choose(
    logits: Any, temperature: Any, lowest: Any, number: Any, weights: Any, results: Any
) -> int:
    """The token at a number from 0 to 1 in the cumulative distribution.

    Args:
        logits: Shape (vocabulary,); -inf for tokens that cannot follow, of which one can.
        temperature: float32; 0 for the most likely token.
        lowest: The least logarithm of a token's weight over that of the most likely one; float32.
        number: In [0, 1).
        weights: Space, zeros of shape (blocks, BLOCK), contiguous, for all tokens.
        results: Space, float32 of shape (16 + blocks,).
    """
    keep_apart()
    maximum(logits, len(logits), results)
    largest = results[0]
    if temperature == _ZERO:
        for column in range(len(logits)):
            if logits[column] == largest:
                return column
        return 0  # no number is largest
    flat = weights.reshape(weights.size)
    _weigh(logits, largest, temperature, max(lowest, LOWEST), flat)
    sums = results[16:]
    _add_up(flat, sums)
    place = np.empty(2, np.float64)
    _find(sums, number, place)
    block = int(place[0])
    _find(weights[block], place[1], place)
    return min(block * BLOCK + int(place[0]), len(logits) - 1)
