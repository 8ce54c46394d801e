"""LSTMs for PyTorch: the kernel of the CPU, and cuDNN's on a GPU."""

from typing import Any

import keras
import torch

from textgen.compute.kernels.sequence import SequenceKernel
from textgen.compute.layers.cpu_lstm import CpuLSTM
from textgen.compute.layers.replacement_lstm import ReplacementLSTM


class TorchCpuLSTM(CpuLSTM):
    """CpuLSTM on PyTorch."""

    def sequence(self, *arguments: Any) -> tuple[Any, Any, Any]:
        """As in ReplacementLSTM."""
        tensors = map(keras.ops.convert_to_tensor, arguments)
        outputs, h, c = _Sequence.apply(self.sequence_kernel, *tensors)
        return outputs, h, c


class _Sequence(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    @staticmethod
    def forward(context: Any, kernel: SequenceKernel, *tensors: Any) -> Any:
        context.kernel = kernel
        arrays = (tensor.detach().contiguous().numpy() for tensor in tensors)
        outputs, h, c = map(torch.from_numpy, kernel.forward(*arrays))
        context.mark_non_differentiable(h, c)
        return outputs, h, c

    @staticmethod
    def backward(context: Any, d_outputs: Any, *_d_state: Any) -> Any:
        gradients = context.kernel.backward(d_outputs.contiguous().numpy())
        x, *weights = map(torch.from_numpy, gradients)
        return None, x, None, None, *weights


class CudnnLSTM(ReplacementLSTM):
    """keras.layers.LSTM by cuDNN, in the precision of its inputs.

    Keras calls the same function with weights that lie apart, which PyTorch then brings together,
    and in the precision of the weights, which is half only while Keras itself calls the layer.
    """

    def sequence(self, x: Any, *states_and_weights: Any) -> tuple[Any, Any, Any]:
        """As in ReplacementLSTM."""
        h, c, kernel, recurrent, bias = (
            keras.ops.convert_to_tensor(value).to(x.dtype) for value in states_and_weights
        )
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
