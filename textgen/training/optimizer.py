"""Optimizers and learning-rate schedules, from settings to Keras objects.

Knows Keras's optimizers; knows nothing of models or data.
"""

from typing import Any

from textgen.config import TrainConfig

_WARM_UP = 100  # steps from near zero to the full rate: Adam's averages need about that many
_FLOOR = 0.01  # the last step's share of the highest rate


def optimizer(config: TrainConfig, steps: int) -> Any:
    """The optimizer for a training.

    Args:
        config: Optimizer, learning rate, schedule and clipping.
        steps: Steps of the whole training, which the schedule spans.
    """
    import keras

    makers = {
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adagrad": keras.optimizers.Adagrad,
        "sgd": keras.optimizers.SGD,
    }
    # Beside Keras's defaults: AdamW forgets old squares sooner (they change quickly with few
    # rows in a batch); Adagrad starts from nothing, as Duchi, Hazan and Singer (2011) have it.
    special: dict[str, dict[str, float]] = {
        "adamw": {"beta_2": 0.99, "weight_decay": 0.01},
        "adagrad": {"initial_accumulator_value": 0.0, "epsilon": 1e-8},
    }
    return makers[config.optimizer](
        learning_rate=_schedule(config, steps),
        clipvalue=config.clip_value or None,
        global_clipnorm=config.clip_norm or None,
        **special.get(config.optimizer, {}),
    )


def _schedule(config: TrainConfig, steps: int) -> Any:
    import keras

    if config.schedule == "constant":
        return config.learning_rate
    warm_up = min(_WARM_UP, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 100 if warm_up else config.learning_rate,
        decay_steps=max(1, steps - warm_up),
        alpha=_FLOOR,
        warmup_target=config.learning_rate if warm_up else None,
        warmup_steps=warm_up,
    )
