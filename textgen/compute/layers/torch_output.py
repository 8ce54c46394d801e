"""How PyTorch calls the output layer's kernel of the CPU."""

from typing import Any

import torch

from textgen.compute.layers.output_loss import OutputLoss


class TorchOutputLoss(OutputLoss):
    """OutputLoss on PyTorch."""

    def total(self, *arguments: Any) -> Any:
        """As in OutputLoss."""
        return _Total.apply(self, *arguments)


class _Total(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    @staticmethod
    def forward(context: Any, loss: OutputLoss, *tensors: Any) -> Any:
        context.kernel, context.shape = loss.output_kernel, tensors[0].shape
        arrays = (tensor.detach().contiguous().numpy() for tensor in tensors)
        return torch.tensor(loss.run_kernel(*arrays))

    @staticmethod
    def backward(context: Any, d_total: Any) -> Any:
        d_hidden, *d_weights = map(torch.from_numpy, context.kernel.backward(float(d_total)))
        return None, d_hidden.view(context.shape), *d_weights, None, None
