"""What the LSTMs have in common that stand for Keras's own in training.

Knows how Keras calls a layer's loop and keeps its weights; knows nothing of how a sequence is
computed (cpu_lstm.py, gpu_lstm.py, torch_lstm.py).
"""

from typing import Any

import keras

from textgen.compute.overrides import must_run


class OwnLSTM(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM with another way along a sequence, with the same values."""

    def sequence(
        self, x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any
    ) -> tuple[Any, Any, Any]:
        """Outputs of all characters, and h and c after the last; gradients flow through the outputs
        alone.

        Args:
            x: Inputs, shape (rows, characters, width).
            h, c: The state before the first character, shape (rows, units).
            kernel, recurrent, bias: As Keras keeps them, tensors or variables.
        """
        raise NotImplementedError

    @must_run("the LSTM that textgen computes itself")
    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """What Keras's layers may put in place of their loop."""
        (h, c), cell = initial_state, self.cell
        weights = cell.kernel, cell.recurrent_kernel, cell.bias
        outputs, h, c = self.sequence(sequences, h, c, *weights)
        return outputs[:, -1], outputs, [h, c]
