"""Whether cuDNN computes the recurrent layers on a GPU, and why where it does not.

Knows by what name each framework calls cuDNN; knows nothing of how training runs or what it says.
"""

from typing import Any

import keras

from textgen.compute import runtime
from textgen.compute.runtime import Device
from textgen.model.build import reset_states

_UNKNOWN = "none that takes these layers was found; is cuDNN installed, and recent?"


def missing(network: keras.Model, ids: Any, cell: str, device: Device) -> str:
    """Why a training's recurrent layers are not cuDNN's.

    Keras goes over to a loop of its own without a word where it cannot use cuDNN, so the network is
    run once, or traced, and looked at.

    Args:
        network: The network that trains. States that it carries are reset.
        ids: Inputs of one batch, that of all processes.
        cell: Its kind of recurrent layer, as in ModelConfig.
        device: Where it runs.

    Returns:
        The reason; empty where they are cuDNN's, on JAX where textgen's own LSTM is quicker, and on
        a CPU, which has none.

    Example:
        >>> missing(None, None, "lstm", Device("tensorflow", "cpu"))
        ''
    """
    if device.name == "cpu":
        return ""
    if device.name == runtime.APPLE:
        return "Apple's GPUs have none"
    if cell == "rnn":
        return "Keras has it for LSTM and GRU layers only"
    if device.backend == "jax":
        return "" if cell == "lstm" else "JAX has its LSTM only"
    return "" if _USES[device.backend](network, ids) else _UNKNOWN


def _on_tensorflow(network: keras.Model, ids: Any) -> bool:
    import tensorflow as tf

    traced = tf.function(lambda of: network(of, training=False))
    graph = traced.get_concrete_function(tf.TensorSpec(ids.shape, tf.int32)).graph
    return any(operation.type.startswith("CudnnRNN") for operation in graph.get_operations())


def _on_torch(network: keras.Model, ids: Any) -> bool:
    first = network(ids, training=False).grad_fn  # in training it would draw masks
    reset_states(network)
    found, left = {first}, [first]
    while left:
        for function, _ in left.pop().next_functions:
            if function is not None and function not in found:
                found.add(function)
                left.append(function)
    return any("Cudnn" in function.name() for function in found)


_USES = {"tensorflow": _on_tensorflow, "torch": _on_torch}
