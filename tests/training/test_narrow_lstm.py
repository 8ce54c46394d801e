"""The LSTM for half precision beside Keras's: in float32 the same, in its own precision close."""

import keras
import numpy as np
import pytest

from textgen import model
from textgen.config import ModelConfig
from textgen.training.narrow_lstm import NarrowLSTM

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="NarrowLSTM is for TensorFlow"
)


def trained(layer, config, targets, carry, precision, batches, seed):
    """Losses and weights of a few steps of plain descent."""
    keras.utils.set_random_seed(seed)
    twin = model.build(
        config, 5, targets, carry_batch=carry, logits=True, recurrent=layer, precision=precision
    )
    twin.set_weights(model.initial_weights(config, 5, np.random.default_rng(1)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.Adam(0.02), loss)
    losses = [float(twin.train_on_batch(x, y)) for x, y in batches]
    states = [
        np.asarray(one) for part in twin.layers for one in getattr(part, "states", None) or ()
    ]
    return losses, twin.get_weights(), states


@pytest.mark.parametrize(
    ("units", "rows", "maxlen", "targets"),
    [((7, 4), 3, 5, "sequence"), ((5,), 2, 4, "last"), ((1,), 1, 1, "sequence")],
)
def test_it_trains_as_keras_does(units, rows, maxlen, targets):
    """In float32, where both can be held to each other: losses, carried state, all weights."""
    seed = 0
    config = ModelConfig(units=units, embedding=3, dropout=0.0)
    carry = rows if targets == "sequence" else None
    generator = np.random.default_rng(seed)
    shape = (rows, maxlen) if targets == "sequence" else (rows,)
    batches = [
        (generator.integers(0, 5, (rows, maxlen)), generator.integers(0, 5, shape))
        for _ in range(3)
    ]
    found = [
        trained(layer, config, targets, carry, "float32", batches, seed)
        for layer in (keras.layers.LSTM, NarrowLSTM)
    ]
    (stock_losses, *stock), (own_losses, *own) = found
    np.testing.assert_allclose(own_losses, stock_losses, rtol=1e-4)
    for ours, theirs in zip((*own[0], *own[1]), (*stock[0], *stock[1]), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_in_bfloat16_it_stays_nearer_to_float32_than_keras_does():
    config = ModelConfig(units=(24, 16), embedding=8, dropout=0.0)
    generator = np.random.default_rng(0)
    ids = generator.integers(0, 5, (60, 8, 12))
    batches = [(one, (one * 2 + 1) % 5) for one in ids]
    found = {
        name: trained(layer, config, "sequence", 8, precision, batches, 0)[0]
        for name, layer, precision in (
            ("whole", keras.layers.LSTM, "float32"),
            ("stock", keras.layers.LSTM, "bfloat16"),
            ("own", NarrowLSTM, "bfloat16"),
        )
    }
    far = {name: np.abs(np.subtract(found[name], found["whole"])).mean() for name in found}
    assert far["own"] < 0.02 and far["own"] < 1.5 * far["stock"]
