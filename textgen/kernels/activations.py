"""Activations of one float32, compiled as a part of the functions that call them.

NumPy's tanh is slow where a processor has no AVX-512.
"""

from typing import Any

import numpy as np

from textgen.kernels.simd import constants, inlined

_HALF = np.float32(0.5)
# tanh(x) as x p(x^2) / q(x^2), to a few units in the last place: the coefficients of Eigen 3.4
# (MathFunctionsImpl.h), highest power first; beyond the limit it is 1.
_LIMIT = np.float32(7.90531110763549805)
_P = constants(
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
_Q = constants(
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)


@inlined
def tanh(x: Any) -> Any:
    """tanh of a float32, to a few units in the last place."""
    x = _LIMIT if x > _LIMIT else x
    x = -_LIMIT if x < -_LIMIT else x
    square = x * x
    numerator = ((_P[0] * square + _P[1]) * square + _P[2]) * square + _P[3]
    numerator = ((numerator * square + _P[4]) * square + _P[5]) * square + _P[6]
    denominator = ((_Q[0] * square + _Q[1]) * square + _Q[2]) * square + _Q[3]
    return x * numerator / denominator


@inlined
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) of a float32, by its tanh."""
    return _HALF * tanh(_HALF * x) + _HALF
