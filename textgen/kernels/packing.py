"""Matrices in the order in which a product reads them, copied once for many products.

A packed matrix is cut into panels of COLUMNS columns, each contiguous. Its numbers lie in lanes
(simd.py) along the axis that the product sums over, whose length is called the depth here and must
be even.
"""

import math
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from textgen.kernels.simd import (
    BFLOAT16,
    CACHE_LINE,
    COLUMNS,
    FLOAT32,
    TILE,
    TILES,
    compiled,
    has_bfloat16,
)


def aligned_zeros(shape: tuple[int, ...], kind: Any) -> Any:
    """Zeros of 32 bits each, of which the first is at the start of a cache line."""
    count = math.prod(shape)
    flat = np.zeros(count + CACHE_LINE, kind)
    first = -(flat.ctypes.data // 4) % CACHE_LINE
    return flat[first : first + count].reshape(shape)


def _lanes(depth: int, kind: Any) -> int:
    """How many lanes hold so many numbers: whole tiles, of which the last is filled with zeros."""
    if kind is FLOAT32:
        return depth
    return -(-depth // (2 * TILE)) * TILE if TILES else depth // 2


def allocate_panels(depth: int, columns: int, kind: Any) -> Any:
    """An array for a packed matrix.

    Args:
        depth: How many numbers a product sums over, an even number.
        columns: Of the matrix.
        kind: FLOAT32 or BFLOAT16.

    Returns:
        Zeros of shape (panels, lanes, COLUMNS).

    Raises:
        RuntimeError: bfloat16 on a processor that has no instruction for it.
    """
    if kind is BFLOAT16 and not has_bfloat16():
        raise RuntimeError("this processor has no instruction for bfloat16")
    return aligned_zeros((-(-columns // COLUMNS), _lanes(depth, kind), COLUMNS), kind)


def allocate_rows(count: int, depth: int, kind: Any) -> Any:
    """An array for the other factor of a product, in lanes.

    Rows lie an odd number of cache lines apart, since those that lie a power of two apart would
    share the same few places in a cache. A line is as long as a tile's row.

    Args:
        count: How many rows.
        depth: How many numbers a product sums over, an even number.
        kind: FLOAT32 or BFLOAT16.

    Returns:
        Zeros of shape (count, lanes or more).
    """
    lines = -(-_lanes(depth, kind) // CACHE_LINE)
    return aligned_zeros((count, (lines | 1) * CACHE_LINE), kind)


@compiled
def pack(matrix: Any, panels: Any, first: int, last: int) -> None:
    """Pack some panels of a matrix.

    Args:
        matrix: float32 of shape (depth, columns).
        panels: From `allocate_panels`.
        first, last: The panels to write, from `first` to the one before `last`.
    """
    pack_rows(matrix[:, first * panels.shape[2] :], panels[first:last], 0)


@compiled
def pack_rows(matrix: Any, panels: Any, before: int) -> None:
    """Pack some rows of a matrix, in as many panels as there are.

    Args:
        matrix: These rows, float32 of shape (an even number, columns).
        panels: From `allocate_panels`.
        before: How many rows come before these, an even number.
    """
    width, each = panels.shape[2], numbers_per_lane(panels)
    for number in range(len(panels)):
        start = number * width
        columns = min(matrix.shape[1] - start, width)
        for row in range(0, len(matrix), each):
            even, odd = matrix[row, start:], matrix[row + each - 1, start:]
            lane = panels[number, (before + row) // each]
            for column in range(columns):
                lane[column] = _join(even[column], odd[column], panels)


@compiled
def pack_columns(matrix: Any, rows: Any) -> None:
    """Write each column of a matrix into lanes, as a row of a product's other factor.

    Args:
        matrix: float32 of shape (depth, columns).
        rows: Shape (columns, lanes for so many numbers).
    """
    each = numbers_per_lane(rows)
    for column in range(matrix.shape[1]):
        for lane in range(len(matrix) // each):
            even, odd = matrix[lane * each, column], matrix[lane * each + each - 1, column]
            rows[column, lane] = _join(even, odd, rows)


@compiled
def pack_transposed(matrix: Any, panels: Any, first: int, last: int) -> None:
    """As `pack`, from a matrix of shape (columns, depth)."""
    width = panels.shape[2]
    for number in range(first, last):
        rows = matrix[number * width : (number + 1) * width]
        for row in range(len(rows)):
            fill_lanes(rows[row], panels[number, :, row])


# The functions below are compiled as parts of others, for the kind of lanes that these work on.


def fill_lanes(numbers: Any, lanes: Any) -> None:
    """Write float32 numbers, an even number of them, into lanes."""
    raise NotImplementedError


def numbers_per_lane(lanes: Any) -> Any:
    """How many numbers a lane of this array holds."""
    raise NotImplementedError


def _join(even: Any, odd: Any, lanes: Any) -> Any:
    """The lane of two numbers, or of the first."""
    raise NotImplementedError


@overload(numbers_per_lane, inline="always")
def _(lanes):  # type: ignore[no-untyped-def]
    def one(lanes):  # type: ignore[no-untyped-def]
        return 1

    def two(lanes):  # type: ignore[no-untyped-def]
        return 2

    return two if lanes.dtype == numba.uint32 else one


@overload(fill_lanes, inline="always")
def _(numbers, lanes):  # type: ignore[no-untyped-def]
    def fill_with_float32(numbers, lanes):  # type: ignore[no-untyped-def]
        for lane in range(len(numbers)):
            lanes[lane] = numbers[lane]

    def fill_with_bfloat16(numbers, lanes):  # type: ignore[no-untyped-def]
        for lane in range(len(numbers) // 2):
            lanes[lane] = _join(numbers[2 * lane], numbers[2 * lane + 1], lanes)

    return fill_with_bfloat16 if lanes.dtype == numba.uint32 else fill_with_float32


@overload(_join, inline="always")
def _(even, odd, lanes):  # type: ignore[no-untyped-def]
    def first_number(even, odd, lanes):  # type: ignore[no-untyped-def]
        return even

    def pair(even, odd, lanes):  # type: ignore[no-untyped-def]
        low, high = np.float32(even).view(np.uint32), np.float32(odd).view(np.uint32)
        # Rounded to the nearest, of two as near to the even one. Sums of uint32 are uint64.
        low = np.uint32(low + np.uint32(0x7FFF) + ((low >> np.uint32(16)) & np.uint32(1)))
        high = np.uint32(high + np.uint32(0x7FFF) + ((high >> np.uint32(16)) & np.uint32(1)))
        return np.uint32((low >> np.uint32(16)) | (high & np.uint32(0xFFFF0000)))

    return pair if lanes.dtype == numba.uint32 else first_number
