"""The innermost loop of a product, in vector instructions, as generated LLVM code.

Numba writes no code that keeps a block of sums in registers, so it is generated here.
"""

from itertools import chain
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from textgen.kernels.simd import VECTORS, WIDTH

BYTE, INT, INDEX = ir.IntType(8), ir.IntType(32), ir.IntType(64)
VECTOR_BYTES = 4 * WIDTH
_SUMS = ir.VectorType(ir.FloatType(), WIDTH)


class _BFloat(ir.types.Type):  # type: ignore[misc,unused-ignore]
    """bfloat16 for LLVM, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


_PAIRS, _BITS = ir.VectorType(_BFloat(), 2 * WIDTH), ir.VectorType(INT, WIDTH)
_HALVES = ir.VectorType(ir.HalfType(), WIDTH)


def _multiply_add(builder: Any, x: Any, y: Any, total: Any) -> Any:
    """total + x y, lane by lane."""
    name, kind = f"llvm.fmuladd.v{WIDTH}f32", ir.FunctionType(_SUMS, [_SUMS] * 3)
    arguments = [x, y, total]
    if x.type == _BITS:
        name = "llvm.x86.avx512bf16.dpbf16ps.512"
        kind = ir.FunctionType(_SUMS, [_SUMS, _PAIRS, _PAIRS])
        arguments = [total, builder.bitcast(x, _PAIRS), builder.bitcast(y, _PAIRS)]
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def keep_apart(_: Any) -> Any:
    """Keep the function that calls this apart from those that call it.

    Then it is compiled once for all of them, which takes less time, and its sums are the same to
    the last bit.
    """

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return numba.void(), generate


def unpack_arrays(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The first three arguments of a generated function."""
    pairs = zip(signature.args[:3], arguments[:3], strict=True)
    return [context.make_array(kind)(context, builder, value) for kind, value in pairs]


def create_block_product(rows: int, panels: int = 1) -> Any:
    """A function for the product of so many rows and one panel, or some panels.

    Args:
        rows: At least 1; their sums must fit into the registers.
        panels: How many at once. The sums of one row and panel wait for each other.
    """

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def block(_: Any, a: Any, panel: Any, c: Any, add: Any) -> Any:
        """c += a @ panel, or c = a @ panel, with all sums in registers.

        Args:
            a: Lanes of shape (`rows` or more, lanes), those of a row side by side.
            panel: Lanes of shape (lanes, COLUMNS), contiguous, one lane or more; or of shape
                (`panels` or more, lanes, COLUMNS). Lanes of uint16 are float16, of which float32
                is made.
            c: float32 of shape (`rows` or more, COLUMNS for each panel), its columns side by side.
            add: Whether to add to what is in c.

        Each sum is added up in the order of the lanes, whatever the numbers of rows and panels.
        """
        lanes = _BITS if a.dtype == numba.uint32 else _SUMS
        stored = _HALVES if panel.dtype == numba.uint16 else lanes
        stored_bytes = VECTOR_BYTES // 2 if stored is _HALVES else VECTOR_BYTES

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, panel, c = unpack_arrays(context, builder, signature, arguments)
            a_row, _ = cgutils.unpack_tuple(builder, a.strides, 2)
            c_row, _ = cgutils.unpack_tuple(builder, c.strides, 2)
            *_, depth, _ = cgutils.unpack_tuple(builder, panel.shape)
            between, *_ = cgutils.unpack_tuple(builder, panel.strides)  # of panels, if some

            def pointer(array: Any, offset: Any, kind: Any) -> Any:
                """To so many bytes into an array."""
                start = builder.bitcast(array.data, BYTE.as_pointer())
                return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())

            def vectors(array: Any, offset: Any, stride: Any, kind: Any, size: int) -> list[Any]:
                """Pointers to the vectors of the panels' width."""
                starts = [builder.add(offset, builder.mul(stride, INDEX(n))) for n in range(panels)]
                parts = range(0, VECTORS * size, size)
                offsets = [builder.add(start, INDEX(part)) for start in starts for part in parts]
                return [pointer(array, each, kind) for each in offsets]

            def targets_of(row: int) -> list[Any]:
                offset = builder.mul(c_row, INDEX(row))
                return vectors(c, offset, INDEX(VECTORS * VECTOR_BYTES), _SUMS, VECTOR_BYTES)

            targets = [targets_of(row) for row in range(rows)]
            zeros = ir.Constant(_SUMS, None)
            before = [
                [builder.select(arguments[3], builder.load(at, align=4), zeros) for at in row]
                for row in targets
            ]
            entry, loop, end = builder.block, *map(builder.append_basic_block, ("loop", "end"))
            builder.branch(loop)

            builder.position_at_end(loop)
            lane = builder.phi(INDEX)
            sums = [[builder.phi(_SUMS) for _ in row] for row in before]
            lane_offset = builder.mul(lane, INDEX(VECTORS * stored_bytes))
            places = vectors(panel, lane_offset, between, stored, stored_bytes)
            factors = [builder.load(at, align=4) for at in places]
            if stored is _HALVES:
                factors = [builder.fpext(factor, _SUMS) for factor in factors]
            after = []
            for row, totals in enumerate(sums):
                offset = builder.add(builder.mul(a_row, INDEX(row)), builder.mul(lane, INDEX(4)))
                value = builder.load(pointer(a, offset, lanes.element))
                x = builder.shuffle_vector(
                    builder.insert_element(ir.Constant(lanes, ir.Undefined), value, INT(0)),
                    ir.Constant(lanes, ir.Undefined),
                    ir.Constant(ir.VectorType(INT, WIDTH), [0] * WIDTH),
                )
                pairs = zip(factors, totals, strict=True)
                after.append([_multiply_add(builder, x, y, total) for y, total in pairs])
            following = builder.add(lane, INDEX(1))
            builder.cbranch(builder.icmp_signed("<", following, depth), loop, end)

            builder.position_at_end(end)
            lane.add_incoming(INDEX(0), entry)
            lane.add_incoming(following, loop)
            flat = (chain(*vectors) for vectors in (sums, before, after, targets))
            for total, first, last, at in zip(*flat, strict=True):
                total.add_incoming(first, entry)
                total.add_incoming(last, loop)
                builder.store(last, at, align=4)
            return context.get_dummy_value()

        return numba.void(a, panel, c, add), generate

    return block
