"""Training on PyTorch."""

from contextlib import AbstractContextManager
from typing import Any, ClassVar

import keras
import torch

from textgen.compute.backend import Device
from textgen.compute.backends.keras_backend import CUDNN_UNKNOWN, KerasBackend
from textgen.compute.backends.torch_steps import TorchSteps
from textgen.compute.dropout_masks import DropoutMasks, quantize_rate
from textgen.compute.layers.carried_state import reset_states
from textgen.compute.layers.torch_output import TorchOutputLoss
from textgen.compute.layers.torch_packed import with_packed_texts
from textgen.compute.layers.torch_recurrent import CudnnLSTM, TorchCpuRecurrent
from textgen.compute.steps import Steps
from textgen.model.build import RECURRENT
from textgen.private_names import PrivateNames, has_parameters, lookup
from textgen.text.batches import Inputs


class _Masks(DropoutMasks):
    """Random numbers of 32 bits would take a sixth of a CPU's training step; 8 bits decide."""

    def host_scope(self) -> AbstractContextManager[Any]:
        """In the host's memory: to read a GPU's would wait for all its work."""
        return keras.device("cpu")  # type: ignore[no-any-return,unused-ignore]

    def _draw(self, x: Any, rate: float, generator: keras.random.SeedGenerator) -> Any:
        state, out = generator.state.value.detach().numpy(), quantize_rate(rate)  # the same memory
        source = torch.Generator(x.device).manual_seed(mix(*map(int, state)))
        state[1] += 1
        if x.device.type == "mps":  # which draws no more than 32 bits at once
            bits = torch.empty(x.shape, dtype=torch.uint8, device=x.device)
            bits.random_(0, 256, generator=source)
        else:
            numbers = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
            numbers.random_(-(2**63), None, generator=source)
            bits = numbers.view(torch.uint8)[: x.numel()].view(x.shape)
        return x * ((bits >= out).to(x.dtype) * (256 / (256 - out)))


def mix(seed: int, count: int) -> int:
    """A number of 32 bits that depends on all bits of a seed and of the steps counted so far.

    Their sum would give two layers the same masks a few steps apart. It is the finalizer of
    SplitMix64 (Steele, Lea and Flood 2014), of which PyTorch's CPU generator uses 32 bits.
    """
    bits = (seed << 32 ^ count) * 0x9E3779B97F4A7C15 % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return (bits ^ bits >> 31) >> 32


class TorchBackend(KerasBackend):
    name = "torch"
    gpu_support = "a PyTorch made for CUDA"
    private_names = PrivateNames(
        "torch",
        {
            "_VF.lstm, gru, rnn_tanh": lambda: (  # layers/torch_packed.py
                lookup("torch", "_VF.lstm")
                and lookup("torch", "_VF.gru")
                and lookup("torch", "_VF.rnn_tanh")
            ),
            "optim.adamw.adamw": lambda: has_parameters(  # torch_steps.py
                lookup("torch.optim.adamw", "adamw"),
                *("fused", "lr", "beta1", "beta2", "weight_decay", "eps", "maximize"),
            ),
        },
    )
    masks: ClassVar[DropoutMasks] = _Masks()
    cpu_recurrent = TorchCpuRecurrent
    gpu_lstm = CudnnLSTM
    output_loss = TorchOutputLoss

    @classmethod
    def running_on(cls) -> str:
        return str(keras.ops.zeros(1).device.type)

    @classmethod
    def first_gpu(cls) -> Device | None:
        if cls.running_on() == "cpu":  # a GPU may be hidden, by KERAS_TORCH_DEVICE for example
            return None
        if torch.cuda.is_available():
            return Device("cuda", str(torch.cuda.get_device_name(0)))
        return Device("mps", "Apple GPU") if torch.backends.mps.is_available() else None

    def stock_layer(self, cell: str) -> type[keras.layers.RNN]:
        return with_packed_texts(RECURRENT[cell])

    def create_steps(self, network: keras.Model) -> Steps:
        return TorchSteps(network, self.steps_ahead)

    def why_no_cudnn_on_gpu(self, network: Any, x: Inputs, cell: str) -> str:
        first = network(x, training=False).grad_fn  # in training it would draw masks
        reset_states(network)
        functions, unread = {first}, [first]
        while unread:
            for function, _ in unread.pop().next_functions:
                if function is not None and function not in functions:
                    functions.add(function)
                    unread.append(function)
        uses_it = any("Cudnn" in function.name() for function in functions)
        return "" if uses_it else CUDNN_UNKNOWN

    def device_errors(self) -> tuple[type[Exception], ...]:
        return MemoryError, RuntimeError  # PyTorch's own errors are of this kind


BACKEND = TorchBackend
