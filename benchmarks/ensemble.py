"""Several short trainings that predict as one, against one long training: as much time in total.

Each training has another random seed, and all have the same validation part. The losses are those
of that part: over windows of 256, each from a zero state, and in order with carried state.

    python -m benchmarks.ensemble tinyshakespeare.txt --time 15m

With --directory, models that are there already are not trained again.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import report
from textgen import train
from textgen.analysis.evaluation import evaluate
from textgen.model.paths import is_model_dir
from textgen.settings import Mix, parse_duration

_WAYS: dict[str, dict[str, Any]] = {"windows of 256": {"windows": 256}, "in order": {}}


def train_models(text: Path, folder: Path, count: int, seconds: float) -> list[Path]:
    """Train the models, the long one last."""
    directories = [*(folder / f"s{number + 1}" for number in range(count)), folder / "long"]
    for number, directory in enumerate(directories):
        if not is_model_dir(directory):
            time = seconds * count if directory.name == "long" else seconds
            train([str(text)], model=directory, time=time, random_seed=number + 1)
    return directories


def measure(short: list[Path], long: Path, time: str, total: str) -> list[dict[str, Any]]:
    """The losses of the short trainings, of their mixtures and of the long training."""
    names = [f"seed {number + 1}, {time}" for number in range(len(short))]
    names += [f"all {len(short)}, probabilities", f"all {len(short)}, logits", f"one, {total}"]
    rows: list[dict[str, Any]] = [{"model": name} for name in names]
    for way, options in _WAYS.items():
        mixed = evaluate(model=Mix(short), **options)
        by_logits = evaluate(model=Mix(short, by="logits"), **options)
        alone = evaluate(model=long, **options)
        losses = [member.loss for member in mixed.members]
        for row, loss in zip(rows, [*losses, mixed.loss, by_logits.loss, alone.loss], strict=True):
            row[way] = round(loss, 4)
            row[f"{way}, bits"] = round(loss / 0.6931471805599453, 3)
    return rows


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--time", default="15m", help="of each short training")
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--directory", type=Path, help="where models are, or are written to")
    parser.add_argument("--note", default="", help="a line below the table")
    options = parser.parse_args()
    seconds = parse_duration(options.time)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.directory or Path(temporary)
        *short, long = train_models(options.text, folder, options.models, seconds)
        total = f"{seconds * options.models / 60:g}m"
        rows = measure(short, long, options.time, total)
    notes = [
        "Nats and bits per character of the validation part, the last tenth of the text. The "
        "mixtures have equal weights."
    ]
    report.write(
        "ensemble",
        report.describe_command("ensemble"),
        rows,
        notes + ([options.note] if options.note else []),
    )


if __name__ == "__main__":
    main()
