"""The minimal character RNN as a plain NumPy program, to compare the preset with.

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


def train(
    ids: npt.NDArray[Any], weights: Sequence[npt.NDArray[Any]], steps: int
) -> Iterator[tuple[float, float]]:
    """Train, and yield the loss of each step in nats per character, itself and smoothed.

    Args:
        ids: The text, shape (characters,).
        weights: Input kernel (size, units), recurrent kernel (units, units), bias (units,),
            output kernel (units, size), output bias (size,): the initial ones.
        steps: The number of steps.
    """
    parameters = [np.array(weight, np.float64) for weight in weights]
    accumulators = [np.zeros_like(parameter) for parameter in parameters]
    size = parameters[0].shape[0]
    smoothed = np.log(size)
    position, hidden = 0, np.zeros(parameters[1].shape[0])
    for _ in range(steps):
        if position + _SPAN + 1 > len(ids):
            position, hidden = 0, np.zeros_like(hidden)
        x = ids[position : position + _SPAN]
        y = ids[position + 1 : position + _SPAN + 1]
        loss, gradients, hidden = _gradients(x, y, hidden, parameters)
        for parameter, accumulator, gradient in zip(
            parameters, accumulators, gradients, strict=True
        ):
            np.clip(gradient, -_CLIP, _CLIP, out=gradient)
            accumulator += gradient * gradient
            parameter -= _RATE * gradient / np.sqrt(accumulator + _EPSILON)
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
    for character, target in zip(x, y, strict=True):
        states.append(np.tanh(kernel[character] + states[-1] @ recurrent + bias))
        logits = states[-1] @ out_kernel + out_bias
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        loss -= float(np.log(probabilities[target]))
        probabilities[target] -= 1
        errors.append(probabilities)
    gradients = [np.zeros_like(parameter) for parameter in parameters]
    hidden_gradient = np.zeros_like(hidden)
    for position in reversed(range(len(x))):
        error, state, previous = errors[position], states[position + 1], states[position]
        gradients[3] += np.outer(state, error)
        gradients[4] += error
        gradient = (1 - state**2) * (out_kernel @ error + hidden_gradient)
        gradients[0][x[position]] += gradient
        gradients[1] += np.outer(previous, gradient)
        gradients[2] += gradient
        hidden_gradient = recurrent @ gradient
    return loss, gradients, states[-1]
