"""Rules that choose settings for a training that begins with the weights of another model.

The measurements behind the rules are in docs/NOTES.md, under Starters.
"""

import math
from collections.abc import Mapping
from typing import Any

from textgen.training import automatic
from textgen.training.automatic import TWO_CORES, Pace

_PASSES = 8  # over the text: more of them learn it by heart
_MANY_PASSES = 12  # more of them need smaller steps
_BY_EPOCHS = 500_000  # tokens of a text that the usual time would be too long for
_START = 10.0  # seconds that start and end take
_STEPS = 1500  # of a training; a short one takes them with fewer streams in each
_STREAMS = 8, 32  # in a step, at least and at most
_SMALL_STEPS = 0.55  # how fast text is read with few streams, compared with 32


def choose_length(tokens: int, pace: Pace = TWO_CORES) -> dict[str, float]:
    """How long to train if nobody chose it: `epochs` of a short text, else `time` in seconds.

    Args:
        tokens: Of the training text.
        pace: Of the device.

    Example:
        >>> choose_length(90_000)
        {'epochs': 8, 'time': 0.0}
    """
    if tokens < _BY_EPOCHS:
        return {"epochs": _PASSES, "time": 0.0}
    return {"time": automatic.choose_time(tokens, pace)}


def choose_fine_tuning(
    tokens: int, chosen: Mapping[str, Any], pace: Pace = TWO_CORES
) -> dict[str, Any]:
    """Regularisation, learning rate and batch for an LSTM that begins with trained weights.

    Args:
        tokens: Of the training text.
        chosen: Settings by name that others chose: `units` of the model to begin with, `time` or
            `epochs`, and perhaps more.
        pace: Of the device (training/device_speed.py).

    Returns:
        Values by name of those settings that nobody chose.

    Example:
        >>> values = choose_fine_tuning(90_000, {"time": 60.0, "units": (704,)})
        >>> values["batch_size"], values["learning_rate"], values["dropout"]
        (8, 0.0021, 0.23)
    """
    maxlen = chosen.get("maxlen") or automatic.choose_maxlen(tokens)
    speed = automatic.estimate_speed(automatic.equivalent_width(chosen["units"])) * pace.times
    read = chosen.get("epochs", 0) * tokens or speed * max(chosen["time"] - _START, 1.0)
    # Each step moves the weights by about the learning rate: what counts is how many there are.
    streams = 2 ** round(math.log2(max(read / (_STEPS * maxlen), 1)))
    fitting = automatic.choose_batch_size(tokens, maxlen)
    batch_size = chosen.get("batch_size") or min(max(streams, _STREAMS[0]), _STREAMS[1], fitting)
    if not chosen.get("epochs") and batch_size <= _STREAMS[1] // 2:
        read *= _SMALL_STEPS
    passes = read / tokens
    steps = read / (batch_size * maxlen)
    doublings = math.log2(max(0.1, passes) / 3.3)
    learning_rate = 0.003 * math.sqrt(batch_size / 16) * min(1.0, (2000 / steps) ** 0.4)
    learning_rate *= min(1.0, _MANY_PASSES / passes)
    values = {
        "maxlen": maxlen,
        "dropout": round(min(max(0.18 + 0.06 * doublings, 0.1), 0.4), 2),
        "drop_connect": round(min(max(0.06 + 0.06 * doublings, 0.0), 0.25), 2),
        "noise": 0.0,
        "batch_size": batch_size,
        "state_reset": automatic.choose_state_reset(read / maxlen),
        "learning_rate": round(max(learning_rate, 0.0005), 4),
    }
    return {name: value for name, value in values.items() if name not in chosen}
