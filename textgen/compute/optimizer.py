"""Optimizers and learning rates, from settings to Keras objects and numbers.

Knows Keras's optimizers and one of our own; knows nothing of models or data.
"""

import math
from typing import Any

from textgen.compute.runtime import Device
from textgen.settings import TrainConfig

_WARM_UP = 100  # steps from near zero to the full rate: Adam's averages need about that many
_WARM_SHARE = 0.1  # of the training that the warm-up takes at most
_STRIDE = 0.01  # of the logarithm
_FLOOR = 0.01  # the last step's share of the highest rate


def optimizer(config: TrainConfig, device: Device) -> Any:
    """The optimizer for a training, at the highest learning rate.

    Args:
        config: Optimizer, learning rate, weight decay and clipping.
        device: Where it runs.
    """
    import keras

    from textgen.compute.tensorflow_adamw import CpuAdamW

    own = device.name == "cpu" and device.backend == "tensorflow"
    makers = {
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": CpuAdamW if own else keras.optimizers.AdamW,
        "adagrad": keras.optimizers.Adagrad,
        "sgd": keras.optimizers.SGD,
    }
    # Beside Keras's defaults: AdamW forgets old squares sooner (they change quickly with few
    # rows in a batch); Adagrad starts from nothing, as Duchi, Hazan and Singer (2011) have it.
    special: dict[str, dict[str, float]] = {
        "adamw": {"beta_2": 0.99, "weight_decay": config.weight_decay},
        "adagrad": {"initial_accumulator_value": 0.0, "epsilon": 1e-8},
    }
    return makers[config.optimizer](
        learning_rate=config.learning_rate,
        clipvalue=config.clip_value or None,
        global_clipnorm=config.clip_norm or None,
        **special.get(config.optimizer, {}),
    )


def learning_rate(config: TrainConfig, step: int, done: float) -> float:
    """The learning rate of a step: a linear warm-up and a cosine decay (Loshchilov 2017), within
    half a hundredth.

    Args:
        config: The highest rate and the schedule.
        step: Steps before this one.
        done: Share of the training that is over, 0 to 1.

    Example:
        >>> round(learning_rate(TrainConfig(learning_rate=1.0), step=1000, done=0.5), 3)
        0.507
    """
    if config.schedule == "constant":
        return config.learning_rate
    warm = min(1.0, max((step + 1) / _WARM_UP, done / _WARM_SHARE))
    decay = _FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    # Telling Keras another rate takes a hundredth of a step, so that it changes by as much.
    exact = math.log(config.learning_rate * warm * decay)
    return math.exp(round(exact / _STRIDE) * _STRIDE)
