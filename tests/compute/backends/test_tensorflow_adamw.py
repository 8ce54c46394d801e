"""AdamW of our own beside Keras's."""

import keras
import numpy as np
import pytest

from textgen.compute.optimizer import create_optimizer
from textgen.model.build import build_model
from textgen.model.initial_weights import initial_weights
from textgen.settings import ModelConfig, TrainConfig

if keras.backend.backend() != "tensorflow":
    pytest.skip("CpuAdamW is for TensorFlow", allow_module_level=True)

from textgen.compute.backends.tensorflow_adamw import CpuAdamW


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_it_trains_as_keras_does(clip_norm):
    """Weights and moments are the same."""
    config = TrainConfig(clip_norm=clip_norm, weight_decay=0.1, learning_rate=0.05)
    network, generator = ModelConfig(units=(4,), embedding=3, dropout=0.0), np.random.default_rng(0)
    weights, twins = initial_weights(network, 9, generator), []
    for adamw in (CpuAdamW, keras.optimizers.AdamW):
        twin = build_model(network, 9, "sequence", logits=True)
        twin.set_weights(weights)
        twin.compile(
            create_optimizer(config, adamw),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        twins.append(twin)
    assert [isinstance(twin.optimizer, CpuAdamW) for twin in twins] == [True, False]
    for number in range(5):
        x, y = generator.integers(0, 9, (2, 2, 6))
        for twin in twins:
            twin.optimizer.learning_rate.assign(0.05 / (number + 1))
            twin.train_on_batch(x, y)
    ours, keras_own = ([*twin.weights, *twin.optimizer.variables] for twin in twins)
    for one, other in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for one, before in zip(twins[0].get_weights(), weights, strict=True):
        assert np.abs(one - before).mean() > 0.01
