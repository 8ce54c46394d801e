"""AdamW of our own beside Keras's."""

import keras
import numpy as np
import pytest

from textgen.config import TrainConfig
from textgen.training.backend import Device
from textgen.training.cpu_adamw import CpuAdamW
from textgen.training.optimizer import optimizer

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="CpuAdamW is for TensorFlow"
)


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_it_trains_as_keras_does(clip_norm):
    """Weights and moments, of layers whose gradients are dense and of an embedding, of which a
    batch has a few rows only."""
    config = TrainConfig(clip_norm=clip_norm, weight_decay=0.1, learning_rate=0.05)
    generator = np.random.default_rng(0)
    weights: list[np.ndarray] = []
    twins = []
    for device in ("cpu", "a GPU"):
        twin = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(50, 4)])
        twin.add(keras.layers.Dense(50))
        weights = weights or [generator.normal(size=one.shape) for one in twin.weights]
        twin.set_weights(weights)
        twin.compile(
            optimizer(config, Device("tensorflow", device)),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        twins.append(twin)
    assert [isinstance(twin.optimizer, CpuAdamW) for twin in twins] == [True, False]
    for number in range(5):
        # None twice: Keras's own adds up squares of such gradients, where it does not clip them.
        x, y = generator.permutation(50)[:6].reshape(2, 3), generator.integers(0, 50, (2, 3))
        for twin in twins:
            twin.optimizer.learning_rate.assign(0.05 / (number + 1))
            twin.train_on_batch(x, y)
    ours, keras_own = ([*twin.weights, *twin.optimizer.variables] for twin in twins)
    for one, other in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert np.abs(twins[0].get_weights()[1] - weights[1]).mean() > 0.05
