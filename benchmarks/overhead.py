"""Where the time of a training goes: steps, and everything else.

A training by time in this process on TensorFlow, with automatic settings, with a stopwatch
around each step, each validation, each save of the model and each checkpoint. The rest is the
pipeline, samples, events and the loop itself. Trials before the first step are listed, too.
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
    times: Counter[str] = Counter()
    moments: list[float] = []
    before: dict[str, float] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                seconds[name] += time.perf_counter() - began
                times[name] += 1

        return call

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.StepDone | events.TrainingFinished):
            if not moments:
                before.update(seconds)
                seconds.clear()
                times.clear()
            moments.append(time.perf_counter())

    watched = [
        ("steps", keras.Model, "train_on_batch"),
        ("validations", validation.Validator, "loss"),
        ("saves of the model", model_dir, "save"),
        ("checkpoints", checkpoint, "write_checkpoint"),
    ]
    first = [
        ("the pace", device_speed, "adapt"),
        ("the precision", KerasBackend, "choose_precision"),
        ("what a validation takes", fit, "Validator"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, owner, attribute in (*watched, *first):
            function = timed(name, getattr(owner, attribute))
            mock.patch.object(owner, attribute, function).start()
        train(
            options.corpus,
            model=Path(folder) / "model",
            checkpoint_every=options.checkpoint_every,
            on_event=on_event,
            time=options.seconds,
        )
    whole = moments[-1] - moments[0]
    seconds["the rest"] = whole - sum(seconds.values())
    rows = [
        {"what": name, "times": times[name] or "", "seconds": spent, "share %": 100 * spent / whole}
        for name, spent in sorted(seconds.items(), key=lambda one: -one[1])
    ]
    report.write(
        "overhead",
        report.command("overhead"),
        rows,
        [
            f"Of {whole:.1f} seconds from the end of the first step, which builds the network, to "
            "the end. Target: less than 3 % outside the steps, less than 2 % for checkpoints.",
            "",
            "Before that, in seconds: "
            + ", ".join(f"{name} {before[name]:.2f}" for name, *_ in first)
            + "; this includes compiling code that the steps use.",
        ],
    )


if __name__ == "__main__":
    main()
