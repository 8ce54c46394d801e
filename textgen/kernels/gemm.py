"""Matrix products with one matrix packed beforehand, in the processor's widest instructions.

A library's product packs its matrices each time, which takes as long as the product itself where
one of them has few rows, as a batch has. Here the weights are packed once for a whole sequence.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import overload

from textgen.kernels.simd import COLUMNS, ROWS, TILE, TILES, compiled
from textgen.kernels.tiles import (
    configuration_for_rows,
    create_tile_product,
    read_configuration,
    write_configuration,
)
from textgen.kernels.vectors import create_block_product

_multiply_rows = create_block_product(ROWS)
_multiply_half = create_block_product(ROWS // 2)
_multiply_row = create_block_product(1)
_multiply_two_blocks, _multiply_one_block = create_tile_product(2), create_tile_product(1)


def _multiply(a: Any, b: Any, c: Any, add: Any) -> None:
    """What `multiply` does."""
    raise NotImplementedError


@overload(_multiply)
def _(a, b, c, add):  # type: ignore[no-untyped-def]
    def in_vectors(a, b, c, add):  # type: ignore[no-untyped-def]
        for number in range(len(b)):
            columns, row = c[:, number * COLUMNS :], 0
            while row + ROWS <= len(a):
                _multiply_rows(a[row:], b[number], columns[row:], add)
                row += ROWS
            if row + ROWS // 2 <= len(a):
                _multiply_half(a[row:], b[number], columns[row:], add)
                row += ROWS // 2
            while row < len(a):
                _multiply_row(a[row:], b[number], columns[row:], add)
                row += 1

    def in_tiles(a, b, c, add):  # type: ignore[no-untyped-def]
        before = np.empty(64, np.uint8)
        read_configuration(before)  # others in this thread may count on it
        first = 0
        while first < len(a):  # as many rows as two tiles have, and again; then what is left
            count = min(len(a) - first, 2 * TILE)
            last = first + (len(a) - first) // count * count
            write_configuration(configuration_for_rows(min(count, TILE), max(count - TILE, 1)))
            for number in range(len(b)):
                columns = c[:, number * COLUMNS :]
                for row in range(first, last, count):
                    if count > TILE:
                        _multiply_two_blocks(a[row:], b[number], columns[row:], add)
                    else:
                        _multiply_one_block(a[row:], b[number], columns[row:], add)
            first = last
        write_configuration(before)

    return in_tiles if TILES and a.dtype == numba.uint32 else in_vectors


@compiled
def multiply(a: Any, b: Any, c: Any, add: Any) -> None:
    """c += a @ b, or c = a @ b.

    Args:
        a: As from `allocate_rows`; or a part of it, from a multiple of 16 lanes on.
        b: A packed matrix, as from `allocate_panels`; or as many lanes of it.
        c: float32 of shape (rows, COLUMNS for each panel of b).
        add: Whether to add to what is in c.
    """
    _multiply(a, b, c, add)
