"""Products with a packed matrix are NumPy's, whatever the width of instructions."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgen.kernels import packing, simd

# The tests of one width run this in another process, which compiles for that width.
CODE = """
import sys
import llvmlite.binding
import numba
import numpy as np

names, *without = sys.argv[1:]
features = llvmlite.binding.get_host_cpu_features()
for name in features:
    features[name] &= not name.startswith(tuple(without))
llvmlite.binding.get_host_cpu_features = lambda: features

from textgen.kernels import gemm, packing, simd

def narrow(numbers):
    \"\"\"Rounded to bfloat16: the nearest number with eight bits of mantissa, ties to even.\"\"\"
    mantissa, exponent = np.frexp(numbers.astype(np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent)

@numba.njit
def fill(rows, lanes):
    for row in range(len(rows)):
        packing.fill_lanes(rows[row], lanes[row])

generator = np.random.default_rng(0)
kinds = {"float32": simd.FLOAT32, "bfloat16": simd.BFLOAT16}
for kind in [kinds[name] for name in names.split(",") if name == "float32" or simd.has_bfloat16()]:
    for rows, depth, columns in (
        (1, 2, 1), (3, 6, 5), (8, 64, 65), (19, 130, 300), (40, 2, 9), (50, 34, 40)
    ):
        a, b = (generator.normal(size=shape).astype(np.float32)
                for shape in ((rows, depth), (depth, columns)))
        packed, transposed, by_rows = (
            packing.allocate_panels(depth, columns, kind) for _ in range(3)
        )
        packing.pack(b, packed, 0, 1)
        packing.pack(b, packed, 1, len(packed))
        packing.pack_transposed(np.ascontiguousarray(b.T), transposed, 0, len(transposed))
        for row in range(0, depth, 2):
            packing.pack_rows(b[row : row + 2], by_rows, row)
        np.testing.assert_array_equal(packed, transposed)
        np.testing.assert_array_equal(packed, by_rows)
        lanes = packing.allocate_rows(rows, depth, kind)
        fill(a, lanes)
        c = np.ones((rows, len(packed) * simd.COLUMNS), np.float32)
        gemm.multiply(lanes, packed, c, add=True)
        exact = (a.astype(np.float64) @ b if kind is simd.FLOAT32 else narrow(a) @ narrow(b))
        np.testing.assert_allclose(c[:, :columns], 1 + exact, atol=2e-5 * depth ** 0.5)
        assert (c[:, columns:] == 1).all()
        c[:] = np.nan
        gemm.multiply(lanes, packed, c, add=False)
        np.testing.assert_allclose(c[:, :columns], exact, atol=2e-5 * depth ** 0.5)
print(simd.ROWS, simd.COLUMNS, simd.TILES)
"""


def has_tiles():
    """Whether this processor has them and the system lets processes ask for them."""
    cpu_info = Path("/proc/cpuinfo")
    if not cpu_info.exists() or " amx_bf16 " not in cpu_info.read_text():
        return False
    return ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0


# Tiles are for bfloat16 only, and those with narrower vectors have none of its instructions.
@pytest.mark.parametrize(
    ("without", "kinds", "widest"),
    [
        ([], "bfloat16", 32),
        (["amx"], "float32,bfloat16", 32),
        (["avx512"], "float32", 16),
        (["avx", "fma", "f16c", "vaes", "vpcl"], "float32", 8),
    ],
)
def test_a_product_is_that_of_numpy(without, kinds, widest, tmp_path):
    if not (without or has_tiles()):
        pytest.skip("without tiles it is the product of the next test")
    done = subprocess.run(
        [sys.executable, "-c", CODE, kinds, *without],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows, columns, tiles = done.stdout.split()
    assert rows in ("4", "8") and columns in ("8", "16", "32") and int(columns) <= widest
    assert tiles == str(not without and has_tiles())


def test_bfloat16_is_refused_where_the_processor_has_no_instruction_for_it(monkeypatch):
    """LLVM would end the process."""
    monkeypatch.setattr(simd, "FEATURES", frozenset())
    with pytest.raises(RuntimeError, match="bfloat16"):
        packing.allocate_panels(2, 3, simd.BFLOAT16)
