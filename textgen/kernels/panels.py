"""Products of a few rows or many with packed weights, as sampling and reading need them.

Each sum is added up in the same order, however many rows there are: a text's numbers do not depend
on what is computed with it. Weights may be stored as float16 (lanes of uint16), which halves what
is read from memory; the arithmetic is float32.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import overload

from textgen.kernels.simd import CACHE_LINE, COLUMNS, ROWS, compiled, inlined
from textgen.kernels.vectors import create_block_product, keep_apart

# Four or more rows keep the processor's multipliers busy. Fewer rows take some panels at once.
_one_by_4, _one_by_3, _one_by_2 = (create_block_product(1, panels) for panels in (4, 3, 2))
_two_by_2 = create_block_product(2, 2)
_blocks = tuple(create_block_product(rows) for rows in range(1, 9))
_one, _two, _three, _four, _five, _six, _seven, _eight = _blocks
_FEW = 4
_SIZE, _SIGN = np.uint32(0x7FFF), np.uint32(0x8000)
_POWER = np.float32(2.0**112)  # 2 to the difference of the exponents' biases


@inlined
def aligned(rows: Any, width: Any) -> Any:
    """Zeros in rows that begin at cache lines, an odd number of lines apart.

    Rows that lie a power of two apart would share the same few places in a cache.
    """
    stride = (((width + CACHE_LINE - 1) // CACHE_LINE) | 1) * CACHE_LINE
    flat = np.zeros(rows * stride + CACHE_LINE, np.float32)
    start = -(flat.ctypes.data // 4) % CACHE_LINE
    return flat[start : start + rows * stride].reshape(rows, stride)


@compiled
def _widen(halves: Any, numbers: Any) -> None:
    """float32 of float16 numbers, all of them finite; both flat."""
    keep_apart()
    for index in range(len(halves)):
        half = np.uint32(halves[index])
        bits = np.uint32((half & _SIZE) << np.uint32(13)) | np.uint32(
            (half & _SIGN) << np.uint32(16)
        )
        numbers[index] = np.uint32(bits).view(np.float32) * _POWER


@compiled
def _multiply_few(a: Any, b: Any, c: Any, add: Any) -> None:
    """`multiply_panels` of one to three rows."""
    keep_apart()
    rows, number = len(a), 0
    while number < len(b):
        left, columns = len(b) - number, c[:, number * COLUMNS :]
        if rows == 1 and left >= 4:
            _one_by_4(a, b[number:], columns, add)
            number += 4
        elif rows == 1 and left == 3:
            _one_by_3(a, b[number:], columns, add)
            number += 3
        elif rows == 1 and left == 2:
            _one_by_2(a, b[number:], columns, add)
            number += 2
        elif rows == 1:
            _one(a, b[number], columns, add)
            number += 1
        elif rows == 2 and left >= 2:
            _two_by_2(a, b[number:], columns, add)
            number += 2
        elif rows == 2:
            _two(a, b[number], columns, add)
            number += 1
        else:
            _three(a, b[number], columns, add)
            number += 1


@compiled
def _multiply_panel(a: Any, panel: Any, c: Any, add: Any) -> None:
    """One panel's columns of `multiply_panels`, of four rows or more."""
    keep_apart()
    rows = len(a)
    blocks = (rows + ROWS - 1) // ROWS
    first = 0
    for block in range(blocks):  # of nearly as many rows each
        last = rows * (block + 1) // blocks
        x, y, count = a[first:], c[first:], last - first
        if count == 8:
            _eight(x, panel, y, add)
        elif count == 7:
            _seven(x, panel, y, add)
        elif count == 6:
            _six(x, panel, y, add)
        elif count == 5:
            _five(x, panel, y, add)
        elif count == 4:
            _four(x, panel, y, add)
        elif count == 3:
            _three(x, panel, y, add)
        elif count == 2:
            _two(x, panel, y, add)
        else:
            _one(x, panel, y, add)
        first = last


def _multiply(a: Any, b: Any, c: Any, space: Any, add: Any) -> None:
    """What `multiply_panels` does."""
    raise NotImplementedError


@overload(_multiply)
def _(a, b, c, space, add):  # type: ignore[no-untyped-def]
    def from_float32(a, b, c, space, add):  # type: ignore[no-untyped-def]
        if len(a) < _FEW:
            _multiply_few(a, b, c, add)
        else:
            for number in range(len(b)):
                _multiply_panel(a, b[number], c[:, number * COLUMNS :], add)

    def from_float16(a, b, c, space, add):  # type: ignore[no-untyped-def]
        if len(a) < _FEW:
            _multiply_few(a, b, c, add)
        else:
            depth = b.shape[1]
            flat, panel = space[: depth * COLUMNS], space[: depth * COLUMNS]
            for number in range(len(b)):
                _widen(b[number].reshape(depth * COLUMNS), flat)
                _multiply_panel(a, panel.reshape(depth, COLUMNS), c[:, number * COLUMNS :], add)

    return from_float16 if b.dtype == numba.uint16 else from_float32


@compiled
def multiply_panels(a: Any, b: Any, c: Any, space: Any, add: Any) -> None:
    """c += a @ b, or c = a @ b.

    Args:
        a: float32 of shape (rows, depth or more).
        b: Packed, shape (panels, depth, COLUMNS): float32, or float16 as uint16.
        c: float32 of shape (rows, COLUMNS for each panel or more).
        space: float32 for one panel, shape (depth * COLUMNS or more,).
        add: Whether to add to what is in c.
    """
    keep_apart()
    _multiply(a, b, c, space, add)
