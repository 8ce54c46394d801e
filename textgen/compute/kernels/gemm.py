"""Matrix products with one matrix laid out beforehand, in the processor's widest instructions.

Knows vector registers, tiles, float32, bfloat16 and Numba; knows nothing of LSTMs. A library's
product lays its matrices out anew each time, which takes as long as the product itself where one
of them has few rows, as a batch has.

A matrix that is laid out is cut into panels of columns, each contiguous. Its numbers lie in lanes
of 32 bits along the axis that is summed over: one float32, or two of bfloat16 side by side, as the
instruction takes them that multiplies both and adds them up in float32. Some processors have tiles
as well, registers of 16 by 16 lanes, and multiply two of them at once (Intel's AMX).

Compiled code is kept beside this package, or in the user's cache directory; where neither can be
written it is compiled anew in each process.
"""

import ctypes
import hashlib
import math
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir

from textgen.compute import private_names
from textgen.compute.overrides import changed

private_names.check(private_names.NUMBA)

from numba.core import cgutils, sigutils
from numba.core.caching import IndexDataCacheFile
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload

# What Numba compiles for, which may be less than the processor has.
_TARGET = cpu_target.target_context.codegen()
_FEATURES = frozenset(_TARGET.magic_tuple()[2].split(","))
_WIDTH = 16 if "+avx512f" in _FEATURES else 8 if "+avx" in _FEATURES else 4
_VECTORS = 2
# Rows times vectors are sums in registers, of which x86 has 16 before AVX-512, others 32.
_FEW = platform.machine().lower() in ("x86_64", "amd64") and _WIDTH < 16
ROWS = 4 if _FEW else 8
COLUMNS = _WIDTH * _VECTORS
FLOAT32, BFLOAT16 = np.float32, np.uint32  # what a lane is kept as
# Sums in another order and products joined with them; but what is no number stays so.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_BYTE, _INT, _INDEX = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_SUMS = ir.VectorType(ir.FloatType(), _WIDTH)
_SIZE = 4 * _WIDTH  # bytes
_TILE = 16  # rows of a tile, and lanes of each
_LINE = 16  # lanes of a line in a cache, which a vector or a tile's row should not straddle


def _may_use_tiles() -> bool:
    """Whether the processor has tiles for bfloat16, and the system lets this process use them."""
    if not {"+avx512bf16", "+amx-tile", "+amx-bf16"} <= _FEATURES or sys.platform != "linux":
        return False
    arch_prctl, ask, tiles = 158, 0x1023, 18  # Documentation/arch/x86/xstate.rst of Linux
    return bool(ctypes.CDLL(None).syscall(arch_prctl, ask, tiles) == 0)


_TILES = _may_use_tiles()


def has_bfloat16() -> bool:
    """Whether this processor has the instruction for two products of bfloat16 and a sum."""
    return "+avx512bf16" in _FEATURES


def compiled(function: Callable[..., None]) -> Any:
    """The function, compiled for what it is called with, and kept.

    Numba keeps code as long as the function's own file stays as it is, and believes what it reads.
    Here the names of what is kept tell of this file as well, on which all depends, and of the
    processor.
    """
    options = {"fastmath": _FAST, "nogil": True, "error_model": "numpy"}
    try:
        found = numba.njit(cache=True, **options)(function)
        kept, here = found._cache, Path(__file__).stat()
        stamp = kept._cache_file._source_stamp
        told = repr((stamp, here.st_mtime_ns, here.st_size, _TARGET.magic_tuple(), _TILES))
        name = f"{kept._impl.filename_base}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
        kept._cache_file = IndexDataCacheFile(kept.cache_path, name, stamp)
        load, save, _ = kept.load_overload, kept.save_overload, kept.flush
    except (RuntimeError, OSError):  # no place for it
        return numba.njit(**options)(function)
    except AttributeError as error:
        raise changed("numba", f"its cache is different ({error})") from error

    def load_or_forget(signature: Any, context: Any) -> Any:
        with suppress(Exception):  # a damaged file
            code = load(signature, context)
            if code is None or code.signature.args == sigutils.normalize_signature(signature)[0]:
                return code
        with suppress(OSError):
            kept.flush()
        return None

    def save_if_possible(*of: Any) -> None:
        with suppress(Exception):  # as on a full disk
            save(*of)

    kept.load_overload, kept.save_overload = load_or_forget, save_if_possible
    return found


