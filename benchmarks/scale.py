"""Corpora larger than memory: preparing and training under a memory limit of the system.

A text is prepared, and trained on for a given time, once small and once large, with the memory
that a process may have for data of its own (RLIMIT_DATA: heap and private mappings, not the pages
of files) limited to what the framework takes by itself and one gigabyte. Then one network steps
over both alternately, so that both speeds are of the same minutes (target: within 5 %). Then come
100,000 small files, 100,000 distinct characters, and standard input.

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
_BLOCKS, _BLOCK = 100, 20  # in which each stream goes past what one read brings
_NETWORK = [
    *("--units", "256", "--embedding", "64", "--maxlen", "64", "--validation", "0.01"),
    *("--precision", "float32"),  # auto could choose another one each time
]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--directory", type=Path, help="where the corpora may take their room")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        for label, size in (("small", _GIGABYTE // 50), ("large", options.gigabytes * _GIGABYTE)):
            text = folder / f"{label}.txt"
            written = write_corpus(text, english, int(size))
            made = folder / label
            ran = _run(["prepare", str(text), "-o", str(made)], _GIGABYTE)
            rows.append(_row(f"prepare, {label}", written, ran, written / ran["seconds"] / 1e6))
            if label == "large":
                ran = _run(["prepare", "-", "-o", str(folder / "piped")], _GIGABYTE, stdin=text)
                speed = written / ran["seconds"] / 1e6
                rows.append(_row("prepare, standard input", written, ran, speed))
                shutil.rmtree(folder / "piped")
            text.unlink()
            arguments = [*_NETWORK, "--time", f"{options.seconds:g}s", "--sample-length", "0"]
            model = folder / f"{label}-model"
            command = ["train", str(made), *arguments, "--model", str(model)]
            footprint = (
                max(row["data MB"] for row in rows if row["what"].startswith("train"))
                if (label == "large")
                else 0
            )
            ran = _run(command, int(footprint * 1e6) + _GIGABYTE if footprint else 0)
            rows.append(_row(f"train, {label}", written, ran, _speed(model)))
        prepared = [folder / "small", folder / "large"]
        steps = [_steps_in_turn(prepared, name) for name in ("float32", "bfloat16")]
        rows += _odd(folder)
    report.write(
        "scale",
        report.command("scale"),
        rows,
        [
            "Speed: MB of text per second in prepare, characters per second between validations in "
            "train. Data: the largest amount of memory of the kind that RLIMIT_DATA counts. "
            "`prepare` runs under a limit of 1 GB; training on the large corpus may take 1 GB more "
            "than training on the small one.",
            *chain(*(("", one) for one in steps)),
        ],
    )


def _speed(model: Path) -> float:
    """Characters per second of a training, between its reports; the most of them."""
    history = json.loads((model / "history.json").read_text(encoding="utf-8"))
    return max(float(one["characters_per_second"]) for one in history["epochs"])


def _steps_in_turn(prepared: list[Path], name: str) -> str:
    """Characters per second of one network on each corpus, in blocks of steps by turns."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.steps import compiled
    from textgen.compute.backends.keras_backend import KerasBackend
    from textgen.compute.runtime import start
    from textgen.settings import resolve_settings
    from textgen.text.prepared import open_prepared
    from textgen.training.batches import Batches

    backend = start("cpu", "tensorflow")
    assert isinstance(backend, KerasBackend)
    told = resolve_settings({"units": (256,), "maxlen": 64, "batch_size": 32, "epochs": 1})
    opened = [open_prepared(one) for one in prepared]
    size = max(one.vocabulary.size for one in opened)
    twin = compiled(backend.precision(name, "lstm"), told, size)
    epochs = [Batches(one.split(0.01)[0], told, backend, -1) for one in opened]
    twin.train_on_batch(*epochs[0].first()[:2])  # builds the network
    for file in prepared[-1].iterdir():  # so that it is read from the disk
        with file.open("rb") as ids:
            os.fsync(ids.fileno())
            os.posix_fadvise(ids.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    batches = [one.after(0) for one in epochs]
    taken = [0.0 for _ in batches]
    for _ in range(_BLOCKS):
        for place, source in enumerate(batches):
            began = time.perf_counter()
            for batch in islice(source, _BLOCK):
                twin.train_on_batch(batch.inputs, batch.targets)
            taken[place] += time.perf_counter() - began
    small, large = (_BLOCKS * _BLOCK * 32 * 64 / seconds for seconds in taken)
    return (
        f"Alternating steps of LSTM 256 in {name}, including reading, {_BLOCKS} blocks of {_BLOCK} "
        f"each: {small:,.0f} characters/s on the small corpus, {large:,.0f} on the large one, "
        f"read from the disk, including the first reads of its streams; a step takes "
        f"{small / large:.3f} times as long on it (target: 1.05 at most)."
    )


def _odd(folder: Path) -> list[dict[str, Any]]:
    """Many files, many characters."""
    rows = []
    many = folder / "many"
    for number in range(100):
        (many / str(number)).mkdir(parents=True)
        for one in range(1000):
            (many / str(number) / f"{one}.txt").write_text(f"File {one} of {number}.\n")
    size = sum(len(f"File {one} of {number}.\n") for number in range(100) for one in range(1000))
    ran = _run(["prepare", str(many), "-o", str(folder / "made-many")], _GIGABYTE)
    rows.append(_row("prepare, 100,000 files", size, ran, size / ran["seconds"] / 1e6))
    codes = [*range(0x20, 0xD800), *range(0xE000, 0x1FFFF)][:100_000]
    characters = [chr(code) for code in codes]
    random.Random(0).shuffle(characters)
    text = "".join(characters) * 20
    wide = folder / "wide.txt"
    wide.write_text(text, encoding="utf-8", newline="")
    size = wide.stat().st_size
    ran = _run(["prepare", str(wide), "-o", str(folder / "made-wide")], _GIGABYTE)
    rows.append(_row("prepare, 100,000 characters", size, ran, size / ran["seconds"] / 1e6))
    command = ["train", str(folder / "made-wide"), "--time", "60s", "--units", "64"]
    ran = _run([*command, "--model", str(folder / "wide-model")], 0)
    rows.append(_row("train, 100,000 characters", size, ran, _speed(folder / "wide-model")))
    return rows


def _row(what: str, size: int, ran: dict[str, float], speed: float) -> dict[str, Any]:
    return {
        "what": what,
        "MB": round(size / 1e6),
        "seconds": ran["seconds"],
        "speed": speed,
        "data MB": ran["data"],
        "limit MB": round(ran["limit"]) or "none",
    }


def _run(arguments: list[str], limit: int, stdin: Path | None = None) -> dict[str, float]:
    """Run textgen under a limit on its data: seconds, and the most data it had in MB."""

    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    began = time.perf_counter()
    feeder = subprocess.Popen(["cat", str(stdin or os.devnull)], stdout=subprocess.PIPE)
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", *arguments],
        stdin=feeder.stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )
    assert feeder.stdout is not None
    feeder.stdout.close()  # this process's end of it
    most = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, most))
    watcher.start()
    told = process.communicate()[1]
    watcher.join()
    feeder.wait()
    if process.returncode:
        raise SystemExit(f"textgen {' '.join(arguments)} ended with {process.returncode}: {told}")
    return {
        "seconds": time.perf_counter() - began,
        "data": most[0] / 1e6,
        "limit": limit / 1e6,
    }


def _watch(process: subprocess.Popen[str], most: list[float]) -> None:
    """Note the largest VmData of a process while it runs."""
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        found = re.search(r"VmData:\s+(\d+) kB", status)
        if found:
            most[0] = max(most[0], 1024 * float(found[1]))
        time.sleep(0.1)


if __name__ == "__main__":
    main()
