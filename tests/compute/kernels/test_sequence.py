"""The gradients of a sequence."""

import numpy as np
import pytest

from textgen.compute.kernels.sequence import SequenceKernel


def test_gradients_are_those_of_small_differences():
    """In the kernel alone, against (f(x + e) - f(x - e)) / 2 e."""
    generator = np.random.default_rng(0)

    def draw(*shape):
        return generator.standard_normal(shape).astype(np.float32)

    arguments = [draw(2, 5, 3), draw(2, 4), draw(2, 4), draw(3, 16), draw(4, 16), draw(16)]
    direction = draw(2, 5, 4)
    kernel = SequenceKernel()

    def value():
        return float((kernel.forward(*arguments)[0].astype(np.float64) * direction).sum())

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
