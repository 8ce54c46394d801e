"""What a training step leaves out."""

import keras
import numpy as np
import pytest

from textgen.compute import dropout_masks


def generator(seed):
    keras.utils.set_random_seed(seed)
    return dropout_masks.generator()


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_left_out_is_a_share_drawn_anew_and_the_rest_makes_up_for_it(rate, dtype):
    def draw(of):
        x = keras.ops.full((7, 31, 97), 2.0, dtype)
        left = keras.ops.cast(dropout_masks.left_out(x, rate, of), "float32")
        return keras.ops.convert_to_numpy(left)

    one = generator(3)
    first, second = draw(one), draw(one)
    assert np.mean(first == 0) == pytest.approx(rate, abs=0.01)
    assert first.mean() == pytest.approx(2, rel=0.05)
    assert len(np.unique(first)) == 2 and (first != second).any()
    np.testing.assert_array_equal(draw(generator(3)), first)
    for axis in range(3):  # no row or column is another's
        shares = np.mean(first == 0, axis=axis)
        assert 0.3 < np.std(shares) / np.sqrt(rate * (1 - rate) / first.shape[axis]) < 3


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="PyTorch's generator takes one seed")
def test_two_layers_never_draw_the_same_masks_a_few_steps_apart():
    """Their seeds may differ by as much as their counters do the other way."""

    def drawn(seed, count):
        one = keras.random.SeedGenerator(seed)
        one.state.assign([seed, count])
        left = dropout_masks.left_out(keras.ops.ones(512), 0.5, one)
        assert keras.ops.convert_to_numpy(one.state).tolist() == [seed, count + 1]
        return keras.ops.convert_to_numpy(left).tobytes()

    pairs = [(seed, count) for seed in range(100, 108) for count in range(8)]
    assert len({drawn(*pair) for pair in pairs}) == len(pairs)
    assert drawn(7, 5) == drawn(7, 5)
    assert drawn(0, 2**31 - 2) != drawn(2**31 - 2, 0)


def test_the_seed_of_a_mask_depends_on_every_bit_of_the_layers_seed_and_of_the_count():
    pairs = [(seed, count) for seed in range(1, 40) for count in range(40)]
    mixed = {dropout_masks._mixed(*pair) for pair in pairs}
    assert len(mixed) == len(pairs) and max(mixed) < 2**32
    for bit in range(31):
        assert (
            dropout_masks._mixed(1 << bit, 0)
            != dropout_masks._mixed(0, 0)
            != dropout_masks._mixed(0, 1 << bit)
        )
