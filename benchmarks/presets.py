"""The min-char-rnn preset compared with a plain NumPy program, from the same initial weights.

Target: on the first 25 * 20,000 characters of tinyshakespeare, a smoothed loss per character within
3 % of the published 2.25, 2.06, 2.01 and 1.98 after 5, 10, 15 and 20 thousand steps.

    python -m benchmarks.presets tinyshakespeare.txt [--seeds 5]
"""

import argparse
import os
import statistics
from pathlib import Path

import numpy as np

from benchmarks import min_char_rnn, report
from textgen.settings import resolve_settings
from textgen.text.vocabulary import Vocabulary

_CHARACTERS = 25 * 20_000
# The last whole window with a target after it is the 19,999th.
_STEPS = (5_000, 10_000, 15_000, 19_999)
_PUBLISHED = (2.25, 2.06, 2.01, 1.98)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    text = options.corpus.read_text(encoding="utf-8")[:_CHARACTERS]
    vocabulary = Vocabulary("".join(sorted(set(text))))
    ids = vocabulary.encode(text).astype(vocabulary.dtype)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from textgen.compute.backend import Device
    from textgen.compute.backends import load
    from textgen.model.build import build_model
    from textgen.training import events
    from textgen.training.data import TrainingData
    from textgen.training.fit import Hooks, fit

    curves: dict[str, list[list[float]]] = {"textgen": [], "plain NumPy": []}
    for seed in range(options.seeds):
        values = {"epochs": 1, "validation": 0.0, "sample_length": 0, "random_seed": seed}
        resolved = resolve_settings(values, "min-char-rnn")
        keras.utils.set_random_seed(seed)
        weights = build_model(resolved.model, vocabulary.size, "sequence").get_weights()[1:]
        curve: list[float] = []

        def on_event(event: events.Event, curve: list[float] = curve) -> None:
            if isinstance(event, events.StepDone):
                curve.append(event.loss)

        fit(
            TrainingData(ids, ids[:0], vocabulary),
            resolved,
            load(keras.backend.backend())(Device("cpu", "cpu")),
            Hooks(on_event=on_event),
        )
        reference = [loss for _, loss in min_char_rnn.train(ids, weights, len(curve))]
        curves["textgen"].append(curve)
        curves["plain NumPy"].append(reference)

    rows = []
    for step, published in zip(_STEPS, _PUBLISHED, strict=True):
        losses_at = {name: [curve[step - 1] for curve in runs] for name, runs in curves.items()}
        medians = {name: statistics.median(losses) for name, losses in losses_at.items()}
        ratios = [
            a / b for a, b in zip(losses_at["textgen"], losses_at["plain NumPy"], strict=True)
        ]
        rows.append(
            {
                "steps": step,
                "published": published,
                "textgen, median": medians["textgen"],
                "lowest to highest": _format_range(losses_at["textgen"]),
                "plain NumPy, median": medians["plain NumPy"],
                "NumPy, lowest to highest": _format_range(losses_at["plain NumPy"]),
                "ratio of medians": medians["textgen"] / medians["plain NumPy"],
                "mean of the pairs' ratios": float(np.mean(ratios)),
            }
        )
    report.write(
        "presets",
        f"python -m benchmarks.presets tinyshakespeare.txt --seeds {options.seeds}",
        rows,
        [
            "Smoothed loss in nats per character, random seeds 0 and up; both runs of a pair start "
            "from the same weights. Single runs differ by several per cent from seed to seed, and "
            "from rounding alone: Adagrad's first steps are so large that float32 and float64 "
            "diverge within ten steps, and float64 in another order of summation within fifty."
        ],
    )


def _format_range(losses: list[float]) -> str:
    return f"{min(losses):.3f} to {max(losses):.3f}"


if __name__ == "__main__":
    main()
