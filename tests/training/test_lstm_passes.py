"""What is compiled for an LSTM, beside NumPy, and where its code is kept."""

import os
import subprocess
import sys

import numpy as np

from textgen.training import lstm_passes, products
from textgen.training.cpu_lstm import SequenceKernel


def cells(c, *, i, f, g, o):
    """c, tanh of c and outputs after one character of one row, whose gates only a bias decides."""
    units = len(c)
    bias = np.concatenate([np.broadcast_to(np.float32(one), units) for one in (i, f, g, o)])
    kernel = SequenceKernel()
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


def test_what_is_no_number_stays_so():
    """Or a training that has failed would go on."""
    broken = np.where(np.arange(20) % 3, 1, np.nan)
    for gate in "ifgo":
        found = cells(np.ones(20, np.float32), **{"i": 1, "f": 1, "g": 1, "o": 1, gate: broken})
        np.testing.assert_array_equal(np.isnan(found[2]), np.isnan(broken))


def test_it_compiles_where_nothing_can_be_kept_and_where_what_was_kept_is_damaged(tmp_path):
    code = (
        "import numpy as np\n"
        "into = products.panels(2, 3, products.FLOAT32)\n"
        "products.lay(np.ones((2, 3), np.float32), into, 0, 1)\n"
        "print(into[0, :, :3].sum())\n"
    )

    def compiled(products_from):
        done = subprocess.run(
            [sys.executable, "-c", f"{products_from}\n{code}"],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, "6.0\n"), done.stderr
        return [path for path in tmp_path.rglob("*.nb?") if path.is_file()]

    # Code that comes from no file has no place for what is compiled.
    source = f"open({products.__file__!r}, encoding='utf-8').read()"
    assert not compiled(
        f"import types\nproducts = types.ModuleType('products')\nexec({source}, products.__dict__)"
    )
    kept = compiled("from textgen.training import products")
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    compiled("from textgen.training import products")


def test_each_part_may_be_a_thread():
    """Rows and columns do not depend on what is done beside them."""
    generator = np.random.default_rng(0)

    def draw(*shape):
        return generator.standard_normal(shape).astype(np.float32)

    rows, units = 3 * products.ROWS + 1, 20
    x, above = draw(rows, 4, 5), draw(rows, 4, units)
    states = draw(rows, units), draw(rows, units)
    kernel, recurrent, bias = draw(5, 4 * units), draw(units, 4 * units), draw(4 * units)
    whole, alone = SequenceKernel(), SequenceKernel()
    outputs = whole.forward(x, *states, kernel, recurrent, bias)[0]
    dx = whole.backward(above)[0]
    for row in (0, products.ROWS, rows - 1):
        one = slice(row, row + 1)
        h, c = (state[one] for state in states)
        found = alone.forward(x[one], h, c, kernel, recurrent, bias)[0]
        np.testing.assert_allclose(found, outputs[one], atol=1e-5)
        np.testing.assert_allclose(alone.backward(above[one])[0], dx[one], atol=1e-4)
    assert len(lstm_passes.forward.signatures) <= 2  # one for each kind of lane
