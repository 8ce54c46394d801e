"""TrainConfig to Keras's optimizers."""

from typing import Any

import keras

from textgen.settings import TrainConfig


def create_optimizer(
    config: TrainConfig, adamw: type[keras.optimizers.Optimizer] = keras.optimizers.AdamW
) -> Any:
    """The optimizer of a training, at the highest learning rate.

    Args:
        config: Optimizer, learning rate, weight decay and clipping.
        adamw: What computes AdamW: Keras's class, or one with its arguments and variables.
    """
    classes = {
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": adamw,
        "adagrad": keras.optimizers.Adagrad,
        "sgd": keras.optimizers.SGD,
    }
    # Where it differs from Keras's defaults: AdamW forgets old squares sooner (they change quickly
    # with few rows in a batch); Adagrad starts from nothing, as in Duchi, Hazan and Singer (2011).
    special: dict[str, dict[str, float]] = {
        "adamw": {"beta_2": 0.99, "weight_decay": config.weight_decay},
        "adagrad": {"initial_accumulator_value": 0.0, "epsilon": 1e-8},
    }
    return classes[config.optimizer](
        learning_rate=config.learning_rate,
        clipvalue=config.clip_value or None,
        global_clipnorm=config.clip_norm or None,
        **special.get(config.optimizer, {}),
    )
