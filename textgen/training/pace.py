"""How quickly a device trains, beside the two cores that the rules of sizing.py were measured on.

Knows training steps and a stopwatch; knows nothing of texts, of files or of what is asked for.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from textgen.config import Settings
from textgen.training import backend, precision, sizing
from textgen.training.backend import Device
from textgen.training.group import Peers
from textgen.training.sizing import Pace

_GPU = 50.0  # times as quick as those cores, to begin with
_STEPS_FROM = 60.0  # seconds of a training: building a network takes too much of a shorter one
_ALIKE = 1.5  # times as quick or as slow: what the same machine is from one hour to the next
_TRIED_FOR = 0.3  # seconds
_ONE_CORE = 0.15  # share of a step on two cores that more cores make no quicker
_PRODUCTS = 163e9  # operations per second of those two cores, in float32
_WITHOUT_BFLOAT16 = 0.7  # steps of those two cores in float32, beside those in bfloat16


def settled(
    settings: Settings, at_pace: Callable[[Pace], Settings], size: int, device: Device
) -> tuple[Settings, str | None]:
    """The settings that suit the text, the time and this device, and the precision if that was
    chosen on the way.

    A GPU is the quicker beside two cores the wider the network is: the first network tried there is
    one for a quick GPU. The one that this trial asks for is tried as well if it is quite another.

    Args:
        settings: Those that suit two cores.
        at_pace: Gives those that suit a pace.
        size: The vocabulary's size.
        device: Where training runs; of several processes, process 0 decides for all.

    Raises:
        TrainingError: the device failed.
    """
    if device.backend == "tensorflow" and device.name == "cpu":
        times = _of_cpu()
        return (settings if _alike(times) else at_pace(Pace(times))), None
    tried = sizing.TWO_CORES
    if device.name != "cpu":
        tried = Pace(_GPU, gpu=True)
        settings = at_pace(tried)
    if settings.training.time < _STEPS_FROM:
        return settings, None
    times, chosen = _of_steps(settings, size, device)
    if _alike(times / tried.times):
        return settings, chosen
    wanted = at_pace(replace(tried, times=times))
    if not _alike(_width(wanted) / _width(settings)):
        again, _ = _of_steps(wanted, size, device, chosen)
        if not _alike(again / times):
            wanted = at_pace(replace(tried, times=again))
    return wanted, chosen


def _width(settings: Settings) -> float:
    return sizing.width(settings.model.units)


def _alike(quicker: float) -> bool:
    return 1 / _ALIKE < quicker < _ALIKE


def _of_cpu() -> float:
    """The pace of a CPU on TensorFlow, from matrix products, which need nothing built first."""
    rows, units = 128, 512
    h, weights = np.ones((rows, units), np.float32), np.ones((units, 4 * units), np.float32)
    product, taken = np.empty((rows, 4 * units), np.float32), []
    until = time.perf_counter() + _TRIED_FOR
    while time.perf_counter() < until:
        began = time.perf_counter()
        np.dot(h, weights, product)
        taken.append(time.perf_counter() - began)
    quicker = 2 * product.size * units / float(np.median(taken)) / _PRODUCTS
    pace = 1 / ((1 - _ONE_CORE) / quicker + _ONE_CORE)
    return pace if precision.has_bfloat16() else _WITHOUT_BFLOAT16 * pace


def _of_steps(
    settings: Settings, size: int, device: Device, before: str | None = None
) -> tuple[float, str | None]:
    """The pace of a device, from steps of its part of a batch: process 0's; and the precision that
    the device is quickest in, or was before, where it is to choose one."""
    rows, maxlen = settings.training.batch_size, settings.windows.maxlen
    mine = rows // device.peers.devices
    ids = np.zeros((mine, maxlen), np.int32)
    part = replace(settings, training=replace(settings.training, batch_size=mine))
    alone, batch = replace(device, peers=Peers()), (ids, ids, np.ones(mine, np.float32))
    asked = settings.training.precision
    if asked != "auto":
        before = asked
    elif device.peers.count > 1:  # which train in it
        before = "float32"
    with backend.losing_device(device):
        kind = precision.choose(part, size, alone, batch, before)
        seconds = kind.seconds or precision.step_seconds(kind, part, size, alone, batch)
    pace = rows * maxlen / seconds / sizing.speed(_width(settings))
    return float(device.peers.exchange(pace)[0, 0]), kind.name if asked == "auto" else None
