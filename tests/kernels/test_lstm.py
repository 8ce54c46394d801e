"""The compiled LSTM, compared with NumPy, and the cache of compiled code."""

import os
import subprocess
import sys

import numpy as np
import pytest

from textgen.kernels import simd
from textgen.kernels.sequence import SequenceKernel

KINDS = [False, True] if simd.has_bfloat16() else [False]


def cells(c, *, bfloat16=False, i, f, g, o):
    """c, tanh of c and outputs after one character of one row, whose gates only a bias decides."""
    units = len(c)
    bias = np.concatenate([np.broadcast_to(np.float32(value), units) for value in (i, f, g, o)])
    kernel = SequenceKernel("lstm", bfloat16=bfloat16)
    nothing = np.zeros((1, units), np.float32)
    zeros = np.zeros((1, 4 * units), np.float32), np.zeros((units, 4 * units), np.float32)
    outputs, _, after = kernel.forward(
        np.ones((1, 1, 1), np.float32), (nothing, c[None]), (*zeros, bias.astype(np.float32))
    )
    return after[0], kernel._saved[0, 0, 4 * units : 5 * units], outputs[0, 0]


def test_tanh_is_that_of_numpy():
    """Through a cell that the gates leave as it is: c = sigmoid(big) c, h = sigmoid(big) tanh c."""
    c = np.concatenate([np.linspace(-12, 12, 4001), [0, 1e-8, -1e-5, 60, -60]]).astype(np.float32)
    after, tanh_c, outputs = cells(c, i=-30, f=30, g=0, o=30)
    np.testing.assert_allclose(after, c, rtol=1e-6)
    np.testing.assert_allclose(tanh_c, np.tanh(c.astype(np.float64)), atol=4e-7, rtol=1e-6)
    np.testing.assert_allclose(outputs, tanh_c, atol=4e-7)


@pytest.mark.parametrize("bfloat16", KINDS)
def test_what_is_no_number_stays_so(bfloat16):
    """Otherwise a failed training would continue."""
    broken = np.where(np.arange(20) % 3, 1, np.nan)
    for gate in "ifgo":
        _, _, outputs = cells(
            np.ones(20, np.float32),
            bfloat16=bfloat16,
            **{"i": 1, "f": 1, "g": 1, "o": 1, gate: broken},
        )
        np.testing.assert_array_equal(np.isnan(outputs), np.isnan(broken))


SMALL = """
from textgen.kernels import simd

@simd.compiled
def double(numbers, results):
    for place in range(len(numbers)):
        results[place] = 2 * numbers[place]
"""
USE = """
import sys, types
import numpy as np

if sys.argv[1] == "file":
    import small
else:  # code that comes from no file has no place for what is compiled
    small = types.ModuleType("small")
    exec(open("small.py", encoding="utf-8").read(), small.__dict__)
numbers = np.arange(5, dtype=sys.argv[2])
results = np.zeros_like(numbers)
small.double(numbers, results)
hits = getattr(small.double, "stats").cache_hits.values()
print(results.sum(), sum(hits))
"""


@pytest.fixture
def double(tmp_path):
    """Runs a small compiled function in another process; says how often its code was read."""
    (tmp_path / "small.py").write_text(SMALL)

    def run(folder, kind="float32", source="file"):
        path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-c", USE, source, kind],
            cwd=tmp_path,
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        result, hits = done.stdout.split()
        assert result == "20.0"
        return int(hits)

    return run


def test_it_compiles_with_an_unusable_or_damaged_cache(tmp_path, double):
    cache = tmp_path / "cache"

    def files():
        return [path for path in cache.rglob("*.nb?") if path.is_file()]

    assert double(cache, source="text") == 0 and not files()
    assert double(cache) == 0
    first = files()
    assert first and double(cache) == 1 and files() == first
    for path in first:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert double(cache) == 0


def test_foreign_code_in_the_cache_is_not_run(tmp_path, double):
    """As where two programs compile at once, and the index of one is with the code of the other."""
    cache, other = tmp_path / "float32", tmp_path / "float64"
    double(cache, "float32")
    double(other, "float64")
    for code in other.rglob("*.nbc"):
        place = cache / code.relative_to(other)
        assert place.exists()
        place.write_bytes(code.read_bytes())
    double(cache, "float32")
