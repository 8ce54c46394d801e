"""Rules that choose settings for a corpus, a time and the pace of a device.

The measurements behind the rules are in docs/NOTES.md, under Settings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgen.settings import TrainConfig, WindowConfig

_PASSES = 60  # over the text: more of them taught a network of this size nothing
_START = 8.0  # seconds that start and end take
# On a GPU the start takes longer, and a network as wide as its speed allows learned for more
# passes: 208 in benchmarks/results/gpu.md.
_GPU_START, _GPU_PASSES = 30.0, 240
# Of subwords, of which there are more than characters, and which differ in more ways: the width of
# the embedding, and how many times as high the learning rate is.
_SUBWORD_EMBEDDING, _SUBWORD_RATE = 192, 1.3
MAXLEN = 64  # more than the default of windows, 40; docs/NOTES.md has what longer ones did
# Seconds of the whole training, and the units of one layer: for 96 s about as good as any tried;
# for 28 s, 5, 11 and 60 min the best when steps were slower, adjusted for that. Those for 10 s and
# 4 h are guesses.
_UNITS = (
    (10.0, 128),
    (28.0, 256),
    (96.0, 352),
    (300.0, 448),
    (660.0, 576),
    (3600.0, 864),
    (14400.0, 1024),
)
GPU_PACE = 50.0  # times as fast as two cores: what is assumed before anything is measured
_ONE_CORE = 0.15  # share of a step on two cores that more cores do not speed up
_STARTS = 300  # windows from a zero state that teach a network to start
# Tokens of documents that start often enough for a network to learn how; of longer ones, it
# must learn to start in the middle.
_SHORT_DOCUMENTS = 1000
_SHORT = 20_000  # tokens of a text that is too short to spare any
# Tokens of a text that half a minute would be too long for. What it needs is passes, and a time
# would be thousands of them.
_BY_EPOCHS = 50_000


@dataclass(frozen=True)
class Pace:
    """How fast a device trains.

    Attributes:
        times: How many times as fast as the two cores that the rules were measured on.
        gpu: Whether it is a GPU.
    """

    times: float = 1.0
    gpu: bool = False


TWO_CORES = Pace()


def cpu_pace(speedup: float) -> float:
    """How many times as fast a CPU trains as two cores.

    Args:
        speedup: How many times as fast it computes the LSTM's passes, as with more cores.
    """
    return 1 / ((1 - _ONE_CORE) / speedup + _ONE_CORE)


def choose_length(tokens: int, pace: Pace = TWO_CORES) -> dict[str, float]:
    """How long to train if nobody chose it: `epochs` of a short text, else `time` in seconds.

    Args:
        tokens: Of the training text.
        pace: Of the device.

    Example:
        >>> choose_length(9_000), choose_length(1_000_000)
        ({'epochs': 60, 'time': 0.0}, {'time': 600.0})
    """
    if tokens < _BY_EPOCHS:
        return {"epochs": _PASSES, "time": 0.0}
    return {"time": choose_time(tokens, pace)}


def choose_time(tokens: int, pace: Pace = TWO_CORES) -> float:
    """The seconds of a training by time if nobody chose them: fewer for a short text.

    Args:
        tokens: Of the training text.
        pace: Of the device.
    """
    units = _choose_units(tokens, TrainConfig.time * pace.times)
    read_once = tokens / (estimate_speed(units) * pace.times)
    least, enough = 30.0, _PASSES * read_once
    if pace.gpu:
        least, enough = 2 * _GPU_START, _GPU_START + _GPU_PASSES * read_once
    return float(min(TrainConfig.time, max(least, round(enough))))


def choose_sizes(tokens: int, chosen: Mapping[str, Any], pace: Pace = TWO_CORES) -> dict[str, Any]:
    """Size, regularisation, learning rate and batch for an LSTM with carried state.

    Args:
        tokens: Of the training text.
        chosen: Settings by name that others chose: `time` or `epochs`, and perhaps more.
        pace: Of the device (training/device_speed.py).

    Returns:
        Values by name of those settings that nobody chose.

    Example:
        >>> choose_sizes(1_003_854, {"time": 300.0})["units"]
        (448,)
    """
    epochs = chosen.get("epochs")
    seconds = epochs * tokens / estimate_speed(320) if epochs else chosen["time"] * pace.times
    units = chosen.get("units") or (_choose_units(tokens, seconds),)
    width = equivalent_width(units)
    start = _GPU_START if pace.gpu else _START
    training_seconds = 0.0 if epochs else max(chosen["time"] - start, 1.0)
    passes = epochs or estimate_speed(width) * pace.times * training_seconds / tokens
    maxlen = chosen.get("maxlen") or choose_maxlen(tokens)
    batch_size = chosen.get("batch_size") or choose_batch_size(tokens, maxlen)
    windows = passes * tokens / maxlen
    steps = windows / batch_size
    # More passes need more regularisation; more steps, and wider layers, a lower learning rate.
    doublings = math.log2(max(0.1, min(passes, _PASSES)) / 3.3)
    learning_rate = 0.018 * min(1.0, 256 / width) * min(1.0, (1600 / steps) ** 0.6)
    # From 13 passes on, and fully from 26, a text needs more than dropout; of less than 100 kB (90
    # without the validation part), the more the shorter it is.
    rereading, shortness = min(max(doublings - 2, 0.0), 1.0), max(90_000 / tokens - 1, 0.0)
    noise = rereading * min(0.005 + 0.008 * shortness, 0.15)
    weight_decay = min(TrainConfig.weight_decay + rereading * 0.08 * shortness, 0.8)
    values = {
        "maxlen": maxlen,
        "units": units,
        "dropout": round(min(max(0.15 + 0.06 * doublings, 0.0), 0.4), 2),
        "drop_connect": round(min(0.05 * max(doublings, 0.0) ** 1.5, 0.25), 2),
        "noise": round(noise, 3),
        "weight_decay": round(weight_decay, 2),
        "batch_size": batch_size,
        "state_reset": choose_state_reset(windows),
        "learning_rate": round(max(learning_rate, 0.003), 4),
    }
    return {name: value for name, value in values.items() if name not in chosen}


def adapt_to_subwords(values: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes for a network that reads subwords, from those for one that reads as many characters.

    Args:
        values: As from `choose_sizes`.
        chosen: Settings by name that others chose.

    Example:
        >>> adapt_to_subwords({"learning_rate": 0.009}, {})
        {'learning_rate': 0.0117, 'embedding': 192}
    """
    adapted = dict(values)
    if "learning_rate" in values:
        adapted["learning_rate"] = round(_SUBWORD_RATE * values["learning_rate"], 4)
    if "embedding" not in chosen:
        adapted["embedding"] = _SUBWORD_EMBEDDING
    return adapted


