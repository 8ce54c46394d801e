"""Whether Keras calls what textgen overrides, and what is said where it does not."""

import keras
import numpy as np
import pytest

import textgen
from tests.compute.here import ON, backend
from textgen.compute import overrides
from textgen.compute.backend import Precision
from textgen.errors import TrainingError
from textgen.settings import resolve_settings

OPTIONS = {
    "units": (8,),
    "embedding": 4,
    "maxlen": 10,
    "batch_size": 4,
    "epochs": 1,
    "dropout": 0.1,
    "drop_connect": 0.1,
    "sample_length": 0,
}


def renamed_loop(self, sequences, initial_state, mask=None, training=False):
    """RNN.inner_loop as another version of Keras might call it."""
    return keras.layers.RNN.inner_loop(self, sequences, initial_state, mask, training)


def call_another_loop(self, sequences, initial_state=None, mask=None, training=False):
    """RNN.call of a Keras whose loop has another name."""
    states = self.states if self.stateful else self.get_initial_state(len(sequences))
    states = [keras.ops.convert_to_tensor(state) for state in states]
    last, outputs, states = renamed_loop(self, sequences, states, mask, training)
    if self.stateful:
        for variable, state in zip(self.states, states, strict=True):
            variable.assign(state)
    return outputs if self.return_sequences else last


@pytest.mark.parametrize(
    ("layer", "cell", "drop_connect", "lost"),
    [
        (keras.layers.LSTM, "lstm", 0.0, "the state that is carried on"),
        (keras.layers.GRU, "gru", 0.1, "DropConnect"),
    ],
)
def test_a_loop_that_keras_calls_by_another_name_fails_loudly(
    layer, cell, drop_connect, lost, corpus, tmp_path, monkeypatch
):
    if ON == "torch" and cell == "lstm":
        pytest.skip("there textgen itself calls the loop of its LSTM")
    monkeypatch.setattr(layer, "call", call_another_loop)
    options = {**OPTIONS, "cell": cell, "drop_connect": drop_connect}
    with pytest.raises(TrainingError) as raised:
        textgen.train([corpus], model=tmp_path / "model", **options)
    version = keras.version()
    assert str(raised.value).startswith(
        f"keras {version} does not work with this version of textgen: its training step leaves out "
    )
    assert lost in str(raised.value) or "Carrying" in str(raised.value)
    assert str(raised.value).endswith("pip install 'keras-textgen' installs one that does")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model/manifest.json").exists()


def steps_of(recurrent):
    settings, precision = resolve_settings(OPTIONS), Precision("float32", recurrent=recurrent)
    network = backend().build_network(settings, 20, precision, 4)
    return backend().compile_network(network, settings.training, precision), network


def test_each_override_is_noted_in_the_first_step_alone():
    steps, network = steps_of(backend().recurrent_layer("lstm", "float32"))
    ids = np.ones((4, 10), np.int32)
    float(steps.begin(ids, ids, 0.01))
    recurrent = next(layer for layer in network.layers if isinstance(layer, keras.layers.RNN))
    assert {name.rpartition(".")[2] for name in vars(recurrent)["_textgen_called"]} == {
        "inner_loop",
        "_with_weights_left_out",
    }
    assert "begin" not in vars(steps)  # later steps cost no more than before
    overrides.forget_calls(network)
    float(steps.begin(ids, ids, 0.01))
    overrides.forget_calls(network)
    with pytest.raises(TrainingError, match="leaves out"):
        overrides.check_calls(network)


def test_any_layer_can_mark_what_must_run():
    class Noisy(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
        noisy = True

        def inner_loop(self, sequences, initial_state, mask, training=False):
            if training and self.noisy:
                sequences = self.with_noise(sequences)
            return super().inner_loop(sequences, initial_state, mask, training)

        @overrides.must_run("noise")
        def with_noise(self, sequences):
            return sequences + 1

    class Quiet(Noisy):
        noisy = False

    ids = np.ones((4, 10), np.int32)
    float(steps_of(Noisy)[0].begin(ids, ids, 0.01))
    with pytest.raises(TrainingError, match=r"leaves out noise \(Noisy\.with_noise\)"):
        steps_of(Quiet)[0].begin(ids, ids, 0.01)


@pytest.mark.skipif(ON != "tensorflow", reason="an optimizer for TensorFlow")
def test_an_optimizer_whose_update_is_not_called_fails_loudly(monkeypatch):
    steps, network = steps_of(keras.layers.LSTM)
    monkeypatch.setattr(
        type(network.optimizer), "_backend_update_step", lambda self, *of: None, raising=True
    )
    ids = np.ones((4, 10), np.int32)
    with pytest.raises(TrainingError, match=r"AdamW in one operation \(CpuAdamW.update_step\)"):
        steps.begin(ids, ids, 0.01)


def test_a_cell_that_does_not_compute_with_what_replaces_its_weights_fails_loudly(monkeypatch):
    """As if Keras kept weights behind a property."""
    whole = keras.layers.LSTMCell.build

    def build(self, shape):
        whole(self, shape)
        weights = self.recurrent_kernel
        kind = type("Cell", (type(self),), {"recurrent_kernel": property(lambda _: weights)})
        object.__setattr__(self, "__class__", kind)

    monkeypatch.setattr(keras.layers.LSTMCell, "build", build)
    steps, _ = steps_of(keras.layers.LSTM)
    ids = np.ones((4, 10), np.int32)
    with pytest.raises(TrainingError, match="recurrent_kernel"):
        steps.begin(ids, ids, 0.01)
