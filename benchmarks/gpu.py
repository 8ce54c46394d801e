"""Training steps on a GPU compared with torch.nn.LSTM, and the loss after three minutes.

Targets: at LSTM 512,512 and 1024,1024,1024 as many characters per second as torch.nn.LSTM with
cuDNN in the same run; on tinyshakespeare's last tenth, over windows of 256 characters, a loss close
to 1.4697, which a small GPT reached in about three minutes on one A100.

Each network is trained for a moment on each backend that sees a GPU, in each precision. The loss of
a step is read after the next one has started, as textgen does on GPUs; for torch.nn.LSTM, too. Then
`textgen train` runs on the fastest backend. Of several GPUs the first is used. If no backend sees
a GPU, the benchmark says so and measures nothing. With --device cpu it compares the backends on the
processor, reads each loss at once, and trains on each backend for the given time.

    python -m benchmarks.gpu tinyshakespeare.txt [--seconds 180]
    python -m benchmarks.gpu tinyshakespeare.txt --device cpu --networks 256 512,512 --seconds 60
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report, training

_PUBLISHED = 1.4697
_PRECISIONS = {"gpu": ("float32", "bfloat16", "float16"), "cpu": ("float32", "bfloat16")}
_ROWS, _SPAN, _SIZE = 128, 64, 65
_BACKENDS, _TORCH = ("tensorflow", "jax", "torch"), "torch.nn.LSTM"
_WARM_UP, _SECONDS = 5, 2.0  # steps that build the network, then seconds of steps
_ON_CPU = ("backend", "LSTM", "precision", "characters/s", "relative to torch")
_COLUMNS = {"gpu": (*_ON_CPU, "GPU busy", "note"), "cpu": _ON_CPU}
_NAMES = {"gpu": "gpu", "cpu": "backends"}
_BUSY = "nvidia-smi --id=0 --query-gpu=utilization.gpu --format=csv,noheader,nounits --loop-ms=100"

Step = Callable[[], Any]  # starts a step; `float` of its result is the loss
# From units and precision to a step, and why cuDNN is not used.
StepFactory = Callable[[tuple[int, ...], str], tuple[Step, str]]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--networks", nargs="*", default=["512,512", "1024,1024,1024"])
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--steps", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    if options.steps:
        _print_rows(options.steps, options.networks, options.device)
        return
    rows = [row for backend in _BACKENDS for row in _measure(options, backend)]
    measured = [row for row in rows if row["characters/s"]]
    if not measured:
        print("nothing could be measured:", *sorted({row["note"] for row in rows}), sep="\n")
        return
    reference_rows = [row for row in _measure(options, _TORCH) if row["characters/s"]]
    rates = {(row["LSTM"], row["precision"]): row["characters/s"] for row in reference_rows}
    for row in (*measured, *reference_rows):
        reference = rates.get((row["LSTM"], row["precision"]))
        row["relative to torch"] = round(row["characters/s"] / reference, 2) if reference else ""
    backends = [max(measured, key=lambda row: float(row["characters/s"]))["backend"]]
    if options.device == "cpu":
        backends = list(dict.fromkeys(row["backend"] for row in measured))
    notes = [
        f"On {measured[0]['device']}. {_ROWS} rows of {_SPAN} characters, embedding 64, no "
        "dropout, AdamW; compared with torch.nn.LSTM in the same precision.",
    ]
    for row in rows:
        if row not in measured:
            notes += ["", " ".join(map(str, row.values()))]
    for backend in backends:
        notes += ["", _train(options.corpus, options.seconds, backend, options.device)]
    table = [
        {name: row[name] for name in _COLUMNS[options.device]}
        for row in (*measured, *reference_rows)
    ]
    report.write(_NAMES[options.device], report.describe_command("gpu"), table, notes)


def _measure(options: argparse.Namespace, backend: str) -> list[dict[str, Any]]:
    """The rows of a backend, measured in a separate process."""
    command = [sys.executable, "-m", "benchmarks.gpu", str(options.corpus), "--steps", backend]
    command += ["--device", options.device, "--networks", *options.networks]
    process = subprocess.run(command, capture_output=True, text=True)
    rows = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode:
        last = (process.stderr.strip().splitlines() or [f"status {process.returncode}"])[-1]
        note = last.removeprefix("textgen.errors.TrainingError: ")
        rows.append({"backend": backend, "characters/s": 0, "note": note})
    print(*rows, sep="\n", file=sys.stderr, flush=True)
    return rows


def _print_rows(backend: str, networks: list[str], device: str) -> None:
    """Measure in this process, and print each row when it is measured."""
    name, make = _torch_steps(device) if backend == _TORCH else _textgen_steps(backend, device)
    for network in networks:
        for precision in _PRECISIONS[device]:
            row: dict[str, Any] = {"backend": backend, "LSTM": network, "precision": precision}
            try:
                step, row["note"] = make(tuple(map(int, network.split(","))), precision)
                row |= _time(step, device)
            except Exception as error:  # noqa: BLE001 such as a precision that it has no code for
                row |= {
                    "characters/s": 0,
                    "GPU busy": "",
                    "note": f"{type(error).__name__}: {error}",
                }
            print(json.dumps({**row, "device": name}), flush=True)


def _torch_steps(device: str) -> tuple[str, StepFactory]:
    import torch

    from benchmarks import torch_char_rnn

    torch_device = "cuda" if device == "gpu" else "cpu"

    def make(units: tuple[int, ...], precision: str) -> tuple[Step, str]:
        return torch_char_rnn.make_step(_ROWS, _SPAN, _SIZE, units, torch_device, precision), ""

    return torch.cuda.get_device_name(0) if device == "gpu" else "cpu", make


def _textgen_steps(backend: str, device: str) -> tuple[str, StepFactory]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from textgen.compute import runtime
    from textgen.compute.backend import Precision
    from textgen.model.initial_weights import initial_weights
    from textgen.settings import resolve_settings

    loaded = runtime.start(device, backend)
    ids = np.random.default_rng(0).integers(0, _SIZE, (_ROWS, _SPAN)).astype(np.int32)

    def make(units: tuple[int, ...], precision: str) -> tuple[Step, str]:
        settings = resolve_settings(
            {"units": units, "batch_size": _ROWS, "maxlen": _SPAN, "dropout": 0.0, "epochs": 1}
        )
        batch = ids, ids, np.ones(_ROWS, np.float32)
        resolved: Precision = loaded.choose_precision(settings, _SIZE, batch, precision)
        weights = initial_weights(settings.model, _SIZE, np.random.default_rng(0))
        trainer = loaded.create_trainer(settings, _SIZE, resolved, _ROWS, weights)
        return lambda: trainer.step(ids, ids, 1e-3), trainer.no_cudnn_reason

    return loaded.device.name, make


def _time(step: Step, device: str) -> dict[str, Any]:
    """Characters per second of training steps, and the GPU's busy share meanwhile."""
    for _ in range(_WARM_UP):
        float(step())
    monitor = _GpuMonitor() if device == "gpu" else None
    try:
        start, count = time.perf_counter(), 0
        pending: deque[Any] = deque()
        while time.perf_counter() - start < _SECONDS:
            pending.append(step())
            count += 1
            if device == "cpu" or len(pending) > 1:
                float(pending.popleft())
        for loss in pending:
            float(loss)
        rate = count * _ROWS * _SPAN / (time.perf_counter() - start)
    finally:
        busy = monitor.busy_share() if monitor else ""
    return {"characters/s": round(rate), "GPU busy": busy}


