"""The compiled LSTM kernels, compared with NumPy, and the cache of their code."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from textgen.compute.kernels import lstm, packing, sequence, simd
from textgen.compute.kernels.sequence import SequenceKernel

KINDS = [False, True] if simd.has_bfloat16() else [False]


def cells(c, *, bfloat16=False, i, f, g, o):
    """c, tanh of c and outputs after one character of one row, whose gates only a bias decides."""
    units = len(c)
    bias = np.concatenate([np.broadcast_to(np.float32(value), units) for value in (i, f, g, o)])
    kernel = SequenceKernel(bfloat16=bfloat16)
    nothing = np.zeros((1, units), np.float32)
    weights = np.zeros((1, 4 * units), np.float32), np.zeros((units, 4 * units), np.float32)
    outputs, _, after = kernel.forward(
        np.ones((1, 1, 1), np.float32), nothing, c[None], *weights, bias.astype(np.float32)
    )
    return after[0], kernel._tanh_c[0, 0], outputs[0, 0]


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


def test_it_compiles_with_an_unusable_or_damaged_cache(tmp_path):
    code = (
        "import numpy as np\n"
        "panels = packing.allocate_panels(2, 3, packing.FLOAT32)\n"
        "packing.pack(np.ones((2, 3), np.float32), panels, 0, 1)\n"
        "hits = getattr(packing.pack, 'stats').cache_hits.values()\n"
        "print(panels[0, :, :3].sum(), sum(hits))\n"
    )

    def compiled(import_packing, hits=0):
        done = subprocess.run(
            [sys.executable, "-c", f"{import_packing}\n{code}"],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, f"6.0 {hits}\n"), done.stderr
        return [path for path in tmp_path.rglob("*.nb?") if path.is_file()]

    # Code that comes from no file has no place for what is compiled.
    source = f"open({packing.__file__!r}, encoding='utf-8').read()"
    assert not compiled(
        f"import types\npacking = types.ModuleType('packing')\nexec({source}, packing.__dict__)"
    )
    files = compiled("from textgen.compute.kernels import packing")
    assert compiled("from textgen.compute.kernels import packing", hits=1) == files
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    compiled("from textgen.compute.kernels import packing")


@pytest.mark.parametrize("bfloat16", KINDS)
@pytest.mark.parametrize("threads", [1, 3])
def test_rows_do_not_depend_on_other_rows_nor_on_threads(bfloat16, threads, monkeypatch):
    """And gradients of weights are sums over rows, of more characters than are added at once."""
    generator = np.random.default_rng(0)

    def draw(*shape) -> Any:
        return generator.standard_normal(shape).astype(np.float32) / 2

    rows, characters, units, width = 6 * simd.ROWS + 1, 42, 11, 5
    x, of_outputs = draw(rows, characters, width), draw(rows, characters, units)
    h, c = draw(rows, units), draw(rows, units)
    kernel, recurrent, bias = draw(width, 4 * units), draw(units, 4 * units), draw(4 * units)
    with ThreadPoolExecutor() as workers:
        monkeypatch.setattr(sequence, "_threads", lambda: (workers, threads))
        whole, alone = SequenceKernel(bfloat16=bfloat16), SequenceKernel(bfloat16=bfloat16)
        outputs = whole.forward(x, h, c, kernel, recurrent, bias)[0]
        dx, *gradients = whole.backward(of_outputs)
        sums: list[Any] = [np.zeros_like(gradient) for gradient in gradients]
        for row in range(rows):
            only = slice(row, row + 1)
            single = alone.forward(x[only], h[only], c[only], kernel, recurrent, bias)[0]
            np.testing.assert_allclose(single, outputs[only], atol=1e-5)
            single_dx, *parts = alone.backward(of_outputs[only])
            np.testing.assert_allclose(single_dx, dx[only], atol=1e-4)
            for total, part in zip(sums, parts, strict=True):
                total += part
    for total, gradient in zip(sums, gradients, strict=True):
        np.testing.assert_allclose(gradient, total, atol=1e-3)
    assert len(lstm.forward.signatures) <= 2  # one for each kind of lane
    with pytest.raises(ValueError, match="shape"):
        whole.backward(of_outputs[1:])


def test_foreign_code_in_the_cache_is_not_run(tmp_path):
    """As where two programs compile at once, and the index of one is with the code of the other."""
    code = (
        "import sys\nimport numpy as np\nfrom textgen.compute.kernels import packing\n"
        "panels = np.zeros((1, 2, 3), sys.argv[1])\n"
        "packing.pack(np.ones((2, 3), np.float32), panels, 0, 1)\n"
        "print(panels.view(np.float32).sum())\n"
    )

    def summed(kind, folder):
        done = subprocess.run(
            [sys.executable, "-c", code, kind],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / folder)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = summed("float32", "float32")
    assert summed("float32", "float32") == first  # compiled, then read
    summed("float64", "float64")
    for other in (tmp_path / "float64").rglob("*.nbc"):
        place = tmp_path / "float32" / other.relative_to(tmp_path / "float64")
        assert place.exists()
        place.write_bytes(other.read_bytes())
    assert summed("float32", "float32") == first
