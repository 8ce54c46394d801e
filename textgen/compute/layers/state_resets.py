"""Recurrent layers whose states are reset inside a batch, where a text begins.

All recurrent layers of a training take Keras's argument `mask` for this: numbers of shape (rows,
tokens) by which the states of a row are multiplied before each token, 0 where a text begins and 1
elsewhere. It is None where nothing is reset. No gradient flows back through a reset, and outputs
have no mask of Keras's, which would leave tokens out of the loss.
"""

from collections.abc import Callable
from typing import Any

import keras

from textgen.compute.overrides import must_run


def with_state_resets(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """One of Keras's recurrent layers, with states that are reset in Keras's own loop.

    Args:
        layer: keras.layers.LSTM, GRU or SimpleRNN.

    Example:
        >>> import numpy as np
        >>> layer = with_state_resets(keras.layers.SimpleRNN)(4, return_sequences=True)
        >>> outputs = layer(np.ones((1, 2, 3)), mask=np.zeros((1, 2), np.float32))
        >>> bool(keras.ops.all(outputs[0, 0] == outputs[0, 1]))
        True
    """

    def loop(self: Any, sequences: Any, initial_state: Any, mask: Any, _training: bool) -> Any:
        from keras.src.backend import rnn  # private_names checks it first

        def step(inputs: Any, states: Any) -> Any:
            x, keep = inputs
            return self.cell(x, [state * keep for state in states])

        return rnn(
            step,
            [sequences, keras.ops.cast(mask, sequences.dtype)[:, :, None]],
            list(initial_state),
            input_length=sequences.shape[1],
            return_all_outputs=self.return_sequences,
        )

    return with_reset_loop(layer, loop)


def with_reset_loop(
    layer: type[keras.layers.RNN], loop: Callable[[Any, Any, Any, Any, bool], Any]
) -> type[keras.layers.RNN]:
    """A recurrent layer that reads a batch in which states are reset with another loop.

    Args:
        layer: One of Keras's recurrent layers, which reads the other batches.
        loop: Computes what `inner_loop` of the layer does, from the same arguments: the layer,
            sequences, initial states, mask, and whether this is a training step.
    """

    class StateResetting(layer):  # type: ignore[misc,valid-type,unused-ignore]
        @must_run("states that are reset")
        def inner_loop(
            self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
        ) -> Any:
            if mask is None:
                return super().inner_loop(sequences, initial_state, mask, training)
            return loop(self, sequences, initial_state, mask, training)

        def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
            """None: a reset does not keep tokens out of the loss."""

    return StateResetting
