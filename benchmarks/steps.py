"""Speed of training steps compared with torch.nn.LSTM in float32.

Targets at LSTM 512,512, 128 rows of 40 characters: 1.3 times its characters per second in the
fastest precision, and no fewer in float32. Also at sizes that training by time chooses. All run in
one process, alternately.

    python -m benchmarks.steps [--name steps-amx]
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
_STEPS = 12


def build_compiled(precision: Any, settings: Any, size: int) -> Any:
    """Build a network that trains in a `Precision`, from settings and the vocabulary's size.

    With Keras's layers its optimizer is Keras's, too.
    """
    import keras

    from textgen.compute.backend import Device
    from textgen.compute.backends import load
    from textgen.compute.layers.cpu_lstm import CpuLSTM
    from textgen.model.initial_weights import initial_weights

    backend = load(keras.backend.backend())(Device("cpu", "cpu"))
    network = backend.build_network(settings, size, precision, settings.training.batch_size)
    network.set_weights(initial_weights(settings.model, size, np.random.default_rng(0)))
    is_fast = issubclass(precision.recurrent, CpuLSTM)
    adamw = backend.adamw() if is_fast else keras.optimizers.AdamW
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(adamw(1e-3), loss)
    return network


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="steps", help="of the files with the results")
    name = parser.parse_args().name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = [row for shape in _SHAPES for row in _measure(*shape)]
    notes = [
        f"Medians of {_STEPS} alternating steps each; no dropout, AdamW. Target at LSTM 512,512: "
        "1.3 times torch.nn.LSTM in the fastest precision, and 1.0 in float32."
    ]
    report.write(name, report.describe_command("steps"), rows, notes)


def _measure(units: tuple[int, ...], batch: int, span: int) -> list[dict[str, Any]]:
    """Characters per second of each program and precision."""
    import keras

    from benchmarks import torch_char_rnn
    from textgen.compute.backend import Device, Precision
    from textgen.compute.backends import load
    from textgen.compute.layers.cpu_lstm import with_bfloat16_products
    from textgen.kernels.sequence import has_bfloat16
    from textgen.settings import resolve_settings

    settings = resolve_settings(
        {"units": units, "batch_size": batch, "maxlen": span, "dropout": 0.0, "epochs": 1}
    )
    ids = np.random.default_rng(0).integers(0, _SIZE, (batch, span)).astype(np.int32)
    cpu_lstm = load(keras.backend.backend())(Device("cpu", "cpu")).cpu_lstm
    precisions = {
        "textgen, float32": Precision("float32", recurrent=cpu_lstm),
        "stock Keras, float32": Precision("float32", recurrent=keras.layers.LSTM),
        "stock Keras, bfloat16": Precision("bfloat16", recurrent=keras.layers.LSTM),
    }
    if has_bfloat16():
        precisions["textgen, bfloat16"] = Precision(
            "bfloat16", recurrent=with_bfloat16_products(cpu_lstm)
        )
    runners: dict[str, Callable[[], Any]] = {}
    for name, precision in precisions.items():
        runners[name] = partial(build_compiled(precision, settings, _SIZE).train_on_batch, ids, ids)
    runners["torch.nn.LSTM, float32"] = torch_char_rnn.make_step(batch, span, _SIZE, units)
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
            "LSTM": ",".join(map(str, units)),
            "rows x characters": f"{batch} x {span}",
            "what": name,
            "characters/s": round(rate),
            "relative to torch": round(rate / rates["torch.nn.LSTM, float32"], 2),
        }
        for name, rate in rates.items()
    ]


if __name__ == "__main__":
    main()
