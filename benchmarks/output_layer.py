"""Training steps with large vocabularies: the output layer in textgen's kernel and in Keras.

The shares of the LSTM and of the output layer are the time in their kernels. All variants run in
one process, alternately, on ids as frequent as words of a text are.

    python -m benchmarks.output_layer [--backend jax]
"""

import argparse
import itertools
import os
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import report

_SHAPES = ((2048, 384), (5965, 320))  # tokens, units
_ROWS, _SPAN = 32, 64
_STEPS = 8


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="tensorflow")
    backend = parser.parse_args().backend
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = [row for shape in _SHAPES for row in _measure(*shape)]
    notes = [
        f"Medians of {_STEPS} alternating steps of {_ROWS} x {_SPAN} tokens; embedding of 64, "
        "dropout 0.1, AdamW. What remains of a step is embedding, dropout and optimizer."
    ]
    name = "output-layer" if backend == "tensorflow" else f"output-layer-{backend}"
    report.write(name, report.describe_command("output_layer"), rows, notes)


@dataclass
class _Timed:
    """A kernel, and how long each step spends in it."""

    kernel: Any
    seconds: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.kernel, name)
        if not callable(method):
            return method

        def run(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            results = method(*arguments, **options)
            self.seconds.append(time.perf_counter() - start)
            return results

        return run

    def per_step(self, steps: int) -> float:
        """Seconds, of the last steps."""
        calls = len(self.seconds) // (steps + 2)
        passes = [self.seconds[number::calls][-steps:] for number in range(calls)]
        return sum(map(statistics.median, passes))


def _measure(size: int, units: int) -> list[dict[str, Any]]:
    """Tokens per second in each precision, in both ways."""
    import keras

    from textgen.compute.backend import Device
    from textgen.compute.backends import keras_networks, load
    from textgen.kernels.sequence import has_bfloat16
    from textgen.settings import resolve_settings

    backend = load(keras.backend.backend())(Device("cpu", "cpu"))
    settings = resolve_settings(
        {"units": (units,), "batch_size": _ROWS, "maxlen": _SPAN, "dropout": 0.1, "epochs": 1}
    )
    frequencies = 1 / np.arange(1, size + 1)
    ids = np.random.default_rng(0).choice(
        size, (_ROWS, _SPAN + 1), p=frequencies / frequencies.sum()
    )
    batch = np.ascontiguousarray(ids[:, :-1], np.int32), np.ascontiguousarray(ids[:, 1:], np.int32)
    runs: dict[tuple[str, str], tuple[Any, list[_Timed], list[float]]] = {}
    module: Any = keras_networks
    least = module.LEAST_TOKENS
    with backend.session():
        for precision, way in itertools.product(
            ("float32", "bfloat16") if has_bfloat16() else ("float32",), ("Keras", "textgen")
        ):
            module.LEAST_TOKENS = 2 if way == "textgen" else size + 1
            kind = backend.precision(precision, "lstm")
            weights = backend.create_model(settings, size).weights()
            weights[-1][:] = np.log(frequencies)
            trainer = backend.create_trainer(settings, size, kind, _ROWS, weights)
            lstm = next(layer for layer in trainer.network.layers if hasattr(layer, "inner_loop"))
            timed = [_Timed(lstm.sequence_kernel)]
            lstm.sequence_kernel = timed[0]
            if way == "textgen":
                timed.append(_Timed(trainer.network.loss.output_kernel))
                trainer.network.loss.output_kernel = timed[1]
            runs[precision, way] = trainer, timed, []
        module.LEAST_TOKENS = least
        for number in range(_STEPS + 2):
            for trainer, _, seconds in runs.values():
                start = time.perf_counter()
                float(trainer.step(*batch, 1e-3))
                if number > 1:  # the first steps compile
                    seconds.append(time.perf_counter() - start)
    rows = []
    for (precision, way), (_, timed, seconds) in runs.items():
        step, slowest = statistics.median(seconds), statistics.median(runs["float32", "Keras"][2])
        lstm_seconds, *output = (kernel.per_step(_STEPS) for kernel in timed)
        rows.append(
            {
                "tokens x units": f"{size} x {units}",
                "output layer": f"{way}, {precision}",
                "step, ms": round(step * 1e3, 1),
                "LSTM, ms": round(lstm_seconds * 1e3, 1),
                "output layer, ms": round(output[0] * 1e3, 1) if output else "",
                "of the LSTM": round(output[0] / lstm_seconds, 2) if output else "",
                "tokens/s": round(_ROWS * _SPAN / step),
                "relative to float32": round(slowest / step, 2),
            }
        )
    return rows


if __name__ == "__main__":
    main()
