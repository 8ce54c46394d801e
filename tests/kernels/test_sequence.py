"""The gradients of a sequence, and states that are reset inside it."""

from itertools import pairwise

import numpy as np
import pytest

from textgen.kernels.sequence import SequenceKernel, has_bfloat16

KINDS = [False, True] if has_bfloat16() else [False]


@pytest.mark.parametrize("reset", [False, True])
def test_gradients_are_those_of_small_differences(reset):
    """In the kernel alone, against (f(x + e) - f(x - e)) / 2 e."""
    keep = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0]], np.float32) if reset else None
    generator = np.random.default_rng(0)

    def draw(*shape):
        return generator.standard_normal(shape).astype(np.float32)

    arguments = [draw(2, 5, 3), draw(2, 4), draw(2, 4), draw(3, 16), draw(4, 16), draw(16)]
    direction = draw(2, 5, 4)
    kernel = SequenceKernel()

    def value():
        return float(
            (kernel.forward(*arguments, keep=keep)[0].astype(np.float64) * direction).sum()
        )

    value()
    gradients = kernel.backward(direction)
    for number, gradient in zip((0, 3, 4, 5), gradients, strict=True):
        array = arguments[number]
        assert gradient.shape == array.shape
        for _ in range(6):
            place = tuple(generator.integers(0, size) for size in array.shape)
            old = array[place]
            around = []
            for new in (old + 1e-2, old - 1e-2):
                array[place] = new
                around.append(value())
            array[place] = old
            assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("bfloat16", KINDS)
def test_a_text_that_begins_inside_a_row_is_read_as_if_alone(bfloat16):
    """Outputs, states and gradients: those of each text in a separate row."""
    generator = np.random.default_rng(1)
    rows, tokens, width, units = 7, 13, 3, 6

    def draw(*shape):
        return generator.standard_normal(shape).astype(np.float32)

    x, d_outputs = draw(rows, tokens, width), draw(rows, tokens, units)
    h, c, zeros = draw(rows, units), draw(rows, units), np.zeros((1, units), np.float32)
    weights = draw(width, 4 * units), draw(units, 4 * units), draw(4 * units)
    keep = (generator.random((rows, tokens)) > 0.3).astype(np.float32)
    keep[0], keep[1], keep[2] = 1, 0, 1
    keep[2, 0] = 0
    whole, alone = SequenceKernel(bfloat16=bfloat16), SequenceKernel(bfloat16=bfloat16)
    outputs, *states = whole.forward(x, h, c, *weights, keep=keep)
    dx, *gradients = whole.backward(d_outputs)
    sums = [np.zeros_like(array) for array in weights]
    for row in range(rows):
        starts = [0, *(np.flatnonzero(keep[row, 1:] == 0) + 1), tokens]
        for start, end in pairwise(starts):
            part = slice(row, row + 1), slice(start, end)
            fresh = keep[row, start] == 0
            before = (zeros, zeros) if fresh else (h[part[0]], c[part[0]])
            expected, *after = alone.forward(x[part], *before, *weights)
            np.testing.assert_allclose(outputs[part], expected, atol=1e-6)
            d_part, *d_weights = alone.backward(d_outputs[part].copy())
            np.testing.assert_allclose(dx[part], d_part, atol=1e-5)
            for total, array in zip(sums, d_weights, strict=True):
                total += array
        for state, expected in zip(states, after, strict=True):
            np.testing.assert_allclose(state[row], expected[0], atol=1e-6)
    for gradient, total in zip(gradients, sums, strict=True):
        np.testing.assert_allclose(gradient, total, atol=1e-4 if not bfloat16 else 0.1)


@pytest.mark.parametrize("bfloat16", KINDS)
def test_where_nothing_is_reset_each_number_is_the_same(bfloat16):
    generator = np.random.default_rng(1)
    arguments = [
        generator.standard_normal(shape).astype(np.float32)
        for shape in ((3, 5, 2), (3, 4), (3, 4), (2, 16), (4, 16), (16,))
    ]
    kernel, results = SequenceKernel(bfloat16=bfloat16), []
    for keep in (None, np.zeros((3, 5), np.float32), np.ones((3, 5), np.float32), None):
        outputs, h, c = kernel.forward(*arguments, keep=keep)
        results.append([outputs, h, c, *kernel.backward(outputs)])
    for first, reset, *others in zip(*results, strict=True):
        assert (first != reset).any()
        for other in others:
            np.testing.assert_array_equal(other, first)
