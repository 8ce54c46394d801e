"""The settings that suit a corpus and a time, where the user chose none.

Knows characters, seconds and what was measured; knows nothing of Keras, files or the command line.
The measurements behind the rules are in docs/NOTES.md, under Sizing.
"""

import math
from typing import Any

_TIME = 600.0  # seconds, where nobody said how long
_PASSES = 60  # after that many over a text, more of them taught a network of this size nothing
_MAXLEN = 64  # back-propagation through more characters gained nothing in an equal time
_BATCH_SIZE = 32  # fewer rows waste the processor, more make fewer steps of as much text


def default_time(characters: int) -> float:
    """Seconds that a training takes where nobody said how long: less for a short text.

    Args:
        characters: Of the training text.
    """
    (units,) = sized(characters, _TIME)["units"]
    return float(min(_TIME, max(10.0, round(_PASSES * characters / _speed(units)))))


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
    # network a third wider and more than twice the passes.
    by_time = 256 * (max(seconds, 10.0) / 96) ** 0.19
    # A short text is learned by heart by any network; a wide one only does it sooner.
    by_text = 0.51 * math.sqrt(characters)
    units = max(64, 32 * round(min(by_time, by_text, 1024) / 32))
    passes = min(_speed(units) * seconds / characters, _PASSES)
    dropout = 0.07 * math.log2(max(passes, 1.0)) + 0.03
    streams = max(1, (characters - 1) // (4 * _MAXLEN))  # of at least four steps each
    return {
        "maxlen": _MAXLEN,
        "units": (units,),
        "embedding": 64,
        "dropout": round(min(dropout, 0.5), 2),
        "batch_size": min(_BATCH_SIZE, streams),
        "learning_rate": round(min(0.018, 0.015 * 320 / units), 5),
    }


def _speed(units: int) -> float:
    """Characters per second on two cores, as measured from 256 units (42,000) to 512 (15,000)."""
    return float(42_000 * (256 / units) ** 1.4)
