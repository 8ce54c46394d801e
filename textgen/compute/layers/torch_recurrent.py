"""Recurrent layers for PyTorch: the kernels of the CPU, and cuDNN's LSTM on a GPU."""

from collections.abc import Sequence
from typing import Any

import keras
import torch

from textgen.compute.layers.cpu_recurrent import CpuRecurrent
from textgen.compute.layers.sequence_layer import SequenceLayer
from textgen.compute.layers.torch_packed import TorchLayer


class TorchCpuRecurrent(CpuRecurrent):
    """CpuRecurrent on PyTorch."""

    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """As in SequenceLayer."""
        tensors = map(keras.ops.convert_to_tensor, (x, *states, *weights))
        outputs, *after = _Sequence.apply(self, keep, *tensors)
        return outputs, after


class _Sequence(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    @staticmethod
    def forward(context: Any, layer: CpuRecurrent, keep: Any, *tensors: Any) -> Any:
        context.kernel = layer.sequence_kernel
        tensors += () if keep is None else (keep,)
        arrays = (tensor.detach().contiguous().numpy() for tensor in tensors)
        outputs, *states = map(torch.from_numpy, layer.run_kernel(*arrays))
        context.mark_non_differentiable(*states)
        return outputs, *states

    @staticmethod
    def backward(context: Any, d_outputs: Any, *_d_states: Any) -> Any:
        gradients = context.kernel.backward(d_outputs.contiguous().numpy())
        x, *weights = map(torch.from_numpy, gradients)
        return None, None, x, *[None] * context.kernel.cell.states, *weights


class CudnnLSTM(SequenceLayer, keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM by cuDNN, in the precision of its inputs.

    Keras calls the same function with weights that lie apart, which PyTorch then brings together,
    and in the precision of the weights, which is half only while Keras itself calls the layer.
    """

    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """As in SequenceLayer."""
        h, c, *weights = (
            keras.ops.convert_to_tensor(value).to(x.dtype) for value in (*states, *weights)
        )
        return TorchLayer("LSTM", *weights).read(x, [h, c], keep)
