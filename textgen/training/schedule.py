"""The learning rate of each step."""

import math

from textgen.settings import TrainConfig

_WARM_UP = 100  # steps from near zero to the full rate: Adam's averages need about that many
_WARM_SHARE = 0.1  # of the training that the warm-up takes at most
_STRIDE = 0.01  # of the logarithm
_FLOOR = 0.01  # the last step's share of the highest rate


def learning_rate(config: TrainConfig, step: int, done: float) -> float:
    """The learning rate of a step: a linear warm-up and a cosine decay (Loshchilov and Hutter
    2017), rounded to within half a hundredth.

    Args:
        config: The highest rate and the schedule.
        step: Steps before this one.
        done: Share of the training that is done, 0 to 1.

    Example:
        >>> round(learning_rate(TrainConfig(learning_rate=1.0), step=1000, done=0.5), 3)
        0.507
    """
    if config.schedule == "constant":
        return config.learning_rate
    warm = min(1.0, max((step + 1) / _WARM_UP, done / _WARM_SHARE))
    decay = _FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    # Setting Keras's variable takes a hundredth of a step, so the rate changes by no less.
    exact = math.log(config.learning_rate * warm * decay)
    return math.exp(round(exact / _STRIDE) * _STRIDE)
