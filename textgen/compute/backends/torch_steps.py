"""Training steps of a compiled network on PyTorch, past what Keras does around each operation.

A GPU computes a step of a small network in less time than Keras takes to start it: each layer, loss
and optimizer checks its arguments, and each mask and metric waits for the GPU.
"""

import math
from functools import reduce
from typing import Any

import keras
import torch
from torch.nn import functional

from textgen.compute.layers.carried_state import carried_states
from textgen.compute.layers.feedforward import TrainingDense
from textgen.compute.layers.output_loss import OutputLoss
from textgen.compute.layers.sequence_layer import SequenceLayer
from textgen.compute.layers.torch_packed import place
from textgen.compute.steps import Steps
from textgen.model.build import StateResets


class TorchSteps(Steps):
    """Steps of textgen's networks.

    Args:
        network: Compiled, with its optimizer built.
        steps_ahead: As in Steps.
    """

    def __init__(self, network: keras.Model, steps_ahead: int):
        self.steps_ahead, self._network = steps_ahead, network
        optimizer, weights = network.optimizer, network.trainable_variables
        self._weights = [variable.value for variable in weights]
        self._device = self._weights[0].device
        self._reduction = "sum" if network.loss.reduction == "sum" else "mean"
        is_adamw = isinstance(optimizer, keras.optimizers.AdamW)
        fused = is_adamw and self._device.type in ("cpu", "cuda")
        self._update = (_FusedAdamW if fused else _KerasUpdate)(optimizer, weights)

    def begin(self, x: Any, y: Any, learning_rate: float, state_mask: Any = None) -> Any:
        if state_mask is not None:
            rows = self._place(state_mask)
            with torch.no_grad():
                for state in carried_states(self._network):
                    state.value.mul_(rows.to(state.value.dtype))
        loss = self._loss(self._outputs(x), self._place(y))
        for weights in self._weights:
            weights.grad = None
        self._network.optimizer.scale_loss(loss).backward()
        with torch.no_grad():
            self._update.apply(learning_rate)
        return _GpuNumber(loss.detach()) if loss.is_cuda else loss.detach()

    def settle(self) -> None:
        self._update.settle()

    def _place(self, array: Any) -> Any:
        return place(array, self._device)

    def _loss(self, outputs: Any, targets: Any) -> Any:
        if isinstance(self._network.loss, OutputLoss):
            return self._network.loss(targets, outputs)
        logits, targets = outputs.flatten(0, -2), targets.long().flatten()
        return functional.cross_entropy(logits, targets, reduction=self._reduction)

    def _outputs(self, inputs: Any) -> Any:
        inputs = inputs if isinstance(inputs, list) else [inputs]
        layers = self._network.layers
        embeddings = [layer for layer in layers if isinstance(layer, keras.layers.Embedding)]
        embedded = [
            functional.embedding(self._place(ids), layer.embeddings.value)
            for layer, ids in zip(embeddings, inputs, strict=True)
        ]
        x = reduce(torch.add, embedded)
        keep = None
        for layer in layers:
            if isinstance(layer, StateResets):  # on the CPU, so that nothing waits for a GPU
                keep = torch.from_numpy(inputs[0] != layer.document_end)
            elif isinstance(layer, SequenceLayer):
                x = _outputs(layer, x, keep)
            elif isinstance(layer, keras.layers.RNN):
                x = layer(x, mask=keep, training=True)
            elif isinstance(layer, keras.layers.Dropout):
                x = layer.call(x.float(), training=True)
            elif isinstance(layer, TrainingDense):
                x = functional.linear(x, layer.kernel.value.T, layer.bias.value)
        return x


def _outputs(layer: Any, x: Any, keep: Any) -> Any:
    """Outputs of a recurrent layer, whose states are carried if it is stateful."""
    states = layer.states if layer.stateful else layer.get_initial_state(len(x))
    before = [keras.ops.convert_to_tensor(state) for state in states]
    x = x.to(getattr(torch, layer.compute_dtype))
    last, outputs, after = layer.inner_loop(x, before, mask=keep, training=True)
    if layer.stateful:
        for state, new in zip(before, after, strict=True):
            state.detach().copy_(new.detach())
    return outputs if layer.return_sequences else last


class _KerasUpdate:
    """Updates by any of Keras's optimizers."""

    def __init__(self, optimizer: Any, variables: list[Any]):
        self._optimizer, self._variables = optimizer, variables
        self._rate: float | None = None

    def apply(self, learning_rate: float) -> None:
        if learning_rate != self._rate:
            self._rate = learning_rate
            self._optimizer.learning_rate.assign(learning_rate)
        self._optimizer.apply(
            [variable.value.grad for variable in self._variables], self._variables
        )

    def settle(self) -> None:
        self._rate = None  # the caller may set this variable, too


class _FusedAdamW:
    """Updates of Keras's AdamW by PyTorch's, which makes one operation of them.

    Weights and moments are Keras's variables, and get the same values, to rounding, but that
    PyTorch clips to a norm as if a gradient's were 1e-6 larger.
    """

    def __init__(self, optimizer: Any, variables: list[Any]):
        self._optimizer = optimizer
        self._weights = [variable.value for variable in variables]
        self._first = [variable.value for variable in optimizer._momentums]
        self._second = [variable.value for variable in optimizer._velocities]
        self._counts: list[Any] = []  # steps done, as PyTorch counts them for each weight
        self._done: int | None = None  # steps; None where Keras's variables are up to date
        self._rate = 0.0

    def apply(self, learning_rate: float) -> None:
        from torch.optim.adamw import adamw  # private_names checks it first

        weights, optimizer = self._weights, self._optimizer
        if self._done is None:
            self._done = int(optimizer.iterations)
            self._counts = [
                torch.tensor(float(self._done), device=weight.device) for weight in weights
            ]
        self._done += 1
        self._rate = learning_rate
        if optimizer.global_clipnorm:
            torch.nn.utils.clip_grad_norm_(weights, optimizer.global_clipnorm)
        if optimizer.clipvalue:
            torch.nn.utils.clip_grad_value_(weights, optimizer.clipvalue)
        adamw(
            weights,
            [weight.grad for weight in weights],
            self._first,
            self._second,
            [],
            self._counts,
            fused=True,
            amsgrad=False,
            maximize=False,
            lr=learning_rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            weight_decay=optimizer.weight_decay,
            # Keras adds it to the root of the moment before that is made larger, PyTorch after.
            eps=optimizer.epsilon / math.sqrt(1 - optimizer.beta_2**self._done),
        )

    def settle(self) -> None:
        if self._done is not None:
            self._optimizer.iterations.assign(self._done)
            self._optimizer.learning_rate.assign(self._rate)
            self._done = None


class _GpuNumber:
    """An asynchronous copy of a GPU's number; `float` waits for the copy, not for later steps."""

    def __init__(self, number: Any):
        self._number = torch.empty_like(number, device="cpu", pin_memory=True)
        self._number.copy_(number, non_blocking=True)
        self._ready = torch.cuda.Event()
        self._ready.record()

    def __float__(self) -> float:
        self._ready.synchronize()
        return float(self._number)
