"""What the tests of stopped trainings share: small trainings, and what they left."""

from pathlib import Path
from typing import Any

from textgen.model import model_dir

QUICK: dict[str, Any] = {
    "units": (8,),
    "embedding": 4,
    "maxlen": 10,
    "batch_size": 8,
    "epochs": 3,
    "dropout": 0.3,
}


RELEASED = Path(__file__).parents[1] / "released/0.1.0"


class Stop:
    """Asks a training to end after so many steps."""

    def __init__(self, after: int):
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def weights(directory):
    return [array.tobytes() for array in model_dir.read_model(directory).weights]


def steps_per_epoch(directory):
    """Steps of an epoch of a finished training."""
    record = model_dir.read_model(directory).record
    training, windows = record.settings.training, record.settings.windows
    characters = int(record.about["corpus"]["characters"] * (1 - windows.validation))
    return (characters - 1) // training.batch_size // windows.maxlen - 1


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def history(directory):
    return model_dir.read_model(directory).record.history


def losses(directory):
    epochs = history(directory)["epochs"]
    return [
        (entry["epoch"], entry["loss"], entry["validation_loss"], entry["samples"])
        for entry in epochs
    ]


def read_until(process, beginning):
    """Read standard error up to a line."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith(beginning):
            return
    raise AssertionError(f"no line begins with {beginning}: {lines}")


OPTIONS = [
    *("corpus.txt", "--units", "12", "--embedding", "4", "--maxlen", "10", "--batch-size", "8"),
    *("--dropout", "0.2", "--epochs", "12", "--sample-length", "20", "--checkpoint-every", "0.2s"),
]
# The same in Python.
SETTINGS: dict[str, Any] = {
    "units": (12,),
    "embedding": 4,
    "maxlen": 10,
    "batch_size": 8,
    "dropout": 0.2,
    "epochs": 12,
    "sample_length": 20,
    "checkpoint_every": 0.2,
}
