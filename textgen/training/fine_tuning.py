"""Rules that choose settings for a training that begins with the weights of another model.

They are those of automatic.py, apart from what was measured to be better (docs/NOTES.md, under
Starters).
"""

from collections.abc import Mapping
from typing import Any

from textgen.settings import TrainConfig
from textgen.training import automatic
from textgen.training.automatic import TWO_CORES, Pace

_LEARNING_RATE = 0.002  # higher ones unlearn what the model knows
_NOISE = 0.005  # at most


def choose_time(characters: int, pace: Pace = TWO_CORES) -> float:
    """The seconds of a fine-tuning if nobody chose them.

    Args:
        characters: Of the training text.
        pace: Of the device.
    """
    return automatic.choose_time(characters, pace)


def choose_fine_tuning(
    characters: int, chosen: Mapping[str, Any], pace: Pace = TWO_CORES
) -> dict[str, Any]:
    """Regularisation, learning rate and batch for an LSTM that begins with trained weights.

    Args:
        characters: Of the training text.
        chosen: Settings by name that others chose: `units` of the model to begin with, `time` or
            `epochs`, and perhaps more.
        pace: Of the device (training/device_speed.py).

    Returns:
        Values by name of those settings that nobody chose.

    Example:
        >>> choose_fine_tuning(80_000, {"time": 60.0, "units": (672,)})["learning_rate"]
        0.002
    """
    values = automatic.choose_sizes(characters, chosen, pace)
    values["learning_rate"] = _LEARNING_RATE
    # What short texts need in a training from scratch was not measured here, and weight decay
    # unlearns what the model knows.
    values["weight_decay"] = TrainConfig.weight_decay
    if "noise" in values:
        values["noise"] = min(values["noise"], _NOISE)
    return {name: value for name, value in values.items() if name not in chosen}
