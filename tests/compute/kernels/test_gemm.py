"""Products with a matrix that is laid out, beside NumPy's, whatever the width of instructions."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgen.compute.kernels import gemm

# What the tests of one width run, in a process of its own, which compiles for it.
CODE = """
import sys
import llvmlite.binding
import numba
import numpy as np

found = llvmlite.binding.get_host_cpu_features()
for name in found:
    found[name] &= not name.startswith(tuple(sys.argv[1:]))
llvmlite.binding.get_host_cpu_features = lambda: found

from textgen.compute.kernels import gemm as products

def narrow(numbers):
    \"\"\"Rounded to bfloat16: the nearest number with eight bits of mantissa, ties to even.\"\"\"
    mantissa, exponent = np.frexp(numbers.astype(np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent)

@numba.njit
def in_lanes(rows, into):
    for row in range(len(rows)):
        products.in_lanes(rows[row], into[row])

generator = np.random.default_rng(0)
for kind in (products.FLOAT32, products.BFLOAT16)[: 1 + products.has_bfloat16()]:
    for rows, depth, columns in (
        (1, 2, 1), (3, 6, 5), (8, 64, 65), (19, 130, 300), (40, 2, 9), (50, 34, 40)
    ):
        a, b = (generator.normal(size=shape).astype(np.float32)
                for shape in ((rows, depth), (depth, columns)))
        laid, turned, pieces = (products.panels(depth, columns, kind) for _ in range(3))
        products.lay(b, laid, 0, 1)
        products.lay(b, laid, 1, len(laid))
        products.lay_transposed(np.ascontiguousarray(b.T), turned, 0, len(turned))
        for place in range(0, depth, 2):
            products.lay_rows(b[place : place + 2], pieces, place)
        np.testing.assert_array_equal(laid, turned)
        np.testing.assert_array_equal(laid, pieces)
        lanes = products.rows(rows, depth, kind)
        in_lanes(a, lanes)
        c = np.ones((rows, len(laid) * products.COLUMNS), np.float32)
        products.multiply(lanes, laid, c, add=True)
        exact = (a.astype(np.float64) @ b if kind is products.FLOAT32 else narrow(a) @ narrow(b))
        np.testing.assert_allclose(c[:, :columns], 1 + exact, atol=2e-5 * depth ** 0.5)
        assert (c[:, columns:] == 1).all()
        c[:] = np.nan
        products.multiply(lanes, laid, c, add=False)
        np.testing.assert_allclose(c[:, :columns], exact, atol=2e-5 * depth ** 0.5)
print(products.ROWS, products.COLUMNS, products._TILES)
"""


def has_tiles():
    """Whether this processor has them and the system lets processes ask for them."""
    told = Path("/proc/cpuinfo")
    if not told.exists() or " amx_bf16 " not in told.read_text():
        return False
    return ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0


@pytest.mark.parametrize(
    ("without", "widest"),
    [([], 32), (["amx"], 32), (["avx512"], 16), (["avx", "fma", "f16c", "vaes", "vpcl"], 8)],
)
def test_a_product_is_that_of_numpy(without, widest, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *without],
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
    monkeypatch.setattr(gemm, "_FEATURES", frozenset())
    with pytest.raises(RuntimeError, match="bfloat16"):
        gemm.panels(2, 3, gemm.BFLOAT16)
