"""What the processor's widest instructions are, and functions compiled for them.

Matrix products sum in lanes of 32 bits: one float32, or two of bfloat16 side by side, as the
instruction takes them that multiplies both and adds them up in float32. Some processors have tiles
as well, registers of 16 by 16 lanes, and multiply two of them at once (Intel's AMX).
"""

import ctypes
import platform
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from textgen.compilation import compile_cached
from textgen.kernels.numba_names import NUMBA
from textgen.private_names import check

check(NUMBA)

from numba.core.registry import cpu_target

# What Numba compiles for, which may be less than the processor has.
_TARGET = cpu_target.target_context.codegen()
FEATURES = frozenset(_TARGET.magic_tuple()[2].split(","))
WIDTH = 16 if "+avx512f" in FEATURES else 8 if "+avx" in FEATURES else 4  # lanes of a vector
VECTORS = 2  # side by side in a panel
# Rows times vectors are sums in registers, of which x86 has 16 before AVX-512, others 32.
_FEW_REGISTERS = platform.machine().lower() in ("x86_64", "amd64") and WIDTH < 16
ROWS = 4 if _FEW_REGISTERS else 8
COLUMNS = WIDTH * VECTORS  # of a panel
FLOAT32, BFLOAT16 = np.float32, np.uint32  # what a lane is kept as
TILE = 16  # rows of a tile, and lanes of each
CACHE_LINE = 16  # lanes; neither a vector nor a tile's row should straddle two lines
# Sums in another order and products joined with them; but what is no number stays so.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


def _may_use_tiles() -> bool:
    """Whether the processor has tiles for bfloat16, and the system lets this process use them."""
    if not {"+avx512bf16", "+amx-tile", "+amx-bf16"} <= FEATURES or sys.platform != "linux":
        return False
    arch_prctl, request, tiles = 158, 0x1023, 18  # Documentation/arch/x86/xstate.rst of Linux
    return bool(ctypes.CDLL(None).syscall(arch_prctl, request, tiles) == 0)


TILES = _may_use_tiles()


def has_bfloat16() -> bool:
    """Whether this processor has the instruction for two products of bfloat16 and a sum."""
    return "+avx512bf16" in FEATURES


def constants(*numbers: float) -> tuple[Any, ...]:
    """Numbers in float32, for compiled code, to which Python's own are float64."""
    return tuple(map(np.float32, numbers))


def compiled(function: Callable[..., object]) -> Any:
    """The function, compiled for the types that it is called with, and kept in files."""
    return compile_cached(function, TILES, fastmath=_FAST, nogil=True, error_model="numpy")


def inlined(function: Callable[..., Any]) -> Any:
    """The function, as part of the compiled ones that call it."""
    return numba.njit(forceinline=True, fastmath=_FAST, error_model="numpy")(function)
