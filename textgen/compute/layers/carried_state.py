"""Recurrent layers whose state is carried from batch to batch, and what reads and resets it."""

from typing import Any

import keras

from textgen.compute.overrides import must_run


def with_carried_state(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """A recurrent layer whose state is carried on every backend.

    Keras 3.15 loses it on JAX, which changes only what `variables` lists, and on PyTorch a step
    overwrites the state that its gradients still need.
    """

    class StateCarrying(layer):  # type: ignore[misc,valid-type,unused-ignore]
        @property
        def variables(self) -> list[Any]:
            return [*super().variables, *(self.states or ())]

        @must_run("the state that is carried on")
        def inner_loop(
            self, sequences: Any, initial_state: Any, mask: Any, *, training: bool = False
        ) -> Any:
            copies = [keras.ops.copy(state) for state in initial_state]
            return super().inner_loop(sequences, copies, mask=mask, training=training)

    return StateCarrying


def reset_states(network: keras.Model) -> None:
    """Set all states that a network carries to zero."""
    for layer in network.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


def carried_states(network: keras.Model) -> list[Any]:
    """The variables that hold the state of each row, shape (rows, units), of a network that carries
    state."""
    layers = [layer for layer in network.layers if getattr(layer, "stateful", False)]
    return [state for layer in layers for state in layer.states]
