"""A GPU: steps beside torch.nn.LSTM, how busy it is, and what three minutes of training reach.

Asked: at LSTM 512,512 and 1024,1024,1024 as many characters per second as torch.nn.LSTM with cuDNN
in the same run; and on tinyshakespeare's last tenth, over windows of 256 characters, a loss beside
1.4697, which a small GPT reached in about three minutes on one A100.

Each network is trained for a moment on each backend that sees a GPU, in each precision, in a
process of its own; the loss of every step is read, as textgen does. Then `textgen train` runs on
the backend that was quickest. Of several GPUs the first is used. Where no backend sees one, it says
so and measures nothing. What --device cpu gives is printed only.

    python -m benchmarks.gpu tinyshakespeare.txt [--seconds 180]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report, training
from benchmarks.steps import compiled

_PUBLISHED = 1.4697
_PRECISIONS = ("float32", "bfloat16", "float16")
_ROWS, _SPAN, _SIZE = 128, 64, 65
_NO_GPU = ("sees no GPU", "is not installed")
_BUILD, _FOR = 5, 3.0  # steps that build the network, then seconds of steps
_BUSY = "nvidia-smi --id=0 --query-gpu=utilization.gpu --format=csv,noheader,nounits --loop-ms=100"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--networks", nargs="*", default=["512,512", "1024,1024,1024"])
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu: to try it")
    parser.add_argument("--steps", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    if options.steps:
        backend, network, precision = options.steps
        print(json.dumps(_steps(backend, network, precision, options.device)))
        return
    rows, unseen = [], {}
    for backend in ("tensorflow", "jax", "torch"):
        for network in options.networks:
            for precision in _PRECISIONS:
                if backend in unseen:
                    continue
                told = _measured(options, backend, network, precision)
                if any(sign in told.get("error", "") for sign in _NO_GPU):
                    unseen[backend] = told["error"]
                else:
                    rows.append(_row(backend, network, precision, told))
    seen = [row for row in rows if row["characters/s"]]
    if not seen:
        print("nothing could be measured:")
        print("\n".join([*unseen.values(), *(str(row["note"]) for row in rows)]))
        return
    for network in options.networks:
        for precision in _PRECISIONS:
            told = _measured(options, "plain", network, precision)
            rows.append(_row("torch.nn.LSTM", network, precision, told))
    quickest = max(seen, key=lambda row: float(row["characters/s"]))["backend"]
    notes = [
        f"{_ROWS} rows of {_SPAN} characters, embedding 64, no dropout, AdamW.",
        "",
        _trained(options.corpus, options.seconds, quickest, options.device),
    ]
    if options.device == "gpu":
        report.write("gpu", report.command("gpu"), rows, notes)
    else:
        print(*rows, *notes, sep="\n")


def _row(backend: str, network: str, precision: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "backend": backend,
        "LSTM": network,
        "precision": precision,
        "characters/s": round(told.get("rate", 0)),
        "busy": told.get("busy", ""),
        "device": told.get("device", ""),
        "note": told.get("error") or told.get("without_cudnn", ""),
    }


def _measured(
    options: argparse.Namespace, backend: str, network: str, precision: str
) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "benchmarks.gpu", str(options.corpus)]
    steps = ["--device", options.device, "--steps", backend, network, precision]
    done = subprocess.run([*command, *steps], capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        return {"error": lines[-1].removeprefix("textgen.errors.TrainingError: ")}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _steps(backend: str, network: str, precision: str, device: str) -> dict[str, Any]:
    """Characters per second of training steps, and the GPU's busy share meanwhile."""
    units = tuple(map(int, network.split(",")))
    without_cudnn, name = "", ""
    if backend == "plain":
        from benchmarks import torch_char_rnn

        on = "cuda" if device == "gpu" else "cpu"
        step = torch_char_rnn.stepping(_ROWS, _SPAN, _SIZE, units, on, precision)
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from textgen.config import settings
        from textgen.training import backend as backends

        found = backends.start(device, backend)
        name = found.name
        from textgen.training import cudnn
        from textgen.training import precision as precisions

        told = settings(
            {"units": units, "batch_size": _ROWS, "maxlen": _SPAN, "dropout": 0.0, "epochs": 1}
        )
        kind = precisions.float32(told, found)
        if precision != "float32":
            kind = precisions.narrow(precision, told, found)
        network_ = compiled(kind, told, _SIZE)
        ids = np.random.default_rng(0).integers(0, _SIZE, (_ROWS, _SPAN)).astype(np.int32)
        without_cudnn = cudnn.missing(network_, ids, "lstm", precision, found)

        def step() -> float:
            return float(network_.train_on_batch(ids, ids))

    for _ in range(_BUILD):
        step()
    watch = _Busy() if device == "gpu" else None
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < _FOR:
        step()
        count += 1
    rate = count * _ROWS * _SPAN / (time.perf_counter() - began)
    busy = watch.share() if watch else ""
    return {"rate": rate, "busy": busy, "without_cudnn": without_cudnn, "device": name}


class _Busy:
    """The share of time that the GPU computes, as its driver tells."""

    def __init__(self) -> None:
        self._told: subprocess.Popen[str] | None = None
        with suppress(OSError):  # not NVIDIA's, or its tools are not there
            self._told = subprocess.Popen(_BUSY.split(), stdout=subprocess.PIPE, text=True)

    def share(self) -> str:
        if self._told is None:
            return "unknown"
        self._told.terminate()
        shares = [float(one) for one in self._told.communicate()[0].split() if one.isdigit()]
        return f"{statistics.mean(shares):.0f} %" if shares else "unknown"


def _trained(corpus: Path, seconds: int, backend: str, device: str) -> str:
    """What `textgen train` reaches in a time."""
    with tempfile.TemporaryDirectory() as name:
        held_out = training.last_tenth(corpus, Path(name))
        where = ("--backend", backend, "--device", device)
        row = training.ours(corpus, held_out, Path(name), seconds, *where)
    return (
        f"`{row['what']}` in {seconds} s ({row['whole process s']:.0f} s in all, {row['passes']} "
        f"passes): {row['in order']} nats per character in order, {row['windows of 256']} over "
        f"windows of 256; published for a small GPT on an A100: {_PUBLISHED}."
    )


if __name__ == "__main__":
    main()
