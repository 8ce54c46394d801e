"""Seeds of dropout masks on PyTorch, whose generator takes one number."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("KERAS_BACKEND=torch", allow_module_level=True)

from textgen.compute.backends.torch import TorchBackend, mix


def test_two_layers_never_draw_the_same_masks_a_few_steps_apart():
    """Their seeds may differ by as much as their counters do the other way."""

    def drawn(seed, count):
        generator = keras.random.SeedGenerator(seed)
        generator.state.assign([seed, count])
        left = TorchBackend.masks.dropout(keras.ops.ones(512), 0.5, generator)
        assert keras.ops.convert_to_numpy(generator.state).tolist() == [seed, count + 1]
        return keras.ops.convert_to_numpy(left).tobytes()

    pairs = [(seed, count) for seed in range(100, 108) for count in range(8)]
    assert len({drawn(*pair) for pair in pairs}) == len(pairs)
    assert drawn(7, 5) == drawn(7, 5)
    assert drawn(0, 2**31 - 2) != drawn(2**31 - 2, 0)


def test_the_seed_of_a_mask_depends_on_every_bit_of_the_layers_seed_and_of_the_count():
    pairs = [(seed, count) for seed in range(1, 40) for count in range(40)]
    mixed = {mix(*pair) for pair in pairs}
    assert len(mixed) == len(pairs) and max(mixed) < 2**32
    for bit in range(31):
        assert mix(1 << bit, 0) != mix(0, 0) != mix(0, 1 << bit)
