"""The options of `textgen train`.

Long because a training has many settings, each with its help.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cloup

from textgen.cli import corpus_options, options
from textgen.cli.formatting import format_time_option
from textgen.cli.options import F, setting
from textgen.cli.types import DIRECTORIES, DURATION, UNITS, complete_initial_model, complete_names
from textgen.settings import (
    BACKENDS,
    CELLS,
    CHECKPOINT_INTERVAL,
    DEVICES,
    JOIN_TIMEOUT,
    OPTIMIZERS,
    PRECISIONS,
    PRESETS,
    REDUCTIONS,
    SCHEDULES,
    ModelConfig,
    TrainConfig,
)

LOG_FORMAT = "--log-format"

_START: list[Callable[[Any], Any]] = [
    corpus_options.corpora,
    options.model("Model directory to write."),
    cloup.option(
        "--preset",
        metavar="NAME",
        shell_complete=complete_names(PRESETS),
        help="Settings to start from: those of a size (small, medium, large) or of a well-known "
        "program (keras-example, min-char-rnn).  [default: chosen for text, time and device]",
    ),
    cloup.option(
        "--init-from",
        type=click.Path(path_type=Path),
        metavar="DIR|STARTER",
        shell_complete=complete_initial_model,
        help="Model directory, or name of a starter (a pretrained model that comes with textgen), "
        "whose weights training starts from; characters of the corpus that are missing from its "
        "vocabulary are added. auto: a starter if it knows the language of the corpus.",
    ),
    cloup.option(
        "--resume",
        is_flag=True,
        help="Resume the unfinished training in the model directory; CORPUS can be omitted.",
    ),
    cloup.option(
        "--force", is_flag=True, help="Replace an existing model and an unfinished training."
    ),
    corpus_options.corpus_group(
        "characters, or auto for a long text where subwords are clearly better"
    ),
    corpus_options.document_group(),
]

_WINDOWS = cloup.option_group(
    "Windows",
    *corpus_options.window_settings(
        "  [default: 40; 64 for an LSTM with carried state on more than 20,000 characters; for a "
        "prepared corpus the value that the user chose there]"
    ),
    setting(
        TrainConfig,
        "carry_state",
        "--carry-state/--no-carry-state",
        help_text="Read the text as parallel streams and carry the state from batch to batch "
        "(stateful).  [default: with targets sequence]",
    ),
    setting(
        TrainConfig,
        "state_reset",
        type=float,
        help_text="Probability of resetting a stream's state before a step, reached at the end of "
        "the training (it rises from 0; more often at line starts). Lets the model start from any "
        "seed.",
    ),
)

_MODEL = cloup.option_group(
    "Model",
    setting(ModelConfig, "cell", type=click.Choice(CELLS), help_text="Recurrent layer."),
    setting(
        ModelConfig,
        "units",
        type=UNITS,
        help_text="Units of each recurrent layer.",
        automatic=True,
    ),
    setting(
        ModelConfig,
        "embedding",
        type=int,
        help_text="Width of the embedding; 0 for one-hot input.",
        automatic=True,
    ),
    setting(
        ModelConfig,
        "dropout",
        type=float,
        help_text="Share of a layer's outputs dropped.",
        automatic=True,
    ),
    setting(
        ModelConfig,
        "drop_connect",
        type=float,
        help_text="Share of a layer's recurrent weights left out of each step.",
        automatic=True,
    ),
    setting(
        ModelConfig,
        "init_stddev",
        type=float,
        help_text="Standard deviation of the normal distribution that weights are drawn from; 0 "
        "for Keras's initializers.",
    ),
)

_TRAINING = cloup.option_group(
    "Training",
    setting(
        TrainConfig,
        "time",
        type=DURATION,
        help_text="Time for the whole training.  "
        f"[default: {format_time_option(TrainConfig.time)}, less for short texts]",
    ),
    setting(
        TrainConfig,
        "epochs",
        type=int,
        help_text="Times the text is read, however long it takes.  "
        "[default: 60 of a text of less than 50,000 characters, else as time allows]",
    ),
    setting(
        TrainConfig,
        "batch_size",
        type=int,
        help_text="Windows or streams in a step, fewer for a short text.",
    ),
    setting(TrainConfig, "optimizer", type=click.Choice(OPTIMIZERS), help_text="Optimizer."),
    setting(
        TrainConfig,
        "learning_rate",
        type=float,
        help_text="Highest learning rate.",
        automatic=True,
    ),
    setting(TrainConfig, "weight_decay", type=float, help_text="Weight decay, of adamw only."),
    setting(
        TrainConfig,
        "schedule",
        type=click.Choice(SCHEDULES),
        help_text="Keep the learning rate constant, or warm up and decay to near zero.",
    ),
    setting(
        TrainConfig,
        "clip_norm",
        type=float,
        help_text="Clip the gradients' global norm to this; 0 for none.",
    ),
    setting(
        TrainConfig,
        "clip_value",
        type=float,
        help_text="Clip each element of the gradients to this; 0 for none.",
    ),
    setting(
        TrainConfig,
        "noise",
        type=float,
        help_text="Share of the characters read that are replaced by nearby ones.",
        automatic=True,
    ),
    setting(
        TrainConfig,
        "loss_reduction",
        type=click.Choice(REDUCTIONS),
        help_text="Train on the mean of a batch's losses, or on their sum.",
    ),
    setting(
        TrainConfig,
        "patience",
        type=int,
        help_text="Stop after this many validations without a better loss; 0 for never.",
    ),
    setting(
        TrainConfig,
        "random_seed",
        type=int,
        help_text="The same number gives the same model, with --epochs.",
    ),
    setting(
        TrainConfig,
        "precision",
        type=click.Choice(PRECISIONS),
        help_text="Precision of recurrent layers; auto measures which one is faster in a training "
        "by time, and is float32 in one by epochs.",
    ),
    cloup.option(
        "--backend",
        type=click.Choice(BACKENDS),
        help="Keras's backend.  [default: KERAS_BACKEND, else Keras's own setting, else "
        "tensorflow]",
    ),
    cloup.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="Where to train; auto uses a GPU if there is one.",
    ),
    cloup.option(
        "--checkpoint-every",
        type=DURATION,
        default=CHECKPOINT_INTERVAL,
        help="Longest time between checkpoints. Checkpoints are also written after validations; "
        "when epochs are short, not after each.  "
        f"[default: {format_time_option(CHECKPOINT_INTERVAL)}]",
    ),
)

_PROCESSES = cloup.option_group(
    "Several processes",
    cloup.option(
        "--coordinator",
        metavar="HOST:PORT",
        help="Train together with other processes, each started with the same command and a "
        "prepared corpus: HOST:PORT is where process 0 waits for them. auto if SLURM or Open MPI 4 "
        "starts them; ray to let a Ray cluster start --processes of them.",
    ),
    cloup.option(
        "--processes",
        type=int,
        metavar="N",
        help="Number of processes.  [default: what SLURM or MPI says]",
    ),
    cloup.option(
        "--process",
        type=int,
        metavar="I",
        help="Index of this process, from 0.  [default: what SLURM or MPI says]",
    ),
    cloup.option(
        "--wait",
        type=DURATION,
        default=JOIN_TIMEOUT,
        help="How long to wait for the other processes at the beginning.  "
        f"[default: {format_time_option(JOIN_TIMEOUT)}]",
    ),
)

_DISPLAY = cloup.option_group(
    "Display",
    setting(
        TrainConfig,
        "sample_temperatures",
        "--sample-temperature",
        type=float,
        multiple=True,
        help_text="Temperature of the samples generated at each validation; can be repeated.",
    ),
    setting(
        TrainConfig,
        "sample_length",
        type=int,
        help_text="Characters of each of these samples; 0 for no samples.",
    ),
    setting(
        TrainConfig,
        "loss_smoothing",
        type=float,
        help_text="Show a moving average of the loss with this factor; 0 for the mean.",
    ),
    cloup.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only."),
    cloup.option(
        LOG_FORMAT,
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="text: a live display on a terminal, else lines. json: a line of JSON for each event, "
        "for the progress every ten seconds, and for an error.",
    ),
    cloup.option(
        "--tensorboard",
        type=click.Path(path_type=Path),
        metavar="DIR",
        shell_complete=DIRECTORIES,
        help="Also write losses and learning rate to this directory, for TensorBoard.",
    ),
)


def train_options(function: F) -> F:
    """All options of the command, in the order of its help."""
    decorators = [
        *_START,
        _WINDOWS,
        _MODEL,
        _TRAINING,
        _PROCESSES,
        _DISPLAY,
        options.debug,
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
