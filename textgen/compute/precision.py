"""Which precision a training computes in: what the settings say, or what is fastest here."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textgen.compute.backend import Precision
from textgen.compute.layers.cpu_recurrent import CpuRecurrent
from textgen.settings import Settings
from textgen.text.batches import Batch

if TYPE_CHECKING:
    from textgen.compute.backends.keras_backend import KerasBackend

_HALF_PRECISIONS = ("bfloat16", "float16")


def choose_precision(
    backend: "KerasBackend",
    settings: Settings,
    vocabulary_size: int,
    batch: Batch,
    chosen: str | None = None,
) -> Precision:
    """As `Backend.choose_precision`: with `auto` the faster of float32 and bfloat16 here, and on a
    GPU that is not faster in bfloat16, of float32 and float16."""

    def create(name: str) -> Precision:
        return backend.precision(name, settings.model.cell)

    if chosen is not None:
        return create(chosen if chosen in _HALF_PRECISIONS else "float32")
    full, choice = create("float32"), settings.training.precision
    if choice == "float32":
        return full

    def seconds(precision: Precision) -> float:
        """Of a step in process 0, whose measurements decide for all."""
        measured = backend.step_seconds(settings, vocabulary_size, precision, batch)
        return float(backend.communicator.all_gather(measured)[0, 0])

    is_cpu = backend.device.is_cpu
    if choice != "auto":
        half = create(choice)
        slowdown = seconds(half) / seconds(full) if is_cpu else 0.0
        return replace(half, slowdown=slowdown if slowdown > 1 else 0.0)
    if not settings.training.time:
        return full
    if not is_cpu:
        return _faster_on_gpu(backend, full, [create(name) for name in _HALF_PRECISIONS], seconds)
    half = create("bfloat16")
    return min((full, half), key=seconds) if issubclass(half.recurrent, CpuRecurrent) else full


def _faster_on_gpu(
    backend: "KerasBackend",
    full: Precision,
    halves: list[Precision],
    seconds: Callable[[Precision], float],
) -> Precision:
    """The first that is faster than float32; a GPU may have no code for one of them."""
    limit = seconds(full)
    for half in halves:
        try:
            measured = seconds(half)
        except backend.device_errors():
            if backend.communicator.in_lockstep:  # others are in the middle of the same trial
                raise
            continue
        if measured < limit:
            return replace(half, step_seconds=measured)
    return replace(full, step_seconds=limit)
