"""textgen's recurrent layers for a CPU compute what Keras's do."""

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compute.here import backend
from textgen.compute.backend import Precision
from textgen.compute.layers.cpu_recurrent import cpu_layer
from textgen.model.build import RECURRENT
from textgen.model.initial_weights import initial_weights
from textgen.settings import CELLS, resolve_settings


@settings(max_examples=9)
@given(
    st.sampled_from(CELLS),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 7),
    st.sampled_from(["last", "sequence"]),
    st.integers(0, 99),
)
def test_it_trains_as_keras_does(cell, units, rows, maxlen, targets, seed):
    """Outputs, carried state and every gradient: after three steps all weights are the same."""
    chosen = resolve_settings(
        {
            "cell": cell,
            "units": units,
            "embedding": 3,
            "dropout": 0.0,
            "drop_connect": 0.0,
            "targets": targets,
        }
    )
    carry = rows if targets == "sequence" else None
    twins = [
        backend().build_network(chosen, 5, Precision("float32", recurrent=layer), carry)
        for layer in (RECURRENT[cell], cpu_layer(backend().cpu_recurrent, cell))
    ]
    generator = np.random.default_rng(seed)
    weights = initial_weights(chosen.model, 5, generator)
    losses = []
    for twin in twins:
        twin.set_weights(weights)
        twin.compile(
            keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
    for _ in range(3):
        x = generator.integers(0, 5, (rows, maxlen))
        y = generator.integers(0, 5, (rows, maxlen) if targets == "sequence" else (rows,))
        losses.append([float(twin.train_on_batch(x, y)) for twin in twins])
    stock_losses, own_losses = zip(*losses, strict=True)
    np.testing.assert_allclose(own_losses, stock_losses, rtol=1e-4)
    for stock, faster in zip(*(twin.get_weights() for twin in twins), strict=True):
        np.testing.assert_allclose(faster, stock, atol=1e-4)
