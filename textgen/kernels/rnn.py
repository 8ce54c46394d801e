"""One token of one row of a simple RNN, h = tanh(sum), and its gradient."""

from typing import Any

import numpy as np

from textgen.kernels.activations import tanh
from textgen.kernels.simd import compiled

_ONE = np.float32(1)


@compiled
def step(saved: Any, output: Any) -> None:
    """The output.

    Args:
        saved: The sums, (units or more,); takes h.
        output: Takes h, (units,).
    """
    for unit in range(len(output)):
        output[unit] = tanh(saved[unit])
        saved[unit] = output[unit]


@compiled
def gradients(saved: Any, d_output: Any, dh: Any, d_sums: Any) -> None:
    """Gradients of the sums.

    Args:
        saved: From `step`.
        d_output: Gradient of the output, (units,).
        dh: Gradient of h from the token after.
        d_sums: Takes the gradients.
    """
    for unit in range(len(d_output)):
        h = saved[unit]
        d_sums[unit] = (dh[unit] + d_output[unit]) * (_ONE - h * h)