class _GpuMonitor:
    """Asks the driver which share of the time the GPU computes."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None
        with suppress(OSError):  # not NVIDIA's, or its tools are not installed
            self._program = subprocess.Popen(_BUSY.split(), stdout=subprocess.PIPE, text=True)

    def busy_share(self) -> str:
        if self._program is None:
            return "unknown"
        self._program.terminate()
        shares = [float(word) for word in self._program.communicate()[0].split() if word.isdigit()]
        return f"{statistics.mean(shares):.0f} %" if shares else "unknown"


def _train(corpus: Path, seconds: int, backend: str, device: str) -> str:
    """What `textgen train` reaches in a time."""
    with tempfile.TemporaryDirectory() as name:
        held_out = training.write_last_tenth(corpus, Path(name))
        where = ("--backend", backend, "--device", device)
        row = training.train_textgen(corpus, held_out, Path(name), seconds, *where)
    published = f"; published for a small GPT on an A100: {_PUBLISHED}" if device == "gpu" else ""
    return (
        f"`{row['what']}` in {seconds} s ({row['whole process s']:.0f} s in all, {row['passes']} "
        f"passes): {row['in order']} nats per character in order, {row['windows of 256']} over "
        f"windows of 256{published}."
    )


if __name__ == "__main__":
    main()