def choose_state_reset(windows: float, mean_length: float | None = None) -> float:
    """The probability of a reset: higher if a training reads few windows, and so few starts.

    Each document starts from a zero state anyway.

    Args:
        windows: Windows that the training reads, counted each time.
        mean_length: Tokens of a document; None for a continuous text.

    Example:
        >>> choose_state_reset(1_000_000), choose_state_reset(2_000)
        (0.1, 0.15)
        >>> choose_state_reset(2_000, mean_length=60)
        0.0
    """
    if mean_length is not None and mean_length < _SHORT_DOCUMENTS:
        return 0.0
    return round(min(max(TrainConfig.state_reset, _STARTS / windows), 0.5), 2)


def choose_maxlen(tokens: int) -> int:
    """Tokens in a window."""
    return MAXLEN if tokens > _SHORT else WindowConfig.maxlen


def choose_batch_size(tokens: int, maxlen: int) -> int:
    """Streams in a batch: fewer if a text is too short for four steps of each.

    Example:
        >>> choose_batch_size(1_000_000, 64), choose_batch_size(2_000, 64)
        (32, 7)
    """
    return min(TrainConfig.batch_size, max(1, (tokens - 1) // (4 * maxlen)))


def _choose_units(tokens: int, seconds: float) -> int:
    """Units of one layer for a text and a time on two cores.

    Steps of a wider network take longer, and drop_connect keeps it from learning by rote: four
    times the time is best spent on a third more units and on more passes.
    """
    times, units = zip(*_UNITS, strict=True)
    by_time = float(np.interp(math.log(seconds), np.log(times), units))
    # Any network learns a short text by heart; a wide one does so earlier. Noise and weight decay,
    # of which short texts get much, prevent that.
    by_text = max(0.77 * math.sqrt(tokens), 7.4 * tokens**0.3)
    return max(64, 32 * int(min(by_time, by_text) / 32 + 0.5))


def equivalent_width(units: Sequence[int]) -> float:
    """Units of one layer whose steps take as long as those of several.

    Example:
        >>> round(equivalent_width((256, 256)))
        443
    """
    # The input of the first layer is narrow; that of the others is as wide as the layer below.
    return math.sqrt(units[0] ** 2 + 2 * sum(width**2 for width in units[1:]))


def estimate_speed(units: float) -> float:
    """Tokens per second on two cores: within a sixth of those measured, 96 to 1,024 units."""
    return float(min(20_000_000 / units, 85_000 * (256 / units) ** 1.45))
