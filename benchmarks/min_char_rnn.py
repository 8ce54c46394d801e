"""The minimal character RNN as a plain NumPy program, to hold the preset against.

Written from the description of min-char-rnn: one tanh layer, one-hot characters, 25 characters of
back-propagation, carried hidden state, summed loss, every gradient element clipped to [-5, 5],
Adagrad. float64, no framework.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_SPAN = 25
_RATE = 0.1
_EPSILON = 1e-8
_CLIP = 5.0
_SMOOTHING = 0.999


def losses(
    ids: npt.NDArray[Any], weights: Sequence[npt.NDArray[Any]], steps: int
) -> Iterator[tuple[float, float]]:
    """Train, and tell the loss of each step in nats per character, as it is and smoothed.

    Args:
        ids: The text, shape (characters,).
        weights: Input kernel (size, units), recurrent kernel (units, units), bias (units,),
            output kernel (units, size), output bias (size,): where to begin.
        steps: How many steps.
    """
    parameters = [np.array(weight, np.float64) for weight in weights]
    memories = [np.zeros_like(parameter) for parameter in parameters]
    size = parameters[0].shape[0]
    smoothed = np.log(size)
    position, hidden = 0, np.zeros(parameters[1].shape[0])
    for _ in range(steps):
        if position + _SPAN + 1 > len(ids):
            position, hidden = 0, np.zeros_like(hidden)
        x = ids[position : position + _SPAN]
        y = ids[position + 1 : position + _SPAN + 1]
        loss, gradients, hidden = _gradients(x, y, hidden, parameters)
        for parameter, memory, gradient in zip(parameters, memories, gradients, strict=True):
            np.clip(gradient, -_CLIP, _CLIP, out=gradient)
            memory += gradient * gradient
            parameter -= _RATE * gradient / np.sqrt(memory + _EPSILON)
        smoothed = _SMOOTHING * smoothed + (1 - _SMOOTHING) * loss / _SPAN
        position += _SPAN
        yield loss / _SPAN, float(smoothed)


def _gradients(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    hidden: npt.NDArray[Any],
    parameters: list[npt.NDArray[Any]],
) -> tuple[float, list[npt.NDArray[Any]], npt.NDArray[Any]]:
    kernel, recurrent, bias, out_kernel, out_bias = parameters
    states, errors, loss = [hidden], [], 0.0
    for now, after in zip(x, y, strict=True):
        states.append(np.tanh(kernel[now] + states[-1] @ recurrent + bias))
        logits = states[-1] @ out_kernel + out_bias
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        loss -= float(np.log(chances[after]))
        chances[after] -= 1
        errors.append(chances)
    gradients = [np.zeros_like(parameter) for parameter in parameters]
    later = np.zeros_like(hidden)
    for place in reversed(range(len(x))):
        error, state, before = errors[place], states[place + 1], states[place]
        gradients[3] += np.outer(state, error)
        gradients[4] += error
        inner = (1 - state**2) * (out_kernel @ error + later)
        gradients[0][x[place]] += inner
        gradients[1] += np.outer(before, inner)
        gradients[2] += inner
        later = recurrent @ inner
    return loss, gradients, states[-1]
