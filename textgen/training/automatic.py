"""The settings that suit a corpus and a time, where the user chose none.

Knows characters, seconds, how quick a device is beside two cores and what was measured on those;
knows nothing of Keras, files or the command line. The measurements behind the rules are in
docs/NOTES.md, under Settings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgen.settings import TrainConfig, WindowConfig

_PASSES = 60  # after that many over a text, more of them taught a network of this size nothing
_START = 8.0  # seconds that start and end take
# On a GPU the start takes longer, and a network as wide as its speed allows went on learning: 208
# passes in benchmarks/results/gpu.md.
_GPU_START, _GPU_PASSES = 30.0, 240
MAXLEN = 64  # more than the windows' 40; no longer ones are recorded in docs/NOTES.md
# Seconds of the whole training, and the units of one layer: in 96 s about as good as any tried; in
# 28 s, 5, 11 and 60 min what did best when steps were slower, moved by that. 10 s and 4 h are only
# guesses.
_UNITS = (
    (10.0, 128),
    (28.0, 256),
    (96.0, 352),
    (300.0, 448),
    (660.0, 576),
    (3600.0, 864),
    (14400.0, 1024),
)
_STARTS = 300  # windows from a zero state that teach a network to start: see state_reset
_SHORT = 20_000  # characters of a text that is too short to spare any
# Seconds of the whole training, and what a megabyte of Shakespeare came to in them: nats per
# character on its last tenth, in order, as validation reads (benchmarks/results/training.md); the
# first three on a processor without AMX; with it they are lower.


@dataclass(frozen=True)
class Pace:
    """How quickly a device trains.

    Attributes:
        times: As many times as quickly as the two cores that the rules were measured on.
        gpu: Whether it is a GPU.
    """

    times: float = 1.0
    gpu: bool = False


TWO_CORES = Pace()


def default_time(characters: int, pace: Pace = TWO_CORES) -> float:
    """Seconds that a training takes where nobody said how long: less for a short text.

    Args:
        characters: Of the training text.
        pace: Of the device.
    """
    units = _units(characters, TrainConfig.time * pace.times)
    read_once = characters / (speed(units) * pace.times)
    least, enough = 30.0, _PASSES * read_once
    if pace.gpu:
        least, enough = 2 * _GPU_START, _GPU_START + _GPU_PASSES * read_once
    return float(min(TrainConfig.time, max(least, round(enough))))


def sized(characters: int, given: Mapping[str, Any], pace: Pace = TWO_CORES) -> dict[str, Any]:
    """Size, regularisation, learning rate and batch for an LSTM with carried state.

    Args:
        characters: Of the training text.
        given: Settings by name that are decided: `time` or `epochs`, and whatever else.
        pace: Of the device (training/device_speed.py).

    Returns:
        Settings by name, for those that were not given.

    Example:
        >>> sized(1_003_854, {"time": 300.0})["units"]
        (448,)
    """
    epochs = given.get("epochs")
    seconds = epochs * characters / speed(320) if epochs else given["time"] * pace.times
    units = given.get("units") or (_units(characters, seconds),)
    wide = width(units)
    start = _GPU_START if pace.gpu else _START
    passes = epochs or speed(wide) * pace.times * max(given["time"] - start, 1.0) / characters
    maxlen = given.get("maxlen") or (MAXLEN if characters > _SHORT else WindowConfig.maxlen)
    batch_size = given.get("batch_size") or rows(characters, maxlen)
    windows = passes * characters / maxlen
    steps = windows / batch_size
    # More passes ask for more regularisation; more steps, and wider layers, for smaller steps.
    doublings = math.log2(max(0.1, min(passes, _PASSES)) / 3.3)
    learning_rate = 0.018 * min(1.0, 256 / wide) * min(1.0, (1600 / steps) ** 0.6)
    chosen = {
        "maxlen": maxlen,
        "units": units,
        "dropout": round(min(max(0.15 + 0.06 * doublings, 0.0), 0.4), 2),
        "drop_connect": round(min(0.05 * max(doublings, 0.0) ** 1.5, 0.25), 2),
        "noise": round(min(0.005 * max(doublings - 2, 0.0), 0.005), 3),
        "batch_size": batch_size,
        "state_reset": state_reset(windows),
        "learning_rate": round(max(learning_rate, 0.003), 4),
    }
    return {name: value for name, value in chosen.items() if name not in given}


def state_reset(windows: float) -> float:
    """The probability of a reset: higher where a training reads so few windows that a network would
    see too few starts.

    Args:
        windows: Windows that the training reads, each as often as it reads it.

    Example:
        >>> state_reset(1_000_000), state_reset(2_000)
        (0.1, 0.15)
    """
    return round(min(max(TrainConfig.state_reset, _STARTS / windows), 0.5), 2)


def rows(characters: int, maxlen: int) -> int:
    """Streams side by side: fewer where a text is too short for four steps of each.

    Example:
        >>> rows(1_000_000, 64), rows(2_000, 64)
        (32, 7)
    """
    return min(TrainConfig.batch_size, max(1, (characters - 1) // (4 * maxlen)))


def _units(characters: int, seconds: float) -> int:
    """Units of the one layer that suits a text and a time on two cores.

    A step takes the longer the wider the network is, and drop_connect keeps a wider one from rote:
    four times the time buys a network a third as wide again, and more passes.
    """
    times, units = zip(*_UNITS, strict=True)
    by_time = float(np.interp(math.log(seconds), np.log(times), units))
    # A short text is learned by heart by any network; a wide one only does it sooner.
    by_text = 0.77 * math.sqrt(characters)
    return max(64, 32 * int(min(by_time, by_text) / 32 + 0.5))


def width(units: Sequence[int]) -> float:
    """Units of the one layer that takes as long as several.

    Example:
        >>> round(width((256, 256)))
        443
    """
    # The first layer's input is narrow; each one above reads as many numbers as it has units.
    return math.sqrt(units[0] ** 2 + 2 * sum(one**2 for one in units[1:]))


def speed(units: float) -> float:
    """Characters per second on two cores: within a sixth of those measured, 96 to 1,024 units."""
    return float(min(20_000_000 / units, 85_000 * (256 / units) ** 1.45))
