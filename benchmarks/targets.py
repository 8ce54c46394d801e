"""What a network learns in the same time from one target per window, from a target at every
position, and with carried state: three curves in one figure.

All three have the same text, network (LSTM 128, embedding 64, windows of 40) and time. The loss is
measured on held-out text in the way that each model generates: from the last 40 characters, or in
order with carried state.

    python -m benchmarks.targets tinyshakespeare.txt [--seconds 90]
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from textgen import evaluate, train
from textgen.compute import runtime
from textgen.training import events

_HELD_OUT = 20_000  # characters of the last tenth that each snapshot is measured on
_FIGURE = Path(__file__).parent.parent / "docs" / "targets.svg"
# Nothing is validated during the training: that would take different shares of the time.
_SHARED = {
    "units": (128,),
    "embedding": 64,
    "maxlen": 40,
    "validation": 0.0,
    "sample_length": 0,
    "dropout": 0.0,
    "drop_connect": 0.0,
    "noise": 0.0,
}
_VARIANTS: dict[str, dict[str, Any]] = {
    "one target per window": {"targets": "last", "batch_size": 128, "learning_rate": 6e-3},
    "a target at every position": {
        "targets": "sequence",
        "carry_state": False,
        "batch_size": 128,
        "learning_rate": 8e-3,
    },
    "and carried state": {"targets": "sequence", "batch_size": 32, "learning_rate": 1e-2},
}


def train_curve(
    corpus: Path, held_out: Path, folder: Path, variant: dict[str, Any], seconds: float
) -> Any:
    """Seconds of training, passes and loss at each validation."""
    model = folder / "model"
    snapshots: list[tuple[float, float, Path]] = []
    shutil.rmtree(model, ignore_errors=True)
    start = time.monotonic()

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Validated):
            snapshot = folder / f"snapshot-{len(snapshots)}"
            shutil.copytree(model, snapshot, ignore=shutil.ignore_patterns("cache"))
            snapshots.append((time.monotonic() - start, event.epoch, snapshot))

    train([str(corpus)], model=model, on_event=on_event, **{**_SHARED, **variant, "time": seconds})
    points = []
    for elapsed, passes, snapshot in snapshots:
        points.append((elapsed, passes, evaluate([str(held_out)], snapshot).loss))
        shutil.rmtree(snapshot)
    return points


def draw(curves: dict[str, Any], seconds: float) -> None:
    """Draw the figure in docs/."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, points in curves.items():
        axes.plot(
            [point[0] for point in points], [point[2] for point in points], marker="o", label=name
        )
    axes.set_xlabel("seconds of training (two cores)")
    axes.set_ylabel("loss on held-out text, nats per character")
    axes.set_xlim(0, seconds)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(_FIGURE)


def main() -> None:
    """Measure, draw and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, default=90)
    options = parser.parse_args()
    text = options.corpus.read_text(encoding="utf-8")
    runtime.start("cpu")  # imports Keras, which would take time of the first curve
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        training_text, held_out = folder / "training.txt", folder / "held-out.txt"
        cut = len(text) * 9 // 10
        training_text.write_text(text[:cut], encoding="utf-8")
        held_out.write_text(text[cut : cut + _HELD_OUT], encoding="utf-8")
        curves = {
            name: train_curve(training_text, held_out, folder, variant, options.seconds)
            for name, variant in _VARIANTS.items()
        }
    draw(curves, options.seconds)
    rows = [
        {
            "way": name,
            "seconds": elapsed,
            "passes over the text": passes,
            "nats per character": round(loss, 4),
        }
        for name, points in curves.items()
        for elapsed, passes, loss in points
    ]
    report.write(
        "targets",
        f"python -m benchmarks.targets {options.corpus.name} --seconds {options.seconds}",
        rows,
        [
            f"LSTM 128, embedding 64, windows of 40 (every 3), no dropout; on {_HELD_OUT:,} "
            "characters of the text's last tenth, which training does not see. Each model reads as "
            "it generates: from the last 40 characters, or in order with carried state. Batches of "
            "128 windows or 32 streams; learning rates 0.006, 0.008 and 0.01. One run each."
        ],
    )


if __name__ == "__main__":
    main()
