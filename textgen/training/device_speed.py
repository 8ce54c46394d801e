"""How quickly a device trains, beside the two cores that the rules of sizing.py were measured on.

Knows training steps and a stopwatch; knows nothing of texts, of files or of what is asked for.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from textgen.compute.backend import Backend, SequenceKernel
from textgen.settings import PRECISIONS, Settings
from textgen.training import automatic
from textgen.training.automatic import Pace

_GPU = 50.0  # times as quick as those cores, to begin with
_STEPS_FROM = 60.0  # seconds of a training: building a network takes too much of a shorter one
_ALIKE = 1.5  # times as quick or as slow: what the same machine is from one hour to the next
_TRIED_FOR, _LEAST = 0.3, 5  # seconds, and passes: the first may have to be compiled
_ONE_CORE = 0.15  # share of a step on two cores that more cores make no quicker
_ROWS, _CHARACTERS, _WIDTH, _UNITS = 32, 8, 64, 320  # of the passes that are tried
_TAKEN = 0.0038  # seconds that they take those two cores, in bfloat16


def settled(
    settings: Settings, at_pace: Callable[[Pace], Settings], size: int, backend: Backend
) -> tuple[Settings, str | None]:
    """The settings that suit the text, the time and this device, and the precision if that was
    chosen on the way.

    A GPU is the quicker beside two cores the wider the network is: the first network tried there is
    one for a quick GPU. The one that this trial asks for is tried as well if it is quite another.

    Args:
        settings: Those that suit two cores.
        at_pace: Gives those that suit a pace.
        size: The vocabulary's size.
        backend: What computes it; of several processes, the slowest decides for all on a CPU,
            process 0 on GPUs.

    Raises:
        TrainingError: the device failed.
    """
    asked = settings.training.precision
    names = ("float32", "bfloat16") if asked == "auto" else (asked,)
    device, communicator = backend.device, backend.communicator
    kernels = [backend.sequence_kernel(settings.model.cell, name) for name in names]
    if any(kernels):
        rows = max(1, _ROWS // communicator.count)
        found = max(_of_cpu(kernel, rows) for kernel in kernels if kernel is not None)
        times = float(communicator.all_gather(found).min())
        return (settings if _alike(times) else at_pace(Pace(times))), None
    if device.is_cpu and backend.sharding.count > 1 and settings.model.cell == "lstm":
        return settings, None  # steps that one device makes alone are not those that train
    tried = automatic.TWO_CORES
    if not device.is_cpu:
        tried = Pace(_GPU, gpu=True)
        settings = at_pace(tried)
    if settings.training.time < _STEPS_FROM:
        return settings, None
    times, chosen = _of_steps(settings, size, backend)
    if _alike(times / tried.times):
        return settings, chosen
    wanted = at_pace(replace(tried, times=times))
    if not _alike(_width(wanted) / _width(settings)):
        again, _ = _of_steps(wanted, size, backend, chosen)
        if not _alike(again / times):
            wanted = at_pace(replace(tried, times=again))
    return wanted, chosen


def _width(settings: Settings) -> float:
    return automatic.width(settings.model.units)


def _alike(quicker: float) -> bool:
    return 1 / _ALIKE < quicker < _ALIKE


def _of_cpu(kernel: SequenceKernel, rows: int = _ROWS) -> float:
    """The pace of a CPU with a layer of our own, from its passes, for which nothing is built.

    Args:
        kernel: Of such a layer.
        rows: Its part of a batch.
    """
    shapes = (_WIDTH, 4 * _UNITS), (_UNITS, 4 * _UNITS), (4 * _UNITS,)
    weights = [np.zeros(shape, np.float32) for shape in shapes]
    x, state = (
        np.zeros((rows, _CHARACTERS, _WIDTH), np.float32),
        np.zeros((rows, _UNITS), np.float32),
    )
    taken: list[float] = []
    until = time.perf_counter() + _TRIED_FOR
    while time.perf_counter() < until or len(taken) < _LEAST:
        began = time.perf_counter()
        kernel.backward(kernel.forward(x, state, state, *weights)[0])
        taken.append(time.perf_counter() - began)
    quicker = _TAKEN / float(np.median(taken))
    return 1 / ((1 - _ONE_CORE) / quicker + _ONE_CORE)


def _of_steps(
    settings: Settings, size: int, backend: Backend, before: str | None = None
) -> tuple[float, str | None]:
    """The pace of a device, from steps of its part of a batch: process 0's; and the precision that
    the device is quickest in, or was before, where it is to choose one."""
    rows, maxlen = settings.training.batch_size, settings.windows.maxlen
    mine = rows // backend.sharding.count
    ids = np.zeros((mine, maxlen), np.int32)
    part = replace(settings, training=replace(settings.training, batch_size=mine))
    alone, batch = backend.alone(), (ids, ids, np.ones(mine, np.float32))
    asked = settings.training.precision
    if asked != "auto":
        before = asked
    with backend.translate_device_errors():
        precision = alone.choose_precision(part, size, batch, before)
        seconds = precision.step_seconds or alone.step_seconds(part, size, precision, batch)
    pace = rows * maxlen / seconds / automatic.speed(_width(settings))
    told, number = backend.communicator.all_gather(pace, PRECISIONS.index(precision.name))[0]
    return float(told), PRECISIONS[int(number)] if asked == "auto" else None
