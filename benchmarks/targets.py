"""What is learned in the same time from one target per window, from one per position, and with
carried state: three curves in one figure.

The same text, network (LSTM 128, embedding 64, windows of 40) and time; the loss is measured on
held-out text as each model writes: from the last 40 characters, or in order with carried state.

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
# Nothing is validated on the way: that would take the time of one way more than of another.
_SAME = {
    "units": (128,),
    "embedding": 64,
    "maxlen": 40,
    "validation": 0.0,
    "sample_length": 0,
    "dropout": 0.0,
    "drop_connect": 0.0,
    "noise": 0.0,
}
_WAYS: dict[str, dict[str, Any]] = {
    "one target per window": {"targets": "last", "batch_size": 128, "learning_rate": 6e-3},
    "a target at every position": {
        "targets": "sequence",
        "carry_state": False,
        "batch_size": 128,
        "learning_rate": 8e-3,
    },
    "and carried state": {"targets": "sequence", "batch_size": 32, "learning_rate": 1e-2},
}


def curve(corpus: Path, held_out: Path, folder: Path, way: dict[str, Any], seconds: float) -> Any:
    """Seconds of training, passes and loss at each report."""
    model = folder / "model"
    snapshots: list[tuple[float, float, Path]] = []
    shutil.rmtree(model, ignore_errors=True)
    began = time.monotonic()

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Validated):
            snapshot = folder / f"snapshot-{len(snapshots)}"
            shutil.copytree(model, snapshot, ignore=shutil.ignore_patterns("cache"))
            snapshots.append((time.monotonic() - began, event.epoch, snapshot))

    train([str(corpus)], model=model, on_event=on_event, **{**_SAME, **way, "time": seconds})
    points = []
    for taken, passes, snapshot in snapshots:
        points.append((taken, passes, evaluate([str(held_out)], snapshot).loss))
        shutil.rmtree(snapshot)
    return points


def draw(curves: dict[str, Any], seconds: float) -> None:
    """The figure in docs/."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, points in curves.items():
        axes.plot([p[0] for p in points], [p[2] for p in points], marker="o", label=name)
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
    runtime.start("cpu")  # Keras is imported once, and in no curve's time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned, held_out = folder / "learned.txt", folder / "held-out.txt"
        cut = len(text) * 9 // 10
        learned.write_text(text[:cut], encoding="utf-8")
        held_out.write_text(text[cut : cut + _HELD_OUT], encoding="utf-8")
        curves = {
            name: curve(learned, held_out, folder, way, options.seconds)
            for name, way in _WAYS.items()
        }
    draw(curves, options.seconds)
    rows = [
        {
            "way": name,
            "seconds": taken,
            "passes over the text": passes,
            "nats per character": round(loss, 4),
        }
        for name, points in curves.items()
        for taken, passes, loss in points
    ]
    report.write(
        "targets",
        f"python -m benchmarks.targets {options.corpus.name} --seconds {options.seconds}",
        rows,
        [
            f"LSTM 128, embedding 64, windows of 40 (every 3), no dropout; on {_HELD_OUT:,} "
            "characters of the text's last tenth, which training does not see. Each model reads as "
            "it writes: from the last 40 characters, or in order with carried state. Batches of "
            "128 windows or 32 streams; learning rates 0.006, 0.008 and 0.01. One run each."
        ],
    )


if __name__ == "__main__":
    main()
