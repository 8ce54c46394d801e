"""Whether cuDNN computes the layers, seen from the operations that the network runs."""

import keras
import numpy as np
import pytest

from tests.compute.here import APPLE_GPU, GPU, ON, backend
from textgen.compute.backend import Precision
from textgen.model.build import RECURRENT
from textgen.settings import resolve_settings

IDS = np.ones((2, 6), np.int32)


def tiny(cell):
    settings = resolve_settings(
        {"units": (4, 3), "embedding": 2, "cell": cell, "batch_size": 2, "epochs": 1}
    )
    precision = Precision("float32", recurrent=RECURRENT[cell])
    return backend().build_network(settings, 5, precision, 2)


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_network_that_keras_runs_in_its_own_loop_is_found_and_left_as_it_was(cell):
    network = tiny(cell)
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in network.variables]
    # What runs here is no GPU: the network is looked at as it would be on one.
    why = backend(GPU).why_no_cudnn(network, IDS, cell)
    assert bool(why) == ((cell, ON) != ("lstm", "jax"))  # there it is textgen's own
    assert ("LSTM and GRU" in why) == (cell == "rnn")
    assert ("JAX" in why) == ((cell, ON) == ("gru", "jax"))
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_there_is_nothing_to_say_of_a_cpu_and_none_on_an_apple_gpu():
    seen = backend(APPLE_GPU).why_no_cudnn(tiny("lstm"), IDS, "lstm")
    assert seen == "Apple's GPUs have none"
    assert backend().why_no_cudnn(None, IDS, "lstm") == ""


@pytest.mark.skipif(ON != "tensorflow", reason="looks at TensorFlow's graph")
def test_a_network_with_an_operation_of_cudnn_has_it():
    import tensorflow as tf

    def network(ids, training):
        x = tf.one_hot(ids, 4)
        state = tf.zeros((1, 2, 3))
        return tf.raw_ops.CudnnRNNV3(
            input=x,
            input_h=state,
            input_c=state,
            params=tf.zeros((200,)),
            sequence_lengths=tf.constant([6, 6]),
            time_major=False,
            is_training=training,
        ).output

    assert backend(GPU).why_no_cudnn(network, IDS, "lstm") == ""


@pytest.mark.skipif(ON != "torch", reason="looks at PyTorch's gradients")
def test_a_gradient_of_cudnn_is_found_among_pytorchs():
    import torch

    class CudnnRnn(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
        @staticmethod
        def forward(_, x):
            return x * 2

        @staticmethod
        def backward(_, above):
            return above * 2

    class Network:
        layers = ()

        def __call__(self, ids, training):
            return CudnnRnn.apply(torch.ones(3, requires_grad=True)) + 1

    assert backend(GPU).why_no_cudnn(Network(), IDS, "lstm") == ""
