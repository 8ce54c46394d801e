"""A sequence and its gradients, for each kind of cell, and states that are reset inside it."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from textgen.kernels import passes, simd, threads
from textgen.kernels.cell_weights import CELL_WEIGHTS
from textgen.kernels.sequence import SequenceKernel, has_bfloat16

KINDS = [False, True] if has_bfloat16() else [False]
PANEL = simd.COLUMNS


class Draw:
    """Random arrays, and what a kernel takes."""

    def __init__(self):
        self.generator = np.random.default_rng(1)

    def __call__(self, *shape) -> Any:
        return self.generator.standard_normal(shape).astype(np.float32) / 2

    def arguments(self, cell, rows, tokens, width, units) -> tuple[Any, list[Any], list[Any]]:
        """x, states and weights, with which gradients of a simple RNN stay small."""
        of_cell, scale = CELL_WEIGHTS[cell], np.float32(2 / units**0.5)
        states = [self(rows, units) for _ in range(of_cell.states)]
        weights = [scale * self(*shape) for shape in of_cell.shapes(width, units)]
        return self(rows, tokens, width), states, weights


@pytest.fixture
def draw():
    return Draw()


@pytest.mark.parametrize("cell", CELL_WEIGHTS)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("width", "units"), [(3, 4), (2, 5), (9, PANEL + 3)])
def test_gradients_are_those_of_small_differences(cell, reset, width, units, draw):
    """In the kernel alone, against (f(x + e) - f(x - e)) / 2 e."""
    keep = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0]], np.float32) if reset else None
    x, states, weights = draw.arguments(cell, 2, 5, width, units)
    direction = draw(2, 5, units)
    kernel = SequenceKernel(cell)

    def value():
        outputs, *_ = kernel.forward(x, states, weights, keep)
        return float((outputs.astype(np.float64) * direction).sum())

    value()
    gradients = kernel.backward(direction)
    for array, gradient in zip((x, *weights), gradients, strict=True):
        assert gradient.shape == array.shape
        for _ in range(6):
            place = tuple(draw.generator.integers(0, size) for size in array.shape)
            old = array[place]
            around = []
            for new in (old + 1e-2, old - 1e-2):
                array[place] = new
                around.append(value())
            array[place] = old
            assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-2, abs=4e-3)


@pytest.mark.parametrize("cell", CELL_WEIGHTS)
@pytest.mark.parametrize("bfloat16", KINDS)
def test_a_text_that_begins_inside_a_row_is_read_as_if_alone(cell, bfloat16, draw):
    """Outputs, states and gradients: those of each text in a separate row."""
    rows, tokens, width, units = 7, 13, 3, 6
    x, states, weights = draw.arguments(cell, rows, tokens, width, units)
    d_outputs = draw(rows, tokens, units)
    keep = (draw.generator.random((rows, tokens)) > 0.3).astype(np.float32)
    keep[0], keep[1], keep[2] = 1, 0, 1
    keep[2, 0] = 0
    whole, alone = SequenceKernel(cell, bfloat16=bfloat16), SequenceKernel(cell, bfloat16=bfloat16)
    outputs, *last = whole.forward(x, states, weights, keep)
    dx, *gradients = whole.backward(d_outputs)
    sums = [np.zeros_like(array) for array in weights]
    for row in range(rows):
        starts = [0, *(np.flatnonzero(keep[row, 1:] == 0) + 1), tokens]
        for start, end in pairwise(starts):
            part = slice(row, row + 1), slice(start, end)
            before = [state[part[0]] * keep[row, start] for state in states]
            expected, *after = alone.forward(x[part], before, weights)
            np.testing.assert_allclose(outputs[part], expected, atol=1e-6)
            d_part, *d_weights = alone.backward(d_outputs[part].copy())
            np.testing.assert_allclose(dx[part], d_part, atol=1e-5)
            for total, array in zip(sums, d_weights, strict=True):
                total += array
        for state, expected in zip(last, after, strict=True):
            np.testing.assert_allclose(state[row], expected[0], atol=1e-6)
    for gradient, total in zip(gradients, sums, strict=True):
        np.testing.assert_allclose(gradient, total, atol=1e-4 if not bfloat16 else 0.1)


@pytest.mark.parametrize("cell", CELL_WEIGHTS)
@pytest.mark.parametrize("bfloat16", KINDS)
def test_where_nothing_is_reset_each_number_is_the_same(cell, bfloat16, draw):
    x, states, weights = draw.arguments(cell, 3, 5, 2, 4)
    kernel, results = SequenceKernel(cell, bfloat16=bfloat16), []
    for keep in (None, np.zeros((3, 5), np.float32), np.ones((3, 5), np.float32), None):
        outputs, *last = kernel.forward(x, states, weights, keep)
        results.append([outputs, *last, *kernel.backward(outputs)])
    for first, reset, *others in zip(*results, strict=True):
        assert (first != reset).any()
        for other in others:
            np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("bfloat16", KINDS)
@pytest.mark.parametrize("cell", CELL_WEIGHTS)
def test_what_is_no_number_stays_so(cell, bfloat16, draw):
    """Otherwise a failed training would continue."""
    x, states, weights = draw.arguments(cell, 3, 4, 5, 6)
    x[1, 2] = np.nan
    kernel = SequenceKernel(cell, bfloat16=bfloat16)
    outputs, *_ = kernel.forward(x, states, weights)
    assert np.isnan(outputs[1, 2:]).all() and np.isfinite(outputs[[0, 2]]).all()
    assert np.isnan(kernel.backward(np.ones_like(outputs))[2]).all()


@pytest.mark.parametrize("cell", CELL_WEIGHTS)
@pytest.mark.parametrize("bfloat16", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_rows_do_not_depend_on_other_rows_nor_on_threads(cell, bfloat16, count, monkeypatch, draw):
    """And gradients of weights are sums over rows, of more characters than are added at once."""
    rows, characters, units, width = 6 * simd.ROWS + 1, 42, PANEL + 5, 5
    x, states, weights = draw.arguments(cell, rows, characters, width, units)
    d_outputs = draw(rows, characters, units)
    with ThreadPoolExecutor() as workers:
        monkeypatch.setattr(threads, "_threads", lambda: (workers, count))
        whole, alone = (SequenceKernel(cell, bfloat16=bfloat16) for _ in range(2))
        outputs = whole.forward(x, states, weights)[0]
        dx, *gradients = whole.backward(d_outputs)
        sums: list[Any] = [np.zeros_like(gradient) for gradient in gradients]
        for row in range(rows):
            only = slice(row, row + 1)
            before = [state[only] for state in states]
            single = alone.forward(x[only], before, weights)[0]
            np.testing.assert_allclose(single, outputs[only], atol=1e-5)
            single_dx, *parts = alone.backward(d_outputs[only])
            np.testing.assert_allclose(single_dx, dx[only], atol=1e-4)
            for total, part in zip(sums, parts, strict=True):
                total += part
    for total, gradient in zip(sums, gradients, strict=True):
        np.testing.assert_allclose(gradient, total, atol=1e-3)
    assert len(passes.forward.signatures) <= 2  # one for each kind of lane
    with pytest.raises(ValueError, match="shape"):
        whole.backward(d_outputs[1:])
