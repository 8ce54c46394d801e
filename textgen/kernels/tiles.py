"""The innermost loop of a product in Intel's AMX tiles, as generated LLVM code."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from textgen.kernels.simd import TILE, VECTORS, inlined
from textgen.kernels.vectors import BYTE, INDEX, VECTOR_BYTES, unpack_arrays


def _call(builder: Any, name: str, *arguments: Any) -> None:
    """An instruction of x86, by LLVM's name for it."""
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}")
    builder.call(function, arguments)


def _with_configuration(name: str) -> Any:
    """A function that reads or writes the configuration of this thread's tiles."""

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def run(_: Any, configuration: Any) -> Any:
        """Read or write it, 64 bytes."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            _call(builder, name, builder.bitcast(array.data, BYTE.as_pointer()))
            return context.get_dummy_value()

        return numba.void(configuration), generate

    return run


read_configuration = _with_configuration("sttilecfg")
write_configuration = _with_configuration("ldtilecfg")


@inlined
def configuration_for_rows(first: Any, second: Any) -> Any:
    """The configuration of tiles for two blocks of so many rows, 1 to 16.

    Of the eight registers the first four are sums, two for each block; then one of rows for each;
    then two of a panel's columns. The bytes are those of LDTILECFG in Intel's manual.
    """
    configuration = np.zeros(64, np.uint8)
    configuration[0] = 1  # the format of the others
    configuration[16:32:2] = 64  # bytes of a row, two for each register
    for register in range(8):
        configuration[48 + register] = TILE  # rows
    configuration[48] = configuration[49] = configuration[52] = first
    configuration[50] = configuration[51] = configuration[53] = second
    return configuration


def create_tile_product(blocks: int) -> Any:
    """As `create_block_product`, for blocks of as many rows as the tiles are configured for.

    Args:
        blocks: 1 or 2. Lanes must fill whole tiles.
    """

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def tiles(_: Any, a: Any, panel: Any, c: Any, add: Any) -> Any:
        """c += a @ panel, or c = a @ panel."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, panel, c = unpack_arrays(context, builder, signature, arguments)
            arrays = a, panel, c
            strides = [cgutils.unpack_tuple(builder, array.strides, 2)[0] for array in arrays]
            depth, _ = cgutils.unpack_tuple(builder, panel.shape, 2)
            starts = [builder.bitcast(array.data, BYTE.as_pointer()) for array in arrays]

            def move(name: str, register: int, array: int, *offsets: Any) -> None:
                """Load or store a tile, so many bytes into a (0), panel (1) or c (2)."""
                pointer = starts[array]
                for offset in offsets:
                    pointer = builder.gep(pointer, [offset])
                _call(builder, name, BYTE(register), pointer, strides[array])

            def block_offset(array: int, block: int) -> Any:
                return builder.mul(strides[array], INDEX(TILE * block))

            parts = [(block, column) for block in range(blocks) for column in range(VECTORS)]

            def move_sums(name: str) -> None:
                for block, column in parts:
                    number = VECTORS * block + column
                    move(name, number, 2, block_offset(2, block), INDEX(VECTOR_BYTES * column))

            with builder.if_else(arguments[3]) as (then, otherwise):
                with then:
                    move_sums("tileloadd64")
                with otherwise:
                    for block, column in parts:
                        _call(builder, "tilezero", BYTE(VECTORS * block + column))
            lines = cgutils.for_range_slice(builder, INDEX(0), depth, INDEX(TILE), intp=INDEX)
            with lines as (lane, _count):
                along, down = builder.mul(lane, INDEX(4)), builder.mul(lane, strides[1])
                for column in range(VECTORS):
                    move("tileloadd64", 6 + column, 1, down, INDEX(VECTOR_BYTES * column))
                for block in range(blocks):
                    move("tileloadd64", 4 + block, 0, along, block_offset(0, block))
                for block, column in parts:
                    registers = VECTORS * block + column, 4 + block, 6 + column
                    _call(builder, "tdpbf16ps", *map(BYTE, registers))
            move_sums("tilestored64")
            return context.get_dummy_value()

        return numba.void(a, panel, c, add), generate

    return tiles
