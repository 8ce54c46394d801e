"""What recurrent layers compute in while they train, and which layers do it.

Knows Keras's dtype policies, the processor's flags, what cuDNN takes and this package's own LSTMs;
knows nothing of data, schedules or files.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from textgen import model
from textgen.config import Settings
from textgen.training import backend
from textgen.training.backend import Device
from textgen.training.cpu_lstm import CpuLSTM
from textgen.training.drop_connect import dropping
from textgen.training.narrow_lstm import NarrowLSTM
from textgen.training.sharded import sharded
from textgen.windows import Batch

_WIDE = 192  # units below which bfloat16 was never quicker than float32
_NARROW = ("bfloat16", "float16")
_TRIALS = 3  # steps of each candidate that the choice is made from, after one that builds it


@dataclass(frozen=True)
class Kind:
    """A way to train.

    Attributes:
        name: The precision.
        recurrent: The layer that stands for the recurrent one.
        slower: As in events.Started.
    """

    name: str
    recurrent: type[keras.layers.RNN]
    slower: float = 0.0

    def optimizer(self, optimizer: Any) -> Any:
        """The optimizer, with its loss scaled where small gradients would vanish."""
        if self.name == "float16":
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


def build(kind: Kind, settings: Settings, size: int, carry_batch: int | None) -> keras.Model:
    """A twin of the model in this kind, giving logits."""
    recurrent = kind.recurrent
    if settings.model.drop_connect:
        recurrent = dropping(recurrent, settings.model.drop_connect)
    return model.build(
        settings.model,
        size,
        settings.windows.targets,
        carry_batch=carry_batch,
        logits=True,
        precision=kind.name,
        recurrent=recurrent,
    )


def float32(settings: Settings, device: Device) -> Kind:
    """Full precision, with the quickest layer for it: what validation always runs in."""
    own = device == Device("tensorflow", "cpu") and settings.model.cell == "lstm"
    return Kind("float32", CpuLSTM if own else _stock(settings, device))


def narrow(name: str, settings: Settings, device: Device) -> Kind:
    """Half precision, with the quickest layer for it."""
    lstm = settings.model.cell == "lstm"
    if name == "bfloat16" and device == Device("tensorflow", "cpu") and lstm:
        return Kind(name, NarrowLSTM)
    layer = _stock(settings, device)
    if device.backend == "jax" and device.name != "cpu" and lstm:
        layer = _without_cudnn(layer)
    return Kind(name, layer)


def _stock(settings: Settings, device: Device) -> type[keras.layers.RNN]:
    """Keras's own layer."""
    layer = model.RECURRENT[settings.model.cell]
    return sharded(layer) if device.peers.devices > 1 else layer


def _without_cudnn(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """The layer with Keras's own loop: JAX has cuDNN's LSTM in float32 only, and fails where Keras
    3.15 asks for it in half precision."""

    class Looped(layer):  # type: ignore[misc,valid-type,unused-ignore]
        def __init__(self, units: int, **options: Any):
            super().__init__(units, use_cudnn=False, **options)

    return Looped


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
        before: What was chosen when the training began, where it goes on.
    """
    full, asked = float32(settings, device), settings.training.precision
    if before is not None:
        return narrow(before, settings, device) if before in _NARROW else full
    if asked == "float32":
        return full

    def seconds(kind: Kind) -> float:
        return step_seconds(kind, settings, size, batch)

    if asked != "auto":
        kind = narrow(asked, settings, device)
        slower = seconds(kind) / seconds(full) if device.name == "cpu" else 0.0
        return replace(kind, slower=slower if slower > 1 else 0.0)
    if not settings.training.time or device.peers.count > 1:  # which must all choose alike
        return full
    if device.name != "cpu":
        halves = [narrow(name, settings, device) for name in _NARROW]
        return _quicker_on_gpu(full, halves, seconds, device)
    tried = full.recurrent is CpuLSTM and has_bfloat16()
    if not tried or min(settings.model.units) < _WIDE:
        return full
    return min((full, narrow("bfloat16", settings, device)), key=seconds)


def _quicker_on_gpu(
    full: Kind, halves: list[Kind], seconds: Callable[[Kind], float], device: Device
) -> Kind:
    """The first that is quicker than float32; a GPU may have no code for one of them."""
    limit = seconds(full)
    for kind in halves:
        try:
            if seconds(kind) < limit:
                return kind
        except backend.failures(device):
            continue
    return full


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def step_seconds(kind: Kind, settings: Settings, size: int, batch: Batch) -> float:
    """Seconds of a training step, the median of a few."""
    x, y, _ = batch
    carry = settings.training.batch_size if settings.training.carry_state else None
    trial = build(kind, settings, size, carry)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trial.compile(kind.optimizer(keras.optimizers.SGD(0.0)), loss)
    trial.train_on_batch(x, y)
    taken = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        float(trial.train_on_batch(x, y))
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
