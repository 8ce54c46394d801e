"""The LSTM of our own beside Keras's."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen.compute.layers.cpu_lstm import CpuLSTM, SequenceKernel
from textgen.model.build import build_model, initial_weights
from textgen.settings import ModelConfig


@settings(max_examples=8)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 7),
    st.sampled_from(["last", "sequence"]),
    st.integers(0, 99),
)
def test_it_trains_as_keras_does(units, rows, maxlen, targets, seed):
    """Outputs, carried state and every gradient: after three steps all weights are the same."""
    config = ModelConfig(units=tuple(units), embedding=3, dropout=0.0)
    carry = rows if targets == "sequence" else None
    twins = [
        build_model(config, 5, targets, carry_batch=carry, logits=True, recurrent=layer)
        for layer in (keras.layers.LSTM, CpuLSTM)
    ]
    generator = np.random.default_rng(seed)
    weights = initial_weights(config, 5, generator)
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
    for stock, own in zip(*(twin.get_weights() for twin in twins), strict=True):
        np.testing.assert_allclose(own, stock, atol=1e-4)


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
