"""What a training step leaves out."""

import keras
import numpy as np
import pytest

from tests.compute.here import backend

MASKS = backend().masks


def generator(seed):
    keras.utils.set_random_seed(seed)
    return MASKS.generator()


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_each_mask_drops_another_share_and_scales_up_the_rest(rate, dtype):
    def draw(source):
        x = keras.ops.full((7, 31, 97), 2.0, dtype)
        left = keras.ops.cast(MASKS.dropout(x, rate, source), "float32")
        return keras.ops.convert_to_numpy(left)

    source = generator(3)
    first, second = draw(source), draw(source)
    assert np.mean(first == 0) == pytest.approx(rate, abs=0.01)
    assert first.mean() == pytest.approx(2, rel=0.05)
    assert len(np.unique(first)) == 2 and (first != second).any()
    np.testing.assert_array_equal(draw(generator(3)), first)
    for axis in range(3):  # no row or column is another's
        shares = np.mean(first == 0, axis=axis)
        assert 0.3 < np.std(shares) / np.sqrt(rate * (1 - rate) / first.shape[axis]) < 3
