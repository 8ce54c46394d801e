"""What the recurrent layers that replace Keras's own in training have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import keras

from textgen.compute.overrides import must_run


class SequenceLayer(keras.layers.RNN):  # type: ignore[misc,unused-ignore]
    """One of Keras's recurrent layers that computes a whole sequence in one call, with the same
    values.

    A subclass derives from this class and from that layer. Its `mask` resets states, as in
    state_resets.py.
    """

    @abstractmethod
    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """Outputs of all tokens, and the states after the last; gradients flow through the outputs
        alone.

        Args:
            x: Inputs, shape (rows, tokens, width).
            states: Before the first token, each of shape (rows, units): h, and c of an LSTM.
            weights: Kernel, recurrent kernel and bias of Keras's shapes, tensors or variables.
            keep: What states are multiplied by before each token, 0 or 1, shape (rows, tokens);
                None to reset nothing.

        Returns:
            Outputs of shape (rows, tokens, units), and as many states as there were.
        """

    @must_run("the layer that textgen computes itself")
    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Keras calls this for the whole sequence."""
        weights = self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias
        outputs, states = self.sequence(sequences, initial_state, weights, mask)
        return outputs[:, -1], outputs, states

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: a reset does not keep tokens out of the loss."""