def inlined(function: Callable[..., Any]) -> Any:
    """The function, as part of compiled ones."""
    return numba.njit(inline="always", fastmath=_FAST, error_model="numpy")(function)


def _lanes(numbers: int, kind: Any) -> int:
    """How many lanes hold an even number of numbers: whole tiles, the last one's others zero."""
    if kind is FLOAT32:
        return numbers
    return -(-numbers // (2 * _TILE)) * _TILE if _TILES else numbers // 2


def room(shape: tuple[int, ...], kind: Any) -> Any:
    """Zeros of 32 bits each, of which the first is the first of a line in a cache."""
    count = math.prod(shape)
    flat = np.zeros(count + _LINE, kind)
    first = -(flat.ctypes.data // 4) % _LINE
    return flat[first : first + count].reshape(shape)


def panels(numbers: int, columns: int, kind: Any) -> Any:
    """Room for a matrix that is laid out.

    Args:
        numbers: How many are summed over, an even number.
        columns: Of the matrix.
        kind: FLOAT32 or BFLOAT16.

    Returns:
        An array of zeros, shape (panels, lanes, COLUMNS).

    Raises:
        RuntimeError: bfloat16 on a processor that has no instruction for it.
    """
    if kind is BFLOAT16 and not has_bfloat16():
        raise RuntimeError("this processor has no instruction for bfloat16")
    return room((-(-columns // COLUMNS), _lanes(numbers, kind), COLUMNS), kind)


def rows(count: int, numbers: int, kind: Any) -> Any:
    """Room for the other factor, in lanes: zeros, shape (count, lanes or more).

    Rows lie an odd number of lines apart, since those that lie a power of two apart would have the
    same few places in a cache. A line is as long as a tile's row.
    """
    lines = -(-_lanes(numbers, kind) // _LINE)
    return room((count, (lines | 1) * _LINE), kind)


class _BFloat(ir.types.Type):  # type: ignore[misc,unused-ignore]
    """bfloat16 for LLVM, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


_PAIRS, _BITS = ir.VectorType(_BFloat(), 2 * _WIDTH), ir.VectorType(_INT, _WIDTH)


def _multiply_add(builder: Any, x: Any, y: Any, total: Any) -> Any:
    """total + x y, lane by lane."""
    name, kind = f"llvm.fmuladd.v{_WIDTH}f32", ir.FunctionType(_SUMS, [_SUMS] * 3)
    arguments = [x, y, total]
    if x.type == _BITS:
        name = "llvm.x86.avx512bf16.dpbf16ps.512"
        kind = ir.FunctionType(_SUMS, [_SUMS, _PAIRS, _PAIRS])
        arguments = [total, builder.bitcast(x, _PAIRS), builder.bitcast(y, _PAIRS)]
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _arrays(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The first three arguments of a generated function."""
    pairs = zip(signature.args[:3], arguments[:3], strict=True)
    return [context.make_array(kind)(context, builder, value) for kind, value in pairs]


def _block(rows: int) -> Any:
    """A function for the product of so many rows and one panel."""

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def block(_: Any, a: Any, panel: Any, c: Any, add: Any) -> Any:
        """c += a @ panel, or c = a @ panel, with all sums in registers.

        Args:
            a: Lanes of shape (`rows` or more, lanes), those of a row side by side.
            panel: Lanes of shape (lanes, COLUMNS), contiguous, one lane or more.
            c: float32 of shape (`rows` or more, COLUMNS or more), its columns side by side.
            add: Whether to add to what is in c.
        """
        lanes = _BITS if a.dtype == numba.uint32 else _SUMS

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, panel, c = _arrays(context, builder, signature, arguments)
            a_row, _ = cgutils.unpack_tuple(builder, a.strides, 2)
            c_row, _ = cgutils.unpack_tuple(builder, c.strides, 2)
            depth, _ = cgutils.unpack_tuple(builder, panel.shape, 2)

            def pointer(array: Any, at: Any, kind: Any) -> Any:
                """Some bytes into an array."""
                start = builder.bitcast(array.data, _BYTE.as_pointer())
                return builder.bitcast(builder.gep(start, [at]), kind.as_pointer())

            def vectors(array: Any, at: Any, kind: Any) -> list[Any]:
                parts = range(0, _VECTORS * _SIZE, _SIZE)
                return [pointer(array, builder.add(at, _INDEX(more)), kind) for more in parts]

            places = [vectors(c, builder.mul(c_row, _INDEX(row)), _SUMS) for row in range(rows)]
            zeros = ir.Constant(_SUMS, None)
            before = [
                [builder.select(arguments[3], builder.load(at, align=4), zeros) for at in row]
                for row in places
            ]
            entry, loop, end = builder.block, *map(builder.append_basic_block, ("loop", "end"))
            builder.branch(loop)

            builder.position_at_end(loop)
            lane = builder.phi(_INDEX)
            sums = [[builder.phi(_SUMS) for _ in row] for row in before]
            of_lane = builder.mul(lane, _INDEX(_VECTORS * _SIZE))
            factors = [builder.load(at, align=4) for at in vectors(panel, of_lane, lanes)]
            after = []
            for row, totals in enumerate(sums):
                at = builder.add(builder.mul(a_row, _INDEX(row)), builder.mul(lane, _INDEX(4)))
                one = builder.load(pointer(a, at, lanes.element))
                x = builder.shuffle_vector(
                    builder.insert_element(ir.Constant(lanes, ir.Undefined), one, _INT(0)),
                    ir.Constant(lanes, ir.Undefined),
                    ir.Constant(ir.VectorType(_INT, _WIDTH), [0] * _WIDTH),
                )
                pairs = zip(factors, totals, strict=True)
                after.append([_multiply_add(builder, x, y, total) for y, total in pairs])
            following = builder.add(lane, _INDEX(1))
            builder.cbranch(builder.icmp_signed("<", following, depth), loop, end)

            builder.position_at_end(end)
            lane.add_incoming(_INDEX(0), entry)
            lane.add_incoming(following, loop)
            flat = (chain(*of) for of in (sums, before, after, places))
            for total, first, last, at in zip(*flat, strict=True):
                total.add_incoming(first, entry)
                total.add_incoming(last, loop)
                builder.store(last, at, align=4)
            return context.get_dummy_value()

        return numba.void(a, panel, c, add), generate

    return block


_all_rows, _half_the_rows, _one_row = _block(ROWS), _block(ROWS // 2), _block(1)


def _call(builder: Any, name: str, *arguments: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [one.type for one in arguments])
    found = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}")
    builder.call(found, arguments)


def _with_set_up(name: str) -> Any:
    """A function that reads or writes how this thread's tiles are set up."""

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def run(_: Any, told: Any) -> Any:
        """Read or write it, 64 bytes."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            _call(builder, name, builder.bitcast(array.data, _BYTE.as_pointer()))
            return context.get_dummy_value()

        return numba.void(told), generate

    return run


_read_set_up, _set_up = _with_set_up("sttilecfg"), _with_set_up("ldtilecfg")


@inlined
def _of_rows(first: Any, second: Any) -> Any:
    """Tiles for two blocks of so many rows, 1 to 16.

    Of the eight registers the first four are sums, two for each block; then one of rows for each;
    then two of a panel's columns.
    """
    told = np.zeros(64, np.uint8)
    told[0] = 1
    told[16:32:2] = 64  # bytes of a row, in two
    for register in range(8):
        told[48 + register] = _TILE
    told[48] = told[49] = told[52] = first
    told[50] = told[51] = told[53] = second
    return told


def _tiles(blocks: int) -> Any:
    """As `_block`, of one or two blocks of rows, as the tiles are set up; lanes in whole tiles."""

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def tiles(_: Any, a: Any, panel: Any, c: Any, add: Any) -> Any:
        """c += a @ panel, or c = a @ panel."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, panel, c = _arrays(context, builder, signature, arguments)
            strides = [cgutils.unpack_tuple(builder, of.strides, 2)[0] for of in (a, panel, c)]
            depth, _ = cgutils.unpack_tuple(builder, panel.shape, 2)
            starts = [builder.bitcast(of.data, _BYTE.as_pointer()) for of in (a, panel, c)]

            def move(name: str, register: int, of: int, *at: Any) -> None:
                """Load or store a tile, some bytes into a, panel or c."""
                place = starts[of]
                for more in at:
                    place = builder.gep(place, [more])
                _call(builder, name, _BYTE(register), place, strides[of])

            def below(of: int, block: int) -> Any:
                return builder.mul(strides[of], _INDEX(_TILE * block))

            parts = [(block, column) for block in range(blocks) for column in range(_VECTORS)]

            def move_sums(name: str) -> None:
                for block, column in parts:
                    number = _VECTORS * block + column
                    move(name, number, 2, below(2, block), _INDEX(_SIZE * column))

            with builder.if_else(arguments[3]) as (then, otherwise):
                with then:
                    move_sums("tileloadd64")
                with otherwise:
                    for block, column in parts:
                        _call(builder, "tilezero", _BYTE(_VECTORS * block + column))
            lines = cgutils.for_range_slice(builder, _INDEX(0), depth, _INDEX(_TILE), intp=_INDEX)
            with lines as (lane, _count):
                along, down = builder.mul(lane, _INDEX(4)), builder.mul(lane, strides[1])
                for column in range(_VECTORS):
                    move("tileloadd64", 6 + column, 1, down, _INDEX(_SIZE * column))
                for block in range(blocks):
                    move("tileloadd64", 4 + block, 0, along, below(0, block))
                for block, column in parts:
                    registers = _VECTORS * block + column, 4 + block, 6 + column
                    _call(builder, "tdpbf16ps", *map(_BYTE, registers))
            move_sums("tilestored64")
            return context.get_dummy_value()

        return numba.void(a, panel, c, add), generate

    return tiles


_two_blocks, _one_block = _tiles(2), _tiles(1)


def _multiply(a: Any, b: Any, c: Any, add: Any) -> None:
    """What `multiply` does."""
    raise NotImplementedError


@overload(_multiply)
def _(a, b, c, add):  # type: ignore[no-untyped-def]
    def in_vectors(a, b, c, add):  # type: ignore[no-untyped-def]
        for number in range(len(b)):
            columns, row = c[:, number * COLUMNS :], 0
            while row + ROWS <= len(a):
                _all_rows(a[row:], b[number], columns[row:], add)
                row += ROWS
            if row + ROWS // 2 <= len(a):
                _half_the_rows(a[row:], b[number], columns[row:], add)
                row += ROWS // 2
            while row < len(a):
                _one_row(a[row:], b[number], columns[row:], add)
                row += 1

    def in_tiles(a, b, c, add):  # type: ignore[no-untyped-def]
        before = np.empty(64, np.uint8)
        _read_set_up(before)  # others in this thread may count on it
        first = 0
        while first < len(a):  # as many rows as two tiles have, and again; then what is left
            count = min(len(a) - first, 2 * _TILE)
            last = first + (len(a) - first) // count * count
            _set_up(_of_rows(min(count, _TILE), max(count - _TILE, 1)))
            for number in range(len(b)):
                columns = c[:, number * COLUMNS :]
                for row in range(first, last, count):
                    if count > _TILE:
                        _two_blocks(a[row:], b[number], columns[row:], add)
                    else:
                        _one_block(a[row:], b[number], columns[row:], add)
            first = last
        _set_up(before)

    return in_tiles if _TILES and a.dtype == numba.uint32 else in_vectors


@compiled
def multiply(a: Any, b: Any, c: Any, add: Any) -> None:
    """c += a @ b, or c = a @ b.

    Args:
        a: As `rows` makes it; or a part of it, from a multiple of 16 lanes on.
        b: A matrix that is laid out; or as many lanes of it.
        c: float32 of shape (rows, COLUMNS for each panel of b).
        add: Whether to add to what is in c.
    """
    _multiply(a, b, c, add)


@compiled
def lay(matrix: Any, into: Any, first: int, last: int) -> None:
    """Lay out some panels of a matrix.

    Args:
        matrix: float32 of shape (numbers to sum over, an even number; columns).
        into: As `panels` makes it.
        first, last: The panels, one after the last.
    """
    lay_rows(matrix[:, first * into.shape[2] :], into[first:last], 0)


@compiled
def lay_rows(matrix: Any, into: Any, before: int) -> None:
    """Lay out all of a matrix that is a part of one, in as many panels as there are.

    Args:
        matrix: float32 of shape (an even number, columns).
        into: As `panels` makes it.
        before: How many numbers are summed over before these, an even number.
    """
    width, each = into.shape[2], in_a_lane(into)
    for number in range(len(into)):
        start = number * width
        columns = min(matrix.shape[1] - start, width)
        for row in range(0, len(matrix), each):
            even, odd = matrix[row, start:], matrix[row + each - 1, start:]
            lane = into[number, (before + row) // each]
            for column in range(columns):
                lane[column] = _lane(even[column], odd[column], into)


@compiled
def lay_across(matrix: Any, into: Any) -> None:
    """Put the numbers of each column in lanes.

    Args:
        matrix: float32 of shape (an even number, columns).
        into: Shape (columns, lanes for so many numbers).
    """
    each = in_a_lane(into)
    for column in range(matrix.shape[1]):
        for lane in range(len(matrix) // each):
            even, odd = matrix[lane * each, column], matrix[lane * each + each - 1, column]
            into[column, lane] = _lane(even, odd, into)


@compiled
def lay_transposed(matrix: Any, into: Any, first: int, last: int) -> None:
    """As `lay`, from a matrix of shape (columns, numbers to sum over)."""
    width = into.shape[2]
    for number in range(first, last):
        rows = matrix[number * width : (number + 1) * width]
        for row in range(len(rows)):
            in_lanes(rows[row], into[number, :, row])


def in_lanes(numbers: Any, into: Any) -> None:
    """Put numbers, an even number of float32, in lanes; for compiled functions."""
    raise NotImplementedError


def _lane(even: Any, odd: Any, into: Any) -> Any:
    """The lane of two numbers, or of the first."""
    raise NotImplementedError


def in_a_lane(into: Any) -> Any:
    """How many numbers."""
    raise NotImplementedError


@overload(in_a_lane, inline="always")
def _(into):  # type: ignore[no-untyped-def]
    def one(into):  # type: ignore[no-untyped-def]
        return 1

    def two(into):  # type: ignore[no-untyped-def]
        return 2

    return two if into.dtype == numba.uint32 else one


@overload(in_lanes, inline="always")
def _(numbers, into):  # type: ignore[no-untyped-def]
    def whole(numbers, into):  # type: ignore[no-untyped-def]
        for lane in range(len(numbers)):
            into[lane] = numbers[lane]

    def pairs(numbers, into):  # type: ignore[no-untyped-def]
        for lane in range(len(numbers) // 2):
            into[lane] = _lane(numbers[2 * lane], numbers[2 * lane + 1], into)

    return pairs if into.dtype == numba.uint32 else whole


@overload(_lane, inline="always")
def _(even, odd, into):  # type: ignore[no-untyped-def]
    def whole(even, odd, into):  # type: ignore[no-untyped-def]
        return even

    def pair(even, odd, into):  # type: ignore[no-untyped-def]
        low, high = np.float32(even).view(np.uint32), np.float32(odd).view(np.uint32)
        # Rounded to the nearest, of two as near to the even one. Sums of uint32 are uint64.
        low = np.uint32(low + np.uint32(0x7FFF) + ((low >> np.uint32(16)) & np.uint32(1)))
        high = np.uint32(high + np.uint32(0x7FFF) + ((high >> np.uint32(16)) & np.uint32(1)))
        return np.uint32((low >> np.uint32(16)) | (high & np.uint32(0xFFFF0000)))

    return pair if into.dtype == numba.uint32 else whole
