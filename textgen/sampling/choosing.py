"""How the next token is chosen, with one random number for each choice.

A token is drawn from softmax(logits / temperature) by inverting the cumulative distribution: of
weights that add up to s, it is the one in whose part of the sum the number times s falls. At
temperature 0 it is the most likely token. What is not a filter of decoding.py and concerns all
texts changes `make_chooser`; what depends on the text so far is a `Control` (control.py).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.decoding import Choose, Floats, Values, active_filters, values_of
from textgen.settings import Decoding

_BLOCK = 32  # tokens whose weights are added first
_FEW = 256  # tokens whose weights are added one after the other
LEAST_TEMPERATURE = 1e-30  # in float32 the largest quotients are still finite


def make_chooser(decoding: Decoding, excluded: Sequence[int] = ()) -> Choose:
    """The function that chooses tokens.

    Args:
        decoding: Temperature and filters.
        excluded: Ids that are never chosen.

    Returns:
        A function from float32 logits of shape (..., vocabulary), of which some may be -inf, and
        numbers of shape (...) in [0, 1) to int64 ids of shape (...).
    """
    filters, own = active_filters(decoding), values_of(decoding)
    never, is_greedy = list(excluded), not decoding.final_temperature
    temperature = np.float32(max(decoding.final_temperature, LEAST_TEMPERATURE))
    memory: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # new memory is slow
    ones = np.ones(_BLOCK, np.float32)

    def choose_one(logits: Floats, number: float) -> Any:
        return _find(np.exp((logits - logits.max()) / temperature), number)

    def choose(logits: Floats, numbers: Any, values: Values | None = None) -> Any:
        nonlocal memory
        *rows, size = logits.shape
        if never:
            logits = logits.copy()
            logits[..., never] = -np.inf
        if is_greedy:
            return logits.argmax(-1)
        if not rows and not filters and values is None:
            return choose_one(logits, numbers)
        values = values or own
        shape = (*rows, -(-size // _BLOCK) * _BLOCK)
        if memory.shape[1:] != shape[1:] or len(memory) < shape[0]:
            memory = np.zeros(shape, np.float32)
        buffer = memory[: shape[0]]
        weights = buffer[..., :size]
        np.subtract(logits, logits.max(-1, keepdims=True), out=weights)
        np.divide(
            weights,
            np.asarray(np.maximum(values["temperature"], LEAST_TEMPERATURE), np.float32),
            out=weights,
        )
        for name, function in filters:
            np.copyto(weights, function(weights, values.get(name, own[name])))
        np.exp(weights, out=weights)
        if size <= _FEW:
            sums = weights.cumsum(-1, dtype=np.float64)
            places = (sums <= np.asarray(numbers)[..., None] * sums[..., -1:]).sum(-1)
            return np.minimum(places, size - 1)
        if not rows:
            return _find(weights, numbers)
        # Sums along rows are slow: first a block is chosen by its sum, then a token in the block.
        blocks = buffer.reshape(*rows, -1, _BLOCK)
        block, rest = _invert(blocks @ ones, numbers)
        within = np.take_along_axis(blocks, block[..., None, None], axis=-2)[..., 0, :]
        return np.minimum(block * _BLOCK + _invert(within, rest)[0], size - 1)

    return choose


def _find(weights: Floats, number: float) -> Any:
    """Where a number from 0 to 1 is in a cumulative distribution, shape (places,)."""
    sums = weights.cumsum(dtype=np.float64)
    place = sums.searchsorted(number * sums[-1], "right")
    return min(place, len(sums) - 1)


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
    # With logits that are no numbers, no place is right.
    places = np.minimum((sums <= targets).sum(-1, keepdims=True), sums.shape[-1] - 1)
    upper = np.take_along_axis(sums, places, -1)
    lower = np.where(places > 0, np.take_along_axis(sums, np.maximum(places - 1, 0), -1), 0)
    rest = np.minimum((targets - lower) / (upper - lower), 1 - 2**-53)
    return places[..., 0], rest[..., 0]
