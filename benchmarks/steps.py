"""Speed of training steps compared with torch.nn.LSTM in float32.

Targets at LSTM 512,512, 128 rows of 40 characters: 1.3 times its characters per second in the
fastest precision, and no fewer in float32. Also at sizes that training by time chooses. All run in
one process, alternately. GRU and simple RNN are compared with Keras's own.

    python -m benchmarks.steps [--name steps-amx] [--cell gru --cell rnn]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import report

_SIZE = 65  # characters in the vocabulary
_SHAPES = (((512, 512), 128, 40), ((512,), 32, 64), ((320,), 32, 64), ((256,), 32, 64))
_FEW_SHAPES = (((512,), 32, 64), ((256,), 32, 64))  # of the other cells
_STEPS = 12


def build_compiled(precision: Any, settings: Any, size: int) -> Any:
    """Build a network that trains in a `Precision`, from settings and the vocabulary's size.

    With Keras's layers its optimizer is Keras's, too.
    """
    import keras

    from textgen.compute.backend import Device
    from textgen.compute.backends import load
    from textgen.compute.layers.cpu_recurrent import CpuRecurrent
    from textgen.model.initial_weights import initial_weights

    backend = load(keras.backend.backend())(Device("cpu", "cpu"))
    network = backend.build_network(settings, size, precision, settings.training.batch_size)
    network.set_weights(initial_weights(settings.model, size, np.random.default_rng(0)))
    is_fast = issubclass(precision.recurrent, CpuRecurrent)
    adamw = backend.adamw() if is_fast else keras.optimizers.AdamW
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(adamw(1e-3), loss)
    return network


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="steps", help="of the files with the results")
    parser.add_argument("--cell", action="append", choices=("gru", "rnn"), help="instead of LSTM")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    notes = [f"Medians of {_STEPS} alternating steps each; no dropout, AdamW."]
    if options.cell:
        rows = [
            row for cell in options.cell for shape in _FEW_SHAPES for row in _measure(cell, *shape)
        ]
    else:
        rows = [row for shape in _SHAPES for row in _measure("lstm", *shape)]
        notes[0] += (
            " Target at LSTM 512,512: 1.3 times torch.nn.LSTM in the fastest precision, and 1.0 in "
            "float32."
        )
    report.write(options.name, report.describe_command("steps"), rows, notes)


def _measure(cell: str, units: tuple[int, ...], batch: int, span: int) -> list[dict[str, Any]]:
    """Characters per second of each program and precision."""
    import keras

    from benchmarks import torch_char_rnn
    from textgen.compute.backend import Device, Precision
    from textgen.compute.backends import load
    from textgen.kernels.sequence import has_bfloat16
    from textgen.model.build import RECURRENT
    from textgen.settings import resolve_settings

    settings = resolve_settings(
        {
            "cell": cell,
            "units": units,
            "batch_size": batch,
            "maxlen": span,
            "dropout": 0.0,
            "epochs": 1,
        }
    )
    ids = np.random.default_rng(0).integers(0, _SIZE, (batch, span)).astype(np.int32)
    backend = load(keras.backend.backend())(Device("cpu", "cpu"))
    precisions = {
        "textgen, float32": backend.precision("float32", cell),
        "stock Keras, float32": Precision("float32", recurrent=RECURRENT[cell]),
        "stock Keras, bfloat16": Precision("bfloat16", recurrent=RECURRENT[cell]),
    }
    if has_bfloat16():
        precisions["textgen, bfloat16"] = backend.precision("bfloat16", cell)
    runners: dict[str, Callable[[], Any]] = {}
    for name, precision in precisions.items():
        runners[name] = partial(build_compiled(precision, settings, _SIZE).train_on_batch, ids, ids)
    reference = "stock Keras, float32"
    if cell == "lstm":
        reference = "torch.nn.LSTM, float32"
        runners[reference] = torch_char_rnn.make_step(batch, span, _SIZE, units)
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(_STEPS + 2):
        for name, run in runners.items():
            start = time.perf_counter()
            float(run())
            if number > 1:  # the first steps compile
                seconds[name].append(time.perf_counter() - start)
    rates = {name: batch * span / statistics.median(times) for name, times in seconds.items()}
    return [
        {
            "network": f"{cell.upper()} {','.join(map(str, units))}",
            "rows x characters": f"{batch} x {span}",
            "what": name,
            "ms": round(1000 * batch * span / rate, 1),
            "characters/s": round(rate),
            f"relative to {'torch' if cell == 'lstm' else 'Keras'}": round(
                rate / rates[reference], 2
            ),
        }
        for name, rate in rates.items()
    ]


if __name__ == "__main__":
    main()
