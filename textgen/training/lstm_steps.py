"""What an LSTM computes element by element, one character of all rows at a time, compiled.

Knows the arithmetic of gates and states, and Numba; knows nothing of Keras, of matrix products or
of sequences. NumPy takes twenty calls for each of the two, each through all of the memory, and a
tanh that is slow where a processor has no AVX-512.

Compiled code is kept beside this file, or in the user's cache directory; where neither can be
written it is compiled anew in each process, in two seconds.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_ROWS, _SEQUENCE = "float32[:,::1]", "float32[:,:,::1]"
# Sums in another order and products joined with them; but what is no number stays so.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_HALF, _ONE = np.float32(0.5), np.float32(1)
# tanh(x) as x p(x^2) / q(x^2), to a few units in the last place: the coefficients of Eigen 3.4
# (MathFunctionsImpl.h), highest power first; beyond the limit it is 1.
_LIMIT = np.float32(7.90531110763549805)
_P = tuple(
    np.float32(one)
    for one in (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
)
_Q = tuple(
    np.float32(one)
    for one in (
        1.19825839466702e-06,
        1.18534705686654e-04,
        2.26843463243900e-03,
        4.89352518554385e-03,
    )
)


def _compiled(signature: str) -> Callable[[Callable[..., None]], Any]:
    """A decorator that compiles a function for arrays of one kind."""
    options = {"fastmath": _FAST, "nogil": True, "error_model": "numpy"}

    def compiled(function: Callable[..., None]) -> Any:
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except Exception:  # noqa: BLE001 - no place for its cache, or a damaged one
            return numba.njit(signature, **options)(function)

    return compiled


@numba.njit(inline="always", fastmath=_FAST)  # type: ignore[untyped-decorator,unused-ignore]
def _tanh(x: Any) -> Any:
    x = _LIMIT if x > _LIMIT else x
    x = -_LIMIT if x < -_LIMIT else x
    square = x * x
    above = ((_P[0] * square + _P[1]) * square + _P[2]) * square + _P[3]
    above = ((above * square + _P[4]) * square + _P[5]) * square + _P[6]
    below = ((_Q[0] * square + _Q[1]) * square + _Q[2]) * square + _Q[3]
    return x * above / below


# Loops begin at 0: those that do not are not made into vector instructions.
@numba.njit(inline="always", fastmath=_FAST)  # type: ignore[untyped-decorator,unused-ignore]
def _sigmoids(z: Any, added: Any, bias: Any) -> None:
    for unit in range(len(z)):
        z[unit] = _HALF * _tanh(_HALF * (z[unit] + added[unit] + bias[unit])) + _HALF


@numba.njit(inline="always", fastmath=_FAST)  # type: ignore[untyped-decorator,unused-ignore]
def _tanhs(z: Any, added: Any, bias: Any) -> None:
    for unit in range(len(z)):
        z[unit] = _tanh(z[unit] + added[unit] + bias[unit])


@_compiled(
    f"void({_ROWS}, {_ROWS}, float32[::1], {_ROWS}, {_ROWS}, {_ROWS}, {_ROWS}, {_SEQUENCE}, intp)"
)
def forward(
    gates: Any,
    product: Any,
    bias: Any,
    c: Any,
    new_c: Any,
    tanh_c: Any,
    h: Any,
    outputs: Any,
    place: int,
) -> None:
    """Gates, cell and output of one character.

    Args:
        gates: The input's product, shape (rows, 4 units), in Keras's order i, f, c, o; becomes the
            gates.
        product: The recurrent product, of the same shape.
        bias: Shape (4 units,).
        c, new_c, tanh_c: The cell before and after, and the tanh of that, shape (rows, units).
        h: Takes the output, shape (rows, units).
        outputs: Takes it as well, shape (rows, characters, units).
        place: The character's number.
    """
    rows, units = c.shape
    for row in range(rows):
        z, added = gates[row], product[row]
        i, f, g, o = z[:units], z[units : 2 * units], z[2 * units : 3 * units], z[3 * units :]
        _sigmoids(z[: 2 * units], added[: 2 * units], bias[: 2 * units])
        _tanhs(g, added[2 * units : 3 * units], bias[2 * units : 3 * units])
        _sigmoids(o, added[3 * units :], bias[3 * units :])
        of_c, of_tanh, of_h = new_c[row], tanh_c[row], h[row]
        for unit in range(units):
            of_c[unit] = f[unit] * c[row, unit] + i[unit] * g[unit]
            of_tanh[unit] = _tanh(of_c[unit])
            of_h[unit] = o[unit] * of_tanh[unit]
        output = outputs[row, place]
        for unit in range(units):
            output[unit] = of_h[unit]


@_compiled(f"void({_ROWS}, {_ROWS}, {_ROWS}, {_ROWS}, {_SEQUENCE}, {_ROWS}, {_ROWS}, intp)")
def backward(
    gates: Any, inner: Any, c: Any, tanh_c: Any, above: Any, dh: Any, dc: Any, place: int
) -> None:
    """Gradients of one character's gates before their functions.

    Args:
        gates: As `forward` left them.
        inner: Takes the gradients, shape (rows, 4 units).
        c, tanh_c: The cell before, and the tanh of that after, shape (rows, units).
        above: Gradient of the outputs, shape (rows, characters, units).
        dh: Gradient of this output through the next character, shape (rows, units).
        dc: Gradient of the cell after; becomes that of the cell before.
        place: The character's number.
    """
    rows, units = c.shape
    for row in range(rows):
        z, into, from_above = gates[row], inner[row], above[row, place]
        for unit in range(units):
            i, f = z[unit], z[units + unit]
            g, o = z[2 * units + unit], z[3 * units + unit]
            squashed, of_h = tanh_c[row, unit], dh[row, unit] + from_above[unit]
            of_c = dc[row, unit] + of_h * o * (_ONE - squashed * squashed)
            into[unit] = of_c * g * i * (_ONE - i)
            into[units + unit] = of_c * c[row, unit] * f * (_ONE - f)
            into[2 * units + unit] = of_c * i * (_ONE - g * g)
            into[3 * units + unit] = of_h * squashed * o * (_ONE - o)
            dc[row, unit] = of_c * f
