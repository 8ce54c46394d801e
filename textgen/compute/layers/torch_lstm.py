"""An LSTM that trains faster on a GPU with PyTorch, and is Keras's own to all who look.

Knows how PyTorch calls cuDNN's LSTM; knows nothing of models, data or optimizers.

Keras calls the same function with weights that lie apart, which PyTorch then brings together, and
in the precision of the weights, which is half only while Keras itself calls the layer.
"""

from typing import Any

import keras

from textgen.compute.layers.replacement_lstm import OwnLSTM


class TorchLSTM(OwnLSTM):
    """keras.layers.LSTM on PyTorch, in the precision of its inputs."""

    def sequence(self, x: Any, *states_and_weights: Any) -> tuple[Any, Any, Any]:
        """As OwnLSTM has it."""
        import torch

        of = (keras.ops.convert_to_tensor(one).to(x.dtype) for one in states_and_weights)
        h, c, kernel, recurrent, bias = of
        # Gates are in one order in both. cuDNN has two biases, and all weights in one piece.
        parts = kernel.T, recurrent.T, bias, torch.zeros_like(bias)
        flat = torch.cat([part.reshape(-1) for part in parts])
        pieces = flat.split([part.numel() for part in parts])
        weights = [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]
        outputs, h, c = torch._VF.lstm(
            x,
            (h[None], c[None]),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return outputs, h[0], c[0]
