"""What recurrent layers compute in while they train, and which layers do it.

Knows Keras's dtype policies and this package's own LSTMs; knows nothing of data, schedules or
files.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from textgen.compute import runtime, stepping
from textgen.compute.layers.cpu_lstm import CpuLSTM, NarrowLSTM
from textgen.compute.layers.drop_connect import dropping
from textgen.compute.layers.jax_lstm import GpuLSTM
from textgen.compute.layers.sharded import sharded
from textgen.compute.layers.torch_lstm import TorchLSTM
from textgen.compute.optimizer import optimizer
from textgen.compute.runtime import Device
from textgen.model.build import RECURRENT, build_model
from textgen.settings import Settings
from textgen.text.batches import Batch

_NARROW = ("bfloat16", "float16")
_TRIALS = 3  # steps of each candidate that the choice is made from, after one that builds it


@dataclass(frozen=True)
class Kind:
    """A way to train.

    Attributes:
        name: The precision.
        recurrent: The layer that stands for the recurrent one.
        slower: As `slowdown` in events.TrainingStarted.
        seconds: Of a step, where one was taken to choose a kind on a GPU.
    """

    name: str
    recurrent: type[keras.layers.RNN]
    slower: float = 0.0
    seconds: float = 0.0

    def optimizer(self, optimizer: Any) -> Any:
        """The optimizer, with its loss scaled where small gradients would vanish."""
        if self.name == "float16":
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


def build(kind: Kind, settings: Settings, size: int, carry_batch: int | None) -> keras.Model:
    """A twin of the model in this kind, giving logits."""
    recurrent = kind.recurrent
    precision = "float32" if issubclass(recurrent, CpuLSTM) else kind.name
    if settings.model.drop_connect:
        recurrent = dropping(recurrent, settings.model.drop_connect)
    return build_model(
        settings.model,
        size,
        settings.windows.targets,
        carry_batch=carry_batch,
        logits=True,
        precision=precision,
        recurrent=recurrent,
    )


def kind_of(name: str, settings: Settings, device: Device) -> Kind:
    """A precision, with the quickest layer for it on a device.

    All processes ask for the same at the same time, and get the same.
    """
    layer = RECURRENT[settings.model.cell]
    if settings.model.cell == "lstm":
        if device.has_own_code:
            if name == "float32":
                layer = CpuLSTM
            elif name == "bfloat16" and device.communicator.all_gather(has_bfloat16()).all():
                layer = NarrowLSTM
        elif device.backend == "jax" and device.name != "cpu":
            layer = GpuLSTM
        elif device.backend == "torch" and device.name not in ("cpu", runtime.APPLE):
            layer = TorchLSTM
    return Kind(name, sharded(layer) if device.sharding.count > 1 else layer)


def choose(
    settings: Settings, size: int, device: Device, batch: Batch, before: str | None = None
) -> Kind:
    """The kind that the settings ask for; with `auto` the quicker of float32 and bfloat16 here, and
    on a GPU that is not quicker in bfloat16, of float32 and float16.

    A training by epochs is to be repeatable, so that `auto` asks no stopwatch there: float32.

    Args:
        settings: Of the training.
        size: The vocabulary's size.
        device: Where it runs.
        batch: A batch to try the candidates on.
        before: The precision, where it has been chosen already.
    """
    if before is not None:
        return kind_of(before if before in _NARROW else "float32", settings, device)
    full, asked = kind_of("float32", settings, device), settings.training.precision
    if asked == "float32":
        return full

    def seconds(of: Kind) -> float:
        """Of process 0, whose stopwatch all go by."""
        own = step_seconds(of, settings, size, device, batch)
        return float(device.communicator.all_gather(own)[0, 0])

    if asked != "auto":
        half = kind_of(asked, settings, device)
        slower = seconds(half) / seconds(full) if device.name == "cpu" else 0.0
        return replace(half, slower=slower if slower > 1 else 0.0)
    if not settings.training.time:
        return full
    if device.name != "cpu":
        halves = [kind_of(name, settings, device) for name in _NARROW]
        return _quicker_on_gpu(full, halves, seconds, device)
    half = kind_of("bfloat16", settings, device)
    return min((full, half), key=seconds) if issubclass(half.recurrent, NarrowLSTM) else full


def _quicker_on_gpu(
    full: Kind, halves: list[Kind], seconds: Callable[[Kind], float], device: Device
) -> Kind:
    """The first that is quicker than float32; a GPU may have no code for one of them."""
    limit = seconds(full)
    for half in halves:
        try:
            taken = seconds(half)
        except runtime.failures(device):
            if device.communicator.in_lockstep:  # others are in the middle of the same trial
                raise
            continue
        if taken < limit:
            return replace(half, seconds=taken)
    return replace(full, seconds=limit)


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    from textgen.compute.kernels import gemm  # it takes a while to import

    return gemm.has_bfloat16()


def step_seconds(kind: Kind, settings: Settings, size: int, device: Device, batch: Batch) -> float:
    """Seconds of a training step, the median of a few."""
    x, y, _ = batch
    carry = settings.training.batch_size if settings.training.carry_state else None
    trial = build(kind, settings, size, carry)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trial.compile(kind.optimizer(optimizer(settings.training, device)), loss)
    steps = stepping.steps(trial, device)
    float(steps.begin(x, y, 0.0))
    taken = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        float(steps.begin(x, y, 0.0))
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
