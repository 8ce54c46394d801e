"""How fast a device trains, compared with the two cores that the rules of automatic.py are for."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from textgen.compute.backend import Backend
from textgen.kernels.sequence import SequenceKernel
from textgen.settings import PRECISIONS, Settings
from textgen.text.batches import Batch
from textgen.training import automatic
from textgen.training.automatic import Pace

_STEPS_FROM = 60.0  # seconds of a training: in a shorter one building a network takes too long
_ALIKE = 1.5  # times as fast or as slow: how the same machine differs from hour to hour
_TRIAL_SECONDS, _TRIAL_PASSES = 0.3, 5  # at least: the first pass may have to be compiled
_ROWS, _CHARACTERS, _WIDTH, _UNITS = 32, 8, 64, 320  # of the passes of a trial
_DOCUMENT = 50  # characters of a document in a trial
_PASS_SECONDS = 0.0038  # of one on those two cores, in bfloat16


def adapt(
    settings: Settings, settings_for: Callable[[Pace], Settings], size: int, backend: Backend
) -> tuple[Settings, str | None]:
    """Settings for the pace of this device, and the precision if it was chosen on the way.

    The wider the network, the larger is the lead of a GPU over two cores. So the first trial on a
    GPU is of a network for a fast one; if its pace calls for a very different one, that one is
    tried, too.

    Args:
        settings: Those for two cores.
        settings_for: Returns those for a pace.
        size: The vocabulary's size.
        backend: What computes it; of several processes, the slowest decides for all on a CPU,
            process 0 on GPUs.

    Raises:
        TrainingError: the device failed.
    """
    chosen = settings.training.precision
    names = ("float32", "bfloat16") if chosen == "auto" else (chosen,)
    device, communicator = backend.device, backend.communicator
    kernels = [backend.sequence_kernel(settings.model.cell, name) for name in names]
    if any(kernels):
        rows = max(1, _ROWS // communicator.count)
        pace = max(_measure_cpu(kernel, rows) for kernel in kernels if kernel is not None)
        times = float(communicator.all_gather(pace).min())
        return (settings if _alike(times) else settings_for(Pace(times))), None
    if device.is_cpu and backend.sharding.count > 1:
        return settings, None  # steps that one device makes alone are not those that train
    assumed = automatic.TWO_CORES
    if not device.is_cpu:
        assumed = Pace(automatic.GPU_PACE, gpu=True)
        settings = settings_for(assumed)
    if settings.training.time < _STEPS_FROM:
        return settings, None
    times, precision = _measure_steps(settings, size, backend)
    if _alike(times / assumed.times):
        return settings, precision
    adapted = settings_for(replace(assumed, times=times))
    if not _alike(_width(adapted) / _width(settings)):
        adapted_times, _ = _measure_steps(adapted, size, backend, precision)
        if not _alike(adapted_times / times):
            adapted = settings_for(replace(assumed, times=adapted_times))
    return adapted, precision


def _width(settings: Settings) -> float:
    return automatic.equivalent_width(settings.model.units)


def _alike(ratio: float) -> bool:
    return 1 / _ALIKE < ratio < _ALIKE


def _measure_cpu(kernel: SequenceKernel, rows: int = _ROWS) -> float:
    """The pace of a CPU with textgen's own layer, from passes of its kernel alone.

    Args:
        kernel: Of the layer.
        rows: Its part of a batch.
    """
    cell = kernel.cell
    weights = [np.zeros(shape, np.float32) for shape in cell.shapes(_WIDTH, _UNITS)]
    x = np.zeros((rows, _CHARACTERS, _WIDTH), np.float32)
    states = [np.zeros((rows, _UNITS), np.float32)] * cell.states
    seconds: list[float] = []
    until = time.perf_counter() + _TRIAL_SECONDS
    while time.perf_counter() < until or len(seconds) < _TRIAL_PASSES:
        start = time.perf_counter()
        kernel.backward(kernel.forward(x, states, weights)[0])
        seconds.append(time.perf_counter() - start)
    speedup = _PASS_SECONDS / float(np.median(seconds))
    return automatic.cpu_pace(speedup)


def _measure_steps(
    settings: Settings, size: int, backend: Backend, before: str | None = None
) -> tuple[float, str | None]:
    """The pace of a device, from steps of its part of a batch in process 0, and its precision.

    Args:
        settings: Of the network to try.
        size: The vocabulary's size.
        backend: What computes it.
        before: The precision that was fastest before; None to find out.

    Returns:
        The pace, and the fastest precision; None where the user chose one.
    """
    rows, maxlen = settings.training.batch_size, settings.windows.maxlen
    mine = rows // backend.sharding.count
    part = replace(settings, training=replace(settings.training, batch_size=mine))
    alone, batch = backend.alone(), _make_batch(settings, size, mine)
    is_chosen = settings.training.precision != "auto"
    if is_chosen:
        before = settings.training.precision
    with backend.translate_device_errors():
        precision = alone.choose_precision(part, size, batch, before)
        seconds = precision.step_seconds or alone.step_seconds(part, size, precision, batch)
    pace = rows * maxlen / seconds / automatic.estimate_speed(_width(settings))
    pace, number = backend.communicator.all_gather(pace, PRECISIONS.index(precision.name))[0]
    return float(pace), None if is_chosen else PRECISIONS[int(number)]


def _make_batch(settings: Settings, size: int, rows: int) -> Batch:
    """A batch to measure steps with; of documents, in each row at other places."""
    places = np.arange(rows)[:, None] * 7 + np.arange(settings.windows.maxlen)
    starts_document = settings.model.has_document_end & (places % _DOCUMENT == 0)
    ids = np.where(starts_document, size - 1, 0).astype(np.int32)
    labels = [np.zeros_like(ids) for _ in settings.model.label_sizes]
    return [ids, *labels] if labels else ids, ids, np.ones(rows, np.float32)
