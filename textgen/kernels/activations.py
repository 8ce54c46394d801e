"""Functions of one float32, compiled as a part of the functions that call them.

NumPy's tanh is slow where a processor has no AVX-512.
"""

from typing import Any

import numpy as np

from textgen.kernels.simd import constants, inlined

_HALF, _ONE = constants(0.5, 1)
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
LOWEST = np.float32(-87)  # whose exponential is still a normal float32
_LOG2_E, _LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
_ROUNDER, _ROUNDED = np.float32(12582912), np.uint32(0x4B400000)  # 1.5 * 2**23, and its bits
# exp(r) for |r| <= ln 2 / 2: the coefficients of Cephes (expf.c), highest power first.
_EXP = constants(
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)


@inlined
def tanh_parts(x: Any) -> Any:
    """Two numbers, the second above 0, whose quotient is tanh(x)."""
    x = _LIMIT if x > _LIMIT else x
    x = -_LIMIT if x < -_LIMIT else x
    square = x * x
    numerator = ((_P[0] * square + _P[1]) * square + _P[2]) * square + _P[3]
    numerator = ((numerator * square + _P[4]) * square + _P[5]) * square + _P[6]
    denominator = ((_Q[0] * square + _Q[1]) * square + _Q[2]) * square + _Q[3]
    return x * numerator, denominator


@inlined
def tanh(x: Any) -> Any:
    """tanh of a float32, to a few units in the last place."""
    numerator, denominator = tanh_parts(x)
    return numerator / denominator


@inlined
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) of a float32, by its tanh."""
    return _HALF * tanh(_HALF * x) + _HALF


@inlined
def exp(x: Any) -> Any:
    """Of a number that is 0 or less; what is no number stays so."""
    x = LOWEST if x < LOWEST else x
    bits = np.float32(x * _LOG2_E + _ROUNDER).view(np.uint32)
    power = np.int32(np.uint32(bits - _ROUNDED))
    r = x - np.float32(power) * _LN_2
    p = ((_EXP[0] * r + _EXP[1]) * r + _EXP[2]) * r + _EXP[3]
    p = (p * r + _EXP[4]) * r + _EXP[5]
    p = p * r * r + r + _ONE
    scale = np.uint32((power + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * scale
