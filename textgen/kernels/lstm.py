"""One token of one row of an LSTM: gates, cell and output, and their gradients.

Names as in keras.layers.LSTM: the gates i, f, c (here g) and o lie side by side.
"""

from typing import Any

import numpy as np

from textgen.kernels.activations import sigmoid, tanh
from textgen.kernels.simd import compiled

_ONE = np.float32(1)


@compiled
def _sigmoids(z: Any) -> None:
    for unit in range(len(z)):
        z[unit] = sigmoid(z[unit])


@compiled
def step(saved: Any, before: Any, after: Any, output: Any) -> None:
    """Gates, cell and output.

    Args:
        saved: The sums inside the gates, (4 units); takes the gates, and after them tanh of c after
            the token: (5 units).
        before: c before the token, (units,), as all that follow.
        after: Takes c after the token.
        output: Takes h after the token.
    """
    units = len(output)
    i, f, g = saved[:units], saved[units : 2 * units], saved[2 * units : 3 * units]
    o, tanh_c = saved[3 * units : 4 * units], saved[4 * units : 5 * units]
    _sigmoids(saved[: 2 * units])
    _sigmoids(o)
    for unit in range(units):
        g[unit] = tanh(g[unit])
        after[unit] = f[unit] * before[unit] + i[unit] * g[unit]
        tanh_c[unit] = tanh(after[unit])
        output[unit] = o[unit] * tanh_c[unit]


@compiled
def gradients(saved: Any, before: Any, d_output: Any, dh: Any, dc: Any, d_gates: Any) -> None:
    """Gradients of the sums inside the gates.

    Args:
        saved: From `step`.
        before: c before the token, (units,), as all that follow.
        d_output: Gradient of the output.
        dh: Gradient of h from the token after.
        dc: Gradient of c from the token after; takes that of c before this token.
        d_gates: Takes the gradients, (4 units).
    """
    units = len(before)
    for unit in range(units):
        i, f = saved[unit], saved[units + unit]
        g, o = saved[2 * units + unit], saved[3 * units + unit]
        tanh_c, total_dh = saved[4 * units + unit], dh[unit] + d_output[unit]
        total_dc = dc[unit] + total_dh * o * (_ONE - tanh_c * tanh_c)
        d_gates[unit] = total_dc * g * i * (_ONE - i)
        d_gates[units + unit] = total_dc * before[unit] * f * (_ONE - f)
        d_gates[2 * units + unit] = total_dc * i * (_ONE - g * g)
        d_gates[3 * units + unit] = total_dh * tanh_c * o * (_ONE - o)
        dc[unit] = total_dc * f
