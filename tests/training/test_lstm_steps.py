"""What is compiled for each character, beside NumPy, and where its code is kept."""

import os
import subprocess
import sys

import numpy as np

from textgen.training import lstm_steps


def test_tanh_is_that_of_numpy():
    """Through a cell that the gates leave as it is: c = sigmoid(big) c, h = sigmoid(big) tanh c."""
    cells = np.concatenate([np.linspace(-12, 12, 4001), [0, 1e-8, -1e-5, 60, -60]])
    c = cells.astype(np.float32)[None]
    units = c.shape[1]
    gates = np.repeat(np.array([-30, 30, 0, 30], np.float32), units)[None]
    new_c, tanh_c, h = (np.empty_like(c) for _ in range(3))
    outputs = np.empty((1, 1, units), np.float32)
    nothing = np.zeros(4 * units, np.float32)
    lstm_steps.forward(gates, nothing[None], nothing, c, new_c, tanh_c, h, outputs, 0)
    np.testing.assert_allclose(new_c, c, rtol=1e-6)
    np.testing.assert_allclose(tanh_c, np.tanh(c.astype(np.float64)), atol=4e-7, rtol=1e-6)
    np.testing.assert_array_equal(outputs[:, 0], h)
    np.testing.assert_allclose(h, tanh_c, atol=4e-7)


def test_what_is_no_number_stays_so():
    """Or a training that has failed would go on."""
    units, rows = 20, 2
    arrays = [np.ones((rows, 4 * units), np.float32) for _ in range(2)]
    arrays[1][:, ::3] = np.nan
    states = [np.ones((rows, units), np.float32) for _ in range(4)]
    outputs = np.ones((rows, 1, units), np.float32)
    lstm_steps.forward(*arrays, np.zeros(4 * units, np.float32), *states, outputs, 0)
    np.testing.assert_array_equal(np.isnan(arrays[0]), np.isnan(arrays[1]))
    assert np.isnan(outputs).any()


def test_it_compiles_where_nothing_can_be_kept_and_where_what_was_kept_is_damaged(tmp_path):
    def compiled(code):
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; print('compiled')"],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, "compiled\n"), done.stderr
        return [path for path in tmp_path.rglob("*.nb?") if path.is_file()]

    # Code that comes from no file has no place for what is compiled.
    assert not compiled(
        f"exec(open({lstm_steps.__file__!r}, encoding='utf-8').read(), {{'__name__': 'steps'}})"
    )
    kept = compiled("from textgen.training import lstm_steps")
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    compiled("from textgen.training import lstm_steps")
