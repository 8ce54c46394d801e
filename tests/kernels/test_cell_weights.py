"""The weights of each kind of cell as one matrix."""

import numpy as np
import pytest

from textgen.kernels.cell_weights import CELL_WEIGHTS

SIZES = [(3, 4, 8), (2, 5, 8), (7, 9, 4), (1, 1, 16)]  # width, units, columns of a panel


def join(cell, width, units):
    """Weights of ones and their matrix."""
    weights = [np.ones(shape, np.float32) for shape in cell.shapes(width, units)]
    joined = np.zeros((units + width + 1, cell.columns(units)), np.float32)
    cell.join(weights, joined)
    return weights, joined


@pytest.mark.parametrize("cell", CELL_WEIGHTS.values(), ids=CELL_WEIGHTS)
@pytest.mark.parametrize(("width", "units", "panel"), SIZES)
def test_outside_the_spans_all_weights_are_zero(cell, width, units, panel):
    _, joined = join(cell, width, units)
    matrices = joined, joined[:-1].T
    for matrix, spans in zip(matrices, cell.spans(units, width, panel), strict=True):
        assert len(spans) == -(-matrix.shape[1] // panel)
        for number, (first, last) in enumerate(spans):
            rest = matrix[:, number * panel : (number + 1) * panel].copy()
            assert rest[first].any() and rest[last - 1].any()
            rest[first:last] = 0
            assert not rest.any()


@pytest.mark.parametrize("cell", CELL_WEIGHTS.values(), ids=CELL_WEIGHTS)
@pytest.mark.parametrize(("width", "units", "panel"), SIZES)
def test_gradients_go_back_to_where_the_weights_came_from(cell, width, units, panel):
    """The gradient of f is the direction where f is the sum of all weights times a direction."""
    generator = np.random.default_rng(panel)
    weights, joined = join(cell, width, units)
    direction = generator.standard_normal(joined.shape).astype(np.float32)
    gradients = cell.split(direction, units)
    for array, gradient in zip(weights, gradients, strict=True):
        assert array.shape == gradient.shape
        place = tuple(generator.integers(0, size) for size in array.shape)
        before = (joined * direction).sum()
        array[place] += 1
        cell.join(weights, joined)
        assert (joined * direction).sum() - before == pytest.approx(gradient[place], abs=1e-3)
