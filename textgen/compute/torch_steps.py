"""Training steps of a compiled network on PyTorch, past what Keras does around each operation.

Knows the layers of textgen's networks, and Keras's AdamW beside PyTorch's; knows nothing of data,
of clocks or of what a loss is good for.

A GPU computes a step of a small network in less time than Keras takes to ask for it: each layer,
loss and optimizer looks at what it is given, and each mask and metric waits for the GPU.
"""

import math
from typing import Any

import keras

from textgen.compute.layers.replacement_lstm import OwnLSTM
from textgen.model.build import carried_states


class TorchSteps:
    """As stepping.Steps.

    Args:
        network: As stepping.steps takes it.
        ahead: As in stepping.Steps.
    """

    def __init__(self, network: keras.Model, ahead: int):
        self.ahead, self._network = ahead, network
        optimizer, weights = network.optimizer, network.trainable_variables
        self._weights = [one.value for one in weights]
        self._on = self._weights[0].device
        self._reduction = "sum" if network.loss.reduction == "sum" else "mean"
        own = isinstance(optimizer, keras.optimizers.AdamW) and self._on.type in ("cpu", "cuda")
        self._update = (_OfAdamW if own else _OfKeras)(optimizer, weights)

    def begin(self, x: Any, y: Any, learning_rate: float, kept: Any = None) -> Any:
        import torch

        if kept is not None:
            rows = self._placed(kept)
            with torch.no_grad():
                for state in carried_states(self._network):
                    state.value.mul_(rows.to(state.value.dtype))
        logits, targets = self._logits(self._placed(x)), self._placed(y).long()
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, -2), targets.flatten(), reduction=self._reduction
        )
        for weights in self._weights:
            weights.grad = None
        self._network.optimizer.scale_loss(loss).backward()
        with torch.no_grad():
            self._update.apply(learning_rate)
        return _OfGpu(loss.detach()) if loss.is_cuda else loss.detach()

    def settle(self) -> None:
        self._update.settle()

    def _placed(self, ids: Any) -> Any:
        import torch

        here = torch.from_numpy(ids)
        if self._on.type != "cuda":
            return here.to(self._on)
        return here.pin_memory().to(self._on, non_blocking=True)  # read while the GPU works on

    def _logits(self, x: Any) -> Any:
        from torch.nn.functional import embedding, linear

        for layer in self._network.layers[1:]:
            if isinstance(layer, OwnLSTM):
                x = _outputs(layer, x)
            elif isinstance(layer, keras.layers.RNN):
                x = layer(x, training=True)
            elif isinstance(layer, keras.layers.Dropout):
                x = layer.call(x.float(), training=True)
            elif isinstance(layer, keras.layers.Embedding):
                x = embedding(x, layer.embeddings.value)
            else:
                x = linear(x, layer.kernel.value.T, layer.bias.value)
        return x


def _outputs(layer: Any, x: Any) -> Any:
    """Of a recurrent layer, whose states are carried where they are to be."""
    import torch

    states = layer.states if layer.stateful else layer.get_initial_state(len(x))
    given = [keras.ops.convert_to_tensor(state) for state in states]
    x = x.to(getattr(torch, layer.compute_dtype))
    last, outputs, after = layer.inner_loop(x, given, mask=None, training=True)
    if layer.stateful:
        for state, new in zip(given, after, strict=True):
            state.detach().copy_(new.detach())
    return outputs if layer.return_sequences else last


class _OfKeras:
    """Updates by any of Keras's optimizers."""

    def __init__(self, optimizer: Any, variables: list[Any]):
        self._optimizer, self._variables = optimizer, variables
        self._rate: float | None = None

    def apply(self, learning_rate: float) -> None:
        if learning_rate != self._rate:
            self._rate = learning_rate
            self._optimizer.learning_rate.assign(learning_rate)
        self._optimizer.apply([one.value.grad for one in self._variables], self._variables)

    def settle(self) -> None:
        self._rate = None  # whoever sets variables may set this one


class _OfAdamW:
    """Updates of Keras's AdamW by PyTorch's, which makes one operation of them.

    Weights and moments are Keras's variables, and get the same values, to rounding, but that
    PyTorch clips to a norm as if a gradient's were 1e-6 larger.
    """

    def __init__(self, optimizer: Any, variables: list[Any]):
        self._keras = optimizer
        self._weights = [one.value for one in variables]
        self._first = [one.value for one in optimizer._momentums]
        self._second = [one.value for one in optimizer._velocities]
        self._made: list[Any] = []  # steps, as PyTorch counts them for each
        self._done: int | None = None  # steps
        self._rate = 0.0

    def apply(self, learning_rate: float) -> None:
        import torch
        from torch.optim.adamw import adamw

        weights, optimizer = self._weights, self._keras
        if self._done is None:
            self._done = int(optimizer.iterations)
            self._made = [torch.tensor(float(self._done), device=one.device) for one in weights]
        self._done += 1
        self._rate = learning_rate
        if optimizer.global_clipnorm:
            torch.nn.utils.clip_grad_norm_(weights, optimizer.global_clipnorm)
        if optimizer.clipvalue:
            torch.nn.utils.clip_grad_value_(weights, optimizer.clipvalue)
        adamw(
            weights,
            [one.grad for one in weights],
            self._first,
            self._second,
            [],
            self._made,
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
            self._keras.iterations.assign(self._done)
            self._keras.learning_rate.assign(self._rate)
            self._done = None


class _OfGpu:
    """A number on its way from a GPU, which `float` waits for, and not for what was begun since."""

    def __init__(self, number: Any):
        import torch

        self._number = torch.empty_like(number, device="cpu", pin_memory=True)
        self._number.copy_(number, non_blocking=True)
        self._there = torch.cuda.Event()
        self._there.record()

    def __float__(self) -> float:
        self._there.synchronize()
        return float(self._number)
