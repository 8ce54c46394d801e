"""What the LSTMs that replace Keras's own in training have in common."""

from typing import Any

import keras

from textgen.compute.overrides import must_run


class ReplacementLSTM(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM that computes a whole sequence in one call, with the same values.

    Its `mask` resets states, as in state_resets.py.
    """

    def sequence(
        self, x: Any, h: Any, c: Any, *weights: Any, keep: Any = None
    ) -> tuple[Any, Any, Any]:
        """Outputs of all tokens, and h and c after the last; gradients flow through the outputs
        alone.

        Args:
            x: Inputs, shape (rows, tokens, width).
            h, c: The state before the first token, shape (rows, units).
            weights: Kernel, recurrent kernel and bias, tensors or variables of shape
                (width, 4 units), (units, 4 units) and (4 units,).
            keep: What h and c are multiplied by before each token, 0 or 1, shape (rows, tokens);
                None to reset nothing.

        Returns:
            Outputs of shape (rows, tokens, units), and h and c of shape (rows, units).
        """
        raise NotImplementedError

    @must_run("the LSTM that textgen computes itself")
    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Keras calls this for the whole sequence."""
        (h, c), cell = initial_state, self.cell
        weights = cell.kernel, cell.recurrent_kernel, cell.bias
        outputs, h, c = self.sequence(sequences, h, c, *weights, keep=mask)
        return outputs[:, -1], outputs, [h, c]

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: a reset does not keep tokens out of the loss."""
