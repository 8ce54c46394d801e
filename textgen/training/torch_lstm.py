"""An LSTM that trains faster on a GPU with PyTorch, and is Keras's own to all who look.

Knows how PyTorch calls cuDNN's LSTM, and how Keras calls a layer's loop; knows nothing of models,
data or optimizers.

Keras calls the same function with weights that lie apart, which PyTorch then brings together, and
in the precision of the weights, which is half only while Keras itself calls the layer.
"""

from typing import Any

import keras


class TorchLSTM(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM on PyTorch, in the precision of its inputs."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """What Keras's layers may put in place of their loop; the same values come out."""
        import torch

        cell = self.cell
        states_and_weights = *initial_state, cell.kernel, cell.recurrent_kernel, cell.bias
        of = (keras.ops.convert_to_tensor(one).to(sequences.dtype) for one in states_and_weights)
        h, c, kernel, recurrent, bias = of
        # Gates are in one order in both. cuDNN has two biases, and all weights in one piece.
        parts = kernel.T, recurrent.T, bias, torch.zeros_like(bias)
        flat = torch.cat([part.reshape(-1) for part in parts])
        pieces = flat.split([part.numel() for part in parts])
        weights = [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]
        outputs, h, c = torch._VF.lstm(
            sequences,
            (h[None], c[None]),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return outputs[:, -1], outputs, [h[0], c[0]]
