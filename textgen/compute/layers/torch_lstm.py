"""LSTMs for PyTorch: the kernel of the CPU, and cuDNN's on a GPU."""

from typing import Any

import keras
import torch

from textgen.compute.layers.cpu_lstm import CpuLSTM
from textgen.compute.layers.replacement_lstm import ReplacementLSTM
from textgen.compute.layers.torch_packed import TorchLayer


class TorchCpuLSTM(CpuLSTM):
    """CpuLSTM on PyTorch."""

    def sequence(self, *arguments: Any, keep: Any = None) -> tuple[Any, Any, Any]:
        """As in ReplacementLSTM."""
        tensors = map(keras.ops.convert_to_tensor, arguments)
        outputs, h, c = _Sequence.apply(self, keep, *tensors)
        return outputs, h, c


class _Sequence(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    @staticmethod
    def forward(context: Any, layer: CpuLSTM, keep: Any, *tensors: Any) -> Any:
        context.kernel = layer.sequence_kernel
        tensors += () if keep is None else (keep,)
        arrays = (tensor.detach().contiguous().numpy() for tensor in tensors)
        outputs, h, c = map(torch.from_numpy, layer.run_kernel(*arrays))
        context.mark_non_differentiable(h, c)
        return outputs, h, c

    @staticmethod
    def backward(context: Any, d_outputs: Any, *_d_state: Any) -> Any:
        gradients = context.kernel.backward(d_outputs.contiguous().numpy())
        x, *weights = map(torch.from_numpy, gradients)
        return None, None, x, None, None, *weights


class CudnnLSTM(ReplacementLSTM):
    """keras.layers.LSTM by cuDNN, in the precision of its inputs.

    Keras calls the same function with weights that lie apart, which PyTorch then brings together,
    and in the precision of the weights, which is half only while Keras itself calls the layer.
    """

    def sequence(self, x: Any, *states_and_weights: Any, keep: Any = None) -> tuple[Any, Any, Any]:
        """As in ReplacementLSTM."""
        h, c, *weights = (
            keras.ops.convert_to_tensor(value).to(x.dtype) for value in states_and_weights
        )
        outputs, (h, c) = TorchLayer("LSTM", *weights).read(x, [h, c], keep)
        return outputs, h, c
