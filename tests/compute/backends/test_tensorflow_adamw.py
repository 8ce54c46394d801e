"""textgen's AdamW for TensorFlow computes what Keras's does."""

import keras
import numpy as np
import pytest

from tests.compute.here import backend
from textgen.compute.optimizer import create_optimizer
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

if keras.backend.backend() != "tensorflow":
    pytest.skip("CpuAdamW is for TensorFlow", allow_module_level=True)

from textgen.compute.backends.tensorflow_adamw import CpuAdamW


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_it_trains_as_keras_does(clip_norm):
    """Weights and moments are the same."""
    layers = {"units": (4,), "embedding": 3, "dropout": 0.0, "drop_connect": 0.0}
    rates = {"clip_norm": clip_norm, "weight_decay": 0.1, "learning_rate": 0.05}
    settings, generator = resolve_settings({**layers, **rates}), np.random.default_rng(0)
    weights, twins = initial_weights(settings.model, 9, generator), []
    precision = backend().precision("float32", "lstm")
    for adamw in (CpuAdamW, keras.optimizers.AdamW):
        twin = backend().build_network(settings, 9, precision, None)
        twin.set_weights(weights)
        twin.compile(
            create_optimizer(settings.training, adamw),
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
    for mine, expected in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-6)
    for now, before in zip(twins[0].get_weights(), weights, strict=True):
        assert np.abs(now - before).mean() > 0.01
