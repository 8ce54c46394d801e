"""The settings that suit a corpus and a time, where the user chose none.

Knows characters, seconds and what was measured; knows nothing of Keras, files or the command line.
The measurements behind the rules are in docs/NOTES.md, under Sizing.
"""

import math
from typing import Any

_TIME = 600.0  # seconds, where nobody said how long
_PASSES = 60  # after that many over a text, more of them taught a network of this size nothing
_START = 8.0  # seconds that start and end take
_MAXLEN = 64  # back-propagation through more characters gained nothing in an equal time
_BATCH_SIZE = 32  # fewer rows waste the processor, more make fewer steps of as much text


def default_time(characters: int) -> float:
    """Seconds that a training takes where nobody said how long: less for a short text.

    Args:
        characters: Of the training text.
    """
    (units,) = sized(characters, _TIME)["units"]
    return float(min(_TIME, max(30.0, round(_PASSES * characters / _speed(units)))))


def expected_time(characters: int, epochs: int) -> float:
    """Seconds that so many epochs may take, to size a network for them."""
    return epochs * characters / _speed(320)


def sized(characters: int, seconds: float) -> dict[str, Any]:
    """Size, dropout, learning rate and batch for a training on a CPU.

    Args:
        characters: Of the training text.
        seconds: That the training may take.

    Returns:
        Settings by name.

    Example:
        >>> sized(1_003_854, 300)["units"]
        (320,)
    """
    # The time a step takes grows with the square of the units, so four times the time buys a
    # network a third wider and more than twice the passes; after five minutes of a megabyte, more
    # passes are worth more than more units.
    by_time = 256 * (min(max(seconds, 10.0), 300.0) / 96) ** 0.19 * max(1.0, seconds / 300) ** 0.1
    # A short text is learned by heart by any network; a wide one only does it sooner.
    by_text = 0.51 * math.sqrt(characters)
    units = max(64, 32 * round(min(by_time, by_text, 1024) / 32))
    passes = _speed(units) * max(seconds - _START, 1.0) / characters
    passes = max(1.0, min(passes, _PASSES))
    dropout = 0.15 + 0.117 * math.log2(passes / 3.3)
    learning_rate = 0.018 * (3.3 / passes) ** 1.15
    streams = max(1, (characters - 1) // (4 * _MAXLEN))  # of at least four steps each
    return {
        "maxlen": _MAXLEN,
        "units": (units,),
        "embedding": 64,
        "dropout": round(min(max(dropout, 0.0), 0.4), 2),
        "batch_size": min(_BATCH_SIZE, streams),
        "learning_rate": round(min(max(learning_rate, 0.004), 0.018), 4),
    }


def _speed(units: int) -> float:
    """Characters per second on two cores: as measured from 256 units on, and no more below."""
    return float(38_000 * (256 / max(units, 192)) ** 1.4)
