"""Networks of stock Keras layers, compared with the NumPy network."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from textgen.model.build import build_model, count_parameters
from textgen.sampling.context import carried_reader, window_reader
from textgen.sampling.network import Network, weight_specs
from textgen.settings import CELLS, ModelConfig
from textgen.settings import resolve_settings as resolve


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
    st.lists(st.integers(1, 4), max_size=2),
    st.integers(0, 1000),
)
def test_the_numpy_network_predicts_what_keras_predicts(
    cell, units, embedding, targets, labels, seed
):
    config = ModelConfig(
        cell=cell, units=tuple(units), embedding=embedding, label_sizes=tuple(labels)
    )
    keras.utils.set_random_seed(seed)
    built = build_model(config, 11, targets)
    generator = np.random.default_rng(seed)
    # Biases too: Keras begins them at zero, which would hide a mistake.
    weights = [w + generator.standard_normal(w.shape) * 0.3 for w in built.get_weights()]
    if embedding == 0:
        weights[0] = np.eye(11)
    built.set_weights(weights)
    assert [w.shape for w in built.get_weights()] == [s.shape for s in weight_specs(config, 11)]
    network, ids = Network(config, 11, built.get_weights()), generator.integers(0, 11, (3, 14))
    label_ids = generator.integers(0, np.array([labels] * 3, int))
    reader, windowed = carried_reader(network, (3,)), window_reader(network, 5, (3,))
    for own in (reader, windowed):
        own.set_labels([2, 0], label_ids[[2, 0]])
        own.set_labels(1, label_ids[1])
        own.reset(...)

    def predict(rows, ids):
        inputs = [ids, *(np.repeat(column[rows, None], ids.shape[1], 1) for column in label_ids.T)]
        return np.log(built.predict_on_batch(inputs if labels else ids))

    step, expected = reader.step, predict([0, 1, 2], ids)
    for place in range(ids.shape[1]):
        logits = step(ids[:, place])
        logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        if targets == "sequence":
            np.testing.assert_allclose(logprobs, expected[:, place], atol=1e-5)
    if targets == "last":
        np.testing.assert_allclose(logprobs, expected, atol=1e-5)
        # And at every position from the last five characters.
        for place in range(ids.shape[1]):
            logits = windowed.step(ids[:, place])
            logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            expected = predict([0, 1, 2], ids[:, max(0, place - 4) : place + 1])
            np.testing.assert_allclose(logprobs, expected, atol=1e-5)


def test_labels_are_embeddings_that_are_added_at_every_token():
    config = ModelConfig(units=(8,), embedding=4, label_sizes=(3, 2))
    built = build_model(config, 10, "sequence")
    assert kinds(built) == [
        *["InputLayer"] * 3,
        *["Embedding"] * 3,
        "Add",
        *["LSTM", "Dropout", "Dense"],
    ]
    assert [tensor.name for tensor in built.inputs] == ["ids", "label_1", "label_2"]
    assert [array.shape for array in built.get_weights()[:3]] == [(10, 4), (3, 4), (2, 4)]


def test_a_saved_model_is_one_of_stock_keras_layers(tmp_path):
    """Read by Keras alone, in a process that has no textgen."""
    expected = {}
    for embedding in (0, 4):
        for labels in ((), (3,), (3, 2)):
            name = f"{embedding}-{len(labels)}"
            config = ModelConfig(
                units=(5,), embedding=embedding, has_document_end=True, label_sizes=labels
            )
            built = build_model(config, 7, "sequence")
            built.save(tmp_path / f"{name}.keras")
            inputs = [np.full((1, 4), number % 2, np.int32) for number in range(1 + len(labels))]
            expected[name] = built.predict_on_batch(inputs if labels else inputs[0])
    code = (
        "import pathlib, sys, numpy as np, keras\n"
        "for path in pathlib.Path().glob('*.keras'):\n"
        "    model, labels = keras.models.load_model(path), int(path.stem[-1])\n"
        "    inputs = [np.full((1, 4), number % 2, np.int32) for number in range(1 + labels)]\n"
        "    result = model.predict_on_batch(inputs if labels else inputs[0])\n"
        "    np.save(path.with_suffix('.npy'), result)\n"
        "assert 'textgen' not in sys.modules\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)
    for name, values in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), values, atol=1e-6)
