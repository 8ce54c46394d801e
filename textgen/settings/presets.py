"""Presets: several settings under one name."""

from collections.abc import Mapping
from typing import Any

# Three sizes that do not depend on the corpus and the time, and two programs that people have
# copied for ten years, as settings of textgen: the Keras example "Character-level text generation
# with LSTM" (keras.io/examples/generative/lstm_character_level_text_generation), and
# min-char-rnn.py by A. Karpathy (2015, gist.github.com/karpathy/d4dee566867f8291f086).
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"maxlen": 64, "units": (128,), "dropout": 0.1, "learning_rate": 8e-3},
    "medium": {"maxlen": 64, "units": (320,), "dropout": 0.3, "learning_rate": 6e-3},
    "large": {"maxlen": 64, "units": (512,), "dropout": 0.4, "learning_rate": 4e-3},
    "keras-example": {
        "maxlen": 40,
        "step": 3,
        "targets": "last",
        "carry_state": False,
        "cell": "lstm",
        "units": (128,),
        "embedding": 0,
        "dropout": 0.0,
        "optimizer": "rmsprop",
        "learning_rate": 0.01,
        "schedule": "constant",
        "clip_norm": 0.0,
        "batch_size": 128,
        "epochs": 40,
        "sample_temperatures": (0.2, 0.5, 1.0, 1.2),
        "sample_length": 400,
    },
    "min-char-rnn": {
        "maxlen": 25,
        "targets": "sequence",
        "carry_state": True,
        "cell": "rnn",
        "units": (100,),
        "embedding": 0,
        "dropout": 0.0,
        "init_stddev": 0.01,
        "optimizer": "adagrad",
        "learning_rate": 0.1,
        "schedule": "constant",
        "clip_norm": 0.0,
        "clip_value": 5.0,
        "batch_size": 1,
        "state_reset": 0.0,
        "epochs": 10,
        "loss_reduction": "sum",
        "loss_smoothing": 0.999,
        "sample_temperatures": (1.0,),
    },
}
