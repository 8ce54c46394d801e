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
    from textgen.training.data import Text
    from textgen.training.fit import Hooks, fit

    curves: dict[str, list[list[float]]] = {"textgen": [], "plain NumPy": []}
    for seed in range(options.seeds):
        told = {"epochs": 1, "validation": 0.0, "sample_length": 0, "random_seed": seed}
        resolved = resolve_settings(told, "min-char-rnn")
        keras.utils.set_random_seed(seed)
        weights = build_model(resolved.model, vocabulary.size, "sequence").get_weights()[1:]
        mine: list[float] = []

        def on_event(event: events.Event, mine: list[float] = mine) -> None:
            if isinstance(event, events.StepDone):
                mine.append(event.loss)

        fit(
            Text(ids, ids[:0], vocabulary),
            resolved,
            load(keras.backend.backend())(Device("cpu", "cpu")),
            Hooks(on_event=on_event),
        )
        plain = [loss for _, loss in min_char_rnn.losses(ids, weights, len(mine))]
        curves["textgen"].append(mine)
        curves["plain NumPy"].append(plain)

    rows = []
    for step, published in zip(_STEPS, _PUBLISHED, strict=True):
        at = {name: [curve[step - 1] for curve in each] for name, each in curves.items()}
        medians = {name: statistics.median(losses) for name, losses in at.items()}
        ratios = [a / b for a, b in zip(at["textgen"], at["plain NumPy"], strict=True)]
        rows.append(
            {
                "steps": step,
                "published": published,
                "textgen, median": medians["textgen"],
                "lowest to highest": f"{min(at['textgen']):.3f} to {max(at['textgen']):.3f}",
                "plain NumPy, median": medians["plain NumPy"],
                "NumPy, lowest to highest": (
                    f"{min(at['plain NumPy']):.3f} to {max(at['plain NumPy']):.3f}"
                ),
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


if __name__ == "__main__":
    main()
