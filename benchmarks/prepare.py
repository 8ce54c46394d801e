"""Speed and peak memory of `textgen prepare` on large corpora: one process, and two on two cores.

Targets: at least 50 MB of text per second and core, less than 400 MB of memory whatever the size of
the corpus, and close to twice the speed with twice the processes.

    python -m benchmarks.prepare [--gigabytes 2] [--runs 3] [--directory DIR]
"""

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import report
from textgen.settings import CorpusConfig
from textgen.text.reading import read_text
from textgen.text.sources import demo_source

_MEGABYTE = 1_000_000
_PIECE = 8 * _MEGABYTE
_JOBS = (1, 2)
_SAMPLING_INTERVAL = 0.02  # seconds between two measurements of memory


def english(generator: random.Random) -> str:
    """Lines of documentation in random order."""
    text = "".join(piece for piece, _ in read_text(demo_source(), CorpusConfig()))
    lines = text.splitlines(keepends=True)
    return "".join(generator.choices(lines, k=_PIECE // 40))


def many_scripts(generator: random.Random) -> str:
    """Words of 3,000 CJK, Cyrillic and Greek characters and emoji among English ones."""
    letters = [chr(code) for code in (*range(0x4E00, 0x4E00 + 2600), *range(0x400, 0x450))]
    letters += [chr(code) for code in (*range(0x391, 0x3CA), *range(0x1F600, 0x1F640))]
    words = [
        "".join(generator.choices(letters, k=generator.randint(1, 6))) for _ in range(20_000)
    ] + english(generator)[:100_000].split()
    return " ".join(generator.choices(words, k=_PIECE // 10))


def write_corpus(path: Path, make: Callable[[random.Random], str], size: int) -> int:
    """Write a text of about `size` bytes; returns the number of bytes."""
    piece = make(random.Random(0)).encode()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(piece)
        return file.tell()


def measure(arguments: list[str], cores: int = 1) -> tuple[float, float]:
    """Run textgen on some cores: its seconds, and the peak memory of all processes in MB."""
    start = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "textgen", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
    )
    peak = 0
    while True:
        with contextlib.suppress(psutil.Error):
            processes = [process, *process.children()]
            peak = max(peak, sum(each.memory_info().rss for each in processes))
        try:
            status = process.wait(_SAMPLING_INTERVAL)
            break
        except psutil.TimeoutExpired:
            continue
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"textgen {' '.join(arguments)} ended with status {status}")
    return seconds, peak / _MEGABYTE


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where the corpora are written")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        full = int(options.gigabytes * 1e9)
        for label, make, size in (
            ("English", english, full // 100),
            ("English", english, full),
            ("many scripts", many_scripts, full),
        ):
            corpus = folder / "corpus.txt"
            size = write_corpus(corpus, make, size)
            output = folder / "prepared"
            runs: dict[int, list[tuple[float, float]]] = {jobs: [] for jobs in _JOBS}
            for _ in range(options.runs):
                for jobs, measurements in runs.items():
                    arguments = ["prepare", str(corpus), "-o", str(output), "--jobs", str(jobs)]
                    measurements.append(measure(arguments, jobs))
                    shutil.rmtree(output)
            medians = {
                jobs: statistics.median(run[0] for run in measurements)
                for jobs, measurements in runs.items()
            }
            for jobs, seconds in medians.items():
                rows.append(
                    {
                        "corpus": label,
                        "MB": round(size / _MEGABYTE),
                        "jobs": jobs,
                        "seconds": seconds,
                        "MB/s": size / _MEGABYTE / seconds,
                        "speed-up": medians[1] / seconds,
                        "peak memory MB": max(run[1] for run in runs[jobs]),
                    }
                )
    report.write(
        "prepare",
        report.describe_command("prepare"),
        rows,
        [
            f"Medians of {options.runs} runs of the whole program on as many cores as it has jobs, "
            "including start-up and fsync; runs with one job and with two alternate. Memory is the "
            f"sum over all processes, measured every {_SAMPLING_INTERVAL * 1000:g} ms, the largest "
            "of the runs; libraries that they share count once for each.",
        ],
    )


if __name__ == "__main__":
    main()
