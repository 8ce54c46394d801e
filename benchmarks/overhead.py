"""Where the time of a training goes: steps, and everything else.

It trains by time in this process on TensorFlow, with automatic settings, and measures the time of
each step, each validation, each save of the model and each checkpoint. The rest is reading batches,
samples, events and the loop itself. Measurements before the first step are listed, too.
Targets: after start-up less than 3 % outside the steps, and less than 2 % for checkpoints.

    python -m benchmarks.overhead tinyshakespeare.txt [--seconds 300] [--checkpoint-every 60]
"""

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import report


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--checkpoint-every", type=float, default=60)
    options = parser.parse_args()
    import keras

    from textgen.api import train
    from textgen.compute.backends.keras_backend import KerasBackend
    from textgen.model import model_dir
    from textgen.training import checkpoint, device_speed, events, fit, validation

    seconds: defaultdict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    moments: list[float] = []
    start_up: dict[str, float] = {}

    def add_timer(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                seconds[name] += time.perf_counter() - start
                counts[name] += 1

        return call

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.StepDone | events.TrainingFinished):
            if not moments:
                start_up.update(seconds)
                seconds.clear()
                counts.clear()
            moments.append(time.perf_counter())

    parts = [
        ("steps", keras.Model, "train_on_batch"),
        ("validations", validation.Validator, "loss"),
        ("saves of the model", model_dir, "save"),
        ("checkpoints", checkpoint, "write_checkpoint"),
    ]
    start_up_parts = [
        ("the speed of the device", device_speed, "adapt"),
        ("the precision", KerasBackend, "choose_precision"),
        ("the time of a validation", fit, "Validator"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, owner, attribute in (*parts, *start_up_parts):
            function = add_timer(name, getattr(owner, attribute))
            mock.patch.object(owner, attribute, function).start()
        train(
            options.corpus,
            model=Path(folder) / "model",
            checkpoint_every=options.checkpoint_every,
            on_event=on_event,
            time=options.seconds,
        )
    total = moments[-1] - moments[0]
    seconds["the rest"] = total - sum(seconds.values())
    rows = [
        {
            "what": name,
            "times": counts[name] or "",
            "seconds": spent,
            "share %": 100 * spent / total,
        }
        for name, spent in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    report.write(
        "overhead",
        report.describe_command("overhead"),
        rows,
        [
            f"Of {total:.1f} seconds from the end of the first step, which builds the network, to "
            "the end. Target: less than 3 % outside the steps, less than 2 % for checkpoints.",
            "",
            "Before that, in seconds: "
            + ", ".join(f"{name} {start_up[name]:.2f}" for name, *_ in start_up_parts)
            + ". This includes the compilation of code that the steps use.",
        ],
    )


if __name__ == "__main__":
    main()
