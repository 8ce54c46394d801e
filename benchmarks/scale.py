"""Corpora larger than memory: preparing and training under a memory limit of the system.

A small and a large text are prepared and trained on for a given time. The private memory of the
process (RLIMIT_DATA: heap and private mappings, not the pages of files) is limited to what the
framework takes by itself and one gigabyte. Then one network trains on both by turns, which
measures both speeds in the same minutes (target: within 5 %). Then follow 100,000 small files,
100,000 distinct characters, and standard input.

    python -m benchmarks.scale [--gigabytes 5] [--seconds 90] [--directory DIR]
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from itertools import chain, islice
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.prepare import english, write_corpus

_GIGABYTE = 1_000_000_000
_BLOCKS, _BLOCK = 100, 20  # enough steps for several reads of each stream
_NETWORK = [
    *("--units", "256", "--embedding", "64", "--maxlen", "64", "--validation", "0.01"),
    *("--precision", "float32"),  # auto could choose another one each time
]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--directory", type=Path, help="where the corpora are written")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        for label, size in (("small", _GIGABYTE // 50), ("large", options.gigabytes * _GIGABYTE)):
            text = folder / f"{label}.txt"
            written = write_corpus(text, english, int(size))
            prepared = folder / label
            result = _run(["prepare", str(text), "-o", str(prepared)], _GIGABYTE)
            rows.append(
                _row(f"prepare, {label}", written, result, written / result["seconds"] / 1e6)
            )
            if label == "large":
                result = _run(["prepare", "-", "-o", str(folder / "piped")], _GIGABYTE, stdin=text)
                speed = written / result["seconds"] / 1e6
                rows.append(_row("prepare, standard input", written, result, speed))
                shutil.rmtree(folder / "piped")
            text.unlink()
            arguments = [*_NETWORK, "--time", f"{options.seconds:g}s", "--sample-length", "0"]
            model = folder / f"{label}-model"
            command = ["train", str(prepared), *arguments, "--model", str(model)]
            footprint = (
                max(row["data MB"] for row in rows if row["what"].startswith("train"))
                if (label == "large")
                else 0
            )
            result = _run(command, int(footprint * 1e6) + _GIGABYTE if footprint else 0)
            rows.append(_row(f"train, {label}", written, result, _read_speed(model)))
        corpora = [folder / "small", folder / "large"]
        steps = [_alternate_steps(corpora, name) for name in ("float32", "bfloat16")]
        rows += _measure_extremes(folder)
    report.write(
        "scale",
        report.describe_command("scale"),
        rows,
        [
            "Speed: MB of text per second in prepare, characters per second between validations in "
            "train. Data: the largest amount of memory of the kind that RLIMIT_DATA counts. "
            "`prepare` runs under a limit of 1 GB; training on the large corpus may take 1 GB more "
            "than training on the small one.",
            *chain(*(("", line) for line in steps)),
        ],
    )


def _read_speed(model: Path) -> float:
    """Characters per second of a training, between its validations; the highest value."""
    history = json.loads((model / "history.json").read_text(encoding="utf-8"))
    return max(float(row["characters_per_second"]) for row in history["epochs"])


def _alternate_steps(corpora: list[Path], precision: str) -> str:
    """Characters per second of one network on each corpus, in blocks of steps by turns."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.steps import build_compiled
    from textgen.compute.backends.keras_backend import KerasBackend
    from textgen.compute.runtime import start
    from textgen.settings import resolve_settings
    from textgen.text.prepared import open_prepared
    from textgen.training.batches import Batches
    from textgen.training.data import TrainingData

    backend = start("cpu", "tensorflow")
    assert isinstance(backend, KerasBackend)
    settings = resolve_settings({"units": (256,), "maxlen": 64, "batch_size": 32, "epochs": 1})
    prepared = [open_prepared(path) for path in corpora]
    size = max(corpus.vocabulary.size for corpus in prepared)
    network = build_compiled(backend.precision(precision, "lstm"), settings, size)
    texts = [TrainingData(*corpus.split(0.01), corpus.vocabulary) for corpus in prepared]
    readers = [Batches(text, settings, backend) for text in texts]
    network.train_on_batch(*readers[0].first()[:2])  # builds the network
    for file in corpora[-1].iterdir():  # then it is read from the disk
        with file.open("rb") as ids:
            os.fsync(ids.fileno())
            os.posix_fadvise(ids.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    batches = [reader.after(0) for reader in readers]
    seconds = [0.0 for _ in batches]
    for _ in range(_BLOCKS):
        for number, source in enumerate(batches):
            block_start = time.perf_counter()
            for batch in islice(source, _BLOCK):
                network.train_on_batch(batch.inputs, batch.targets)
            seconds[number] += time.perf_counter() - block_start
    small, large = (_BLOCKS * _BLOCK * 32 * 64 / duration for duration in seconds)
    return (
        f"Alternating steps of LSTM 256 in {precision}, including reading, {_BLOCKS} blocks of "
        f"{_BLOCK} each: {small:,.0f} characters/s on the small corpus, {large:,.0f} on the large "
        "one, read from the disk, including the first reads of its streams; a step takes "
        f"{small / large:.3f} times as long on it (target: 1.05 at most)."
    )


def _measure_extremes(folder: Path) -> list[dict[str, Any]]:
    """Many files, many characters."""
    rows = []
    many = folder / "many"
    for number in range(100):
        (many / str(number)).mkdir(parents=True)
        for index in range(1000):
            path = many / str(number) / f"{index}.txt"
            path.write_text(f"File {index} of {number}.\n")
    size = sum(
        len(f"File {index} of {number}.\n") for number in range(100) for index in range(1000)
    )
    result = _run(["prepare", str(many), "-o", str(folder / "many-prepared")], _GIGABYTE)
    rows.append(_row("prepare, 100,000 files", size, result, size / result["seconds"] / 1e6))
    codes = [*range(0x20, 0xD800), *range(0xE000, 0x1FFFF)][:100_000]
    characters = [chr(code) for code in codes]
    random.Random(0).shuffle(characters)
    text = "".join(characters) * 20
    wide = folder / "wide.txt"
    wide.write_text(text, encoding="utf-8", newline="")
    size = wide.stat().st_size
    result = _run(["prepare", str(wide), "-o", str(folder / "wide-prepared")], _GIGABYTE)
    rows.append(_row("prepare, 100,000 characters", size, result, size / result["seconds"] / 1e6))
    command = ["train", str(folder / "wide-prepared"), "--time", "60s", "--units", "64"]
    result = _run([*command, "--model", str(folder / "wide-model")], 0)
    rows.append(_row("train, 100,000 characters", size, result, _read_speed(folder / "wide-model")))
    return rows


def _row(what: str, size: int, result: dict[str, float], speed: float) -> dict[str, Any]:
    return {
        "what": what,
        "MB": round(size / 1e6),
        "seconds": result["seconds"],
        "speed": speed,
        "data MB": result["data"],
        "limit MB": round(result["limit"]) or "none",
    }


def _run(arguments: list[str], limit: int, stdin: Path | None = None) -> dict[str, float]:
    """Run textgen under a limit on its data: seconds, and the largest amount of data in MB."""

    def set_limit() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    start = time.perf_counter()
    feeder = subprocess.Popen(["cat", str(stdin or os.devnull)], stdout=subprocess.PIPE)
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", *arguments],
        stdin=feeder.stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=set_limit,
    )
    assert feeder.stdout is not None
    feeder.stdout.close()  # this process's end of the pipe
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    errors = process.communicate()[1]
    watcher.join()
    feeder.wait()
    if process.returncode:
        raise SystemExit(f"textgen {' '.join(arguments)} ended with {process.returncode}: {errors}")
    return {
        "seconds": time.perf_counter() - start,
        "data": peak[0] / 1e6,
        "limit": limit / 1e6,
    }


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    """Note the largest VmData of a process while it runs."""
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        match = re.search(r"VmData:\s+(\d+) kB", status)
        if match:
            peak[0] = max(peak[0], 1024 * float(match[1]))
        time.sleep(0.1)


if __name__ == "__main__":
    main()
