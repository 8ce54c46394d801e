"""One token of one row of a GRU: gates and output, and their gradients.

Names as in keras.layers.GRU with `reset_after`: h = z h + (1 - z) n with n = tanh(x + r a), where a
is the state's part of the sum in the third gate, and x the input's. Sums and gradients are in the
order a, z, r, n, or a, z, r, x.
"""

from typing import Any

import numpy as np

from textgen.kernels.activations import sigmoid, tanh
from textgen.kernels.simd import compiled

_ONE = np.float32(1)


@compiled
def step(saved: Any, before: Any, after: Any, output: Any) -> None:
    """Gates and output.

    Args:
        saved: The sums a, z, r and x, (4 units); takes a and the gates z, r and n.
        before: h before the token, (units,), as all that follow.
        after: Takes h after the token.
        output: Takes the same.
    """
    units = len(output)
    a, z = saved[:units], saved[units : 2 * units]
    r, n = saved[2 * units : 3 * units], saved[3 * units : 4 * units]
    for unit in range(units):
        z[unit] = sigmoid(z[unit])
        r[unit] = sigmoid(r[unit])
        n[unit] = tanh(n[unit] + r[unit] * a[unit])
        after[unit] = n[unit] + z[unit] * (before[unit] - n[unit])
        output[unit] = after[unit]


@compiled
def gradients(saved: Any, before: Any, d_output: Any, dh: Any, direct: Any, d_gates: Any) -> None:
    """Gradients of the sums a, z, r and x.

    Args:
        saved: From `step`.
        before: h before the token, (units,), as all that follow.
        d_output: Gradient of the output.
        dh: Gradient of h from the token after, through the gates.
        direct: The same past the gates; takes that of h before this token.
        d_gates: Takes the gradients, (4 units).
    """
    units = len(before)
    for unit in range(units):
        a, z = saved[unit], saved[units + unit]
        r, n = saved[2 * units + unit], saved[3 * units + unit]
        total = dh[unit] + direct[unit] + d_output[unit]
        d_n = total * (_ONE - z) * (_ONE - n * n)
        d_gates[unit] = d_n * r
        d_gates[units + unit] = total * (before[unit] - n) * z * (_ONE - z)
        d_gates[2 * units + unit] = d_n * a * r * (_ONE - r)
        d_gates[3 * units + unit] = d_n
        direct[unit] = total * z
