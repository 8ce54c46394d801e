"""Networks of stock Keras layers, compared with the NumPy network."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from textgen.model.build import build_model, count_parameters
from textgen.sampling import Sampler
from textgen.sampling.context import carried_reader
from textgen.sampling.network import Network, weight_specs
from textgen.settings import CELLS, ModelConfig
from textgen.settings import resolve_settings as resolve
from textgen.text.vocabulary import Vocabulary


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_the_keras_example_preset_is_that_network():
    built = build_model(resolve({}, "keras-example").model, 57, "last")
    assert kinds(built) == ["InputLayer", "Embedding", "LSTM", "Dropout", "Dense"]
    one_hot, lstm, dropout, dense = built.layers[1:]
    np.testing.assert_array_equal(one_hot.get_weights()[0], np.eye(57))
    assert not one_hot.trainable and lstm.units == 128 and not lstm.return_sequences
    assert dropout.rate == 0 and dense.activation is keras.activations.softmax
    assert built.output_shape == (None, 57)
    # As many as Input((40, 57)), LSTM(128), Dense(57) have:
    assert count_parameters(built) == 4 * 128 * (57 + 128 + 1) + 129 * 57


def test_the_min_char_rnn_preset_is_that_network():
    keras.utils.set_random_seed(1)
    built = build_model(resolve({}, "min-char-rnn").model, 65, "sequence")
    assert kinds(built) == ["InputLayer", "Embedding", "SimpleRNN", "Dropout", "Dense"]
    rnn, dense = built.layers[2], built.layers[4]
    assert rnn.units == 100 and rnn.activation is keras.activations.tanh and rnn.return_sequences
    for matrix in (*rnn.get_weights()[:2], dense.get_weights()[0]):
        assert matrix.std() == pytest.approx(0.01, rel=0.05)
        assert abs(matrix.mean()) < 0.001
    assert not rnn.get_weights()[2].any() and not dense.get_weights()[1].any()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("targets", ["last", "sequence"])
def test_recurrent_layers_meet_the_conditions_for_cudnn(cell, targets):
    """Keras's documentation of LSTM and GRU lists them."""
    built = build_model(ModelConfig(cell=cell, units=(8, 8)), 10, targets, carry_batch=None)
    for layer in (built.layers[2], built.layers[4]):
        assert layer.activation is keras.activations.tanh
        assert layer.recurrent_activation is keras.activations.sigmoid
        assert layer.recurrent_dropout == 0 and not layer.unroll and layer.use_bias
        assert cell == "lstm" or layer.reset_after


def test_one_hot_input_of_a_huge_vocabulary_is_refused():
    with raises_settings_error("embedding"):
        build_model(ModelConfig(embedding=0), 100_000, "last")


@settings(max_examples=12)
@given(
    st.sampled_from(CELLS),
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.sampled_from([0, 5]),
    st.sampled_from(["last", "sequence"]),
    st.integers(0, 1000),
)
def test_the_numpy_network_predicts_what_keras_predicts(cell, units, embedding, targets, seed):
    config = ModelConfig(cell=cell, units=tuple(units), embedding=embedding)
    keras.utils.set_random_seed(seed)
    built = build_model(config, 11, targets)
    generator = np.random.default_rng(seed)
    # Biases too: Keras begins them at zero, which would hide a mistake.
    weights = [w + generator.standard_normal(w.shape) * 0.3 for w in built.get_weights()]
    if embedding == 0:
        weights[0] = np.eye(11)
    built.set_weights(weights)
    assert [w.shape for w in built.get_weights()] == [s.shape for s in weight_specs(config, 11)]
    step = carried_reader(Network(config, 11, built.get_weights()), (3,)).step
    ids = generator.integers(0, 11, (3, 14))
    expected = np.log(built.predict_on_batch(ids))
    for place in range(ids.shape[1]):
        logits = step(ids[:, place])
        logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        if targets == "sequence":
            np.testing.assert_allclose(logprobs, expected[:, place], atol=1e-5)
    if targets == "last":
        np.testing.assert_allclose(logprobs, expected, atol=1e-5)
        # And at every position from the last five characters.
        sampler = Sampler(
            Network(config, 11, built.get_weights()), Vocabulary("abcdefghijk"), 5, []
        )
        windows = np.lib.stride_tricks.sliding_window_view(ids[0, :-1], 5)
        after = np.log(built.predict_on_batch(windows))[np.arange(len(windows)), ids[0, 5:]]
        text = sampler.vocabulary.decode(ids[0])
        np.testing.assert_allclose(sampler.logprobs(text)[4:], after, atol=1e-5)
