"""Speed and peak memory of `textgen prepare` on large corpora: one process, and two on two cores.

Targets: at least 50 MB of text per second and core, less than 400 MB of memory whatever the size of
the corpus, and close to twice the speed with twice the processes. With subwords, at least 20 MB of
text per second of one processor's time, and as little memory.

    python -m benchmarks.prepare [--gigabytes 2] [--runs 3] [--directory DIR] [--tokens bpe]
                                 [FILE ...]

Files are repeated up to the size; without files there are made-up texts.
"""

import argparse
import base64
import contextlib
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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


def few_repeats(generator: random.Random) -> str:
    """Lines of base64, no word of which is there twice before the text is repeated."""
    return base64.encodebytes(generator.randbytes(_PIECE * 3 // 4)).decode()


def short_lines(generator: random.Random) -> str:
    """Lines of a word or two."""
    words = english(generator).split()
    return "".join(f"{word}\n" for word in words)


def write_corpus(path: Path, make: Callable[[random.Random], str], size: int) -> int:
    """Write a text of about `size` bytes; returns the number of bytes."""
    piece = make(random.Random(0)).encode()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(piece)
        return file.tell()


@dataclass(frozen=True)
class Run:
    """One run of the program.

    Attributes:
        seconds: How long it took.
        processor_seconds: How long processors worked for it, in all its processes.
        memory: The peak memory of all processes in MB.
    """

    seconds: float
    processor_seconds: float
    memory: float


def measure(arguments: list[str], cores: int = 1) -> Run:
    """Run textgen on some cores."""
    start, used = time.perf_counter(), _processor_seconds()
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
    return Run(seconds, _processor_seconds() - used, peak / _MEGABYTE)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where the corpora are written")
    parser.add_argument("--tokens", default="characters")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        for label, make, size, more in _list_texts(options):
            corpus, output = Path(name) / "corpus.txt", Path(name) / "prepared"
            size = write_corpus(corpus, make, size)
            runs: dict[int, list[Run]] = {jobs: [] for jobs in _JOBS}
            for _ in range(options.runs):
                for jobs, measurements in runs.items():
                    arguments = ["prepare", str(corpus), "-o", str(output), "--jobs", str(jobs)]
                    arguments += ["--tokens", options.tokens, *more]
                    measurements.append(measure(arguments, jobs))
                    shutil.rmtree(output)
            first = statistics.median(run.seconds for run in runs[1])
            for jobs, measurements in runs.items():
                seconds = statistics.median(run.seconds for run in measurements)
                used = statistics.median(run.processor_seconds for run in measurements)
                rows.append(
                    {
                        "corpus": label,
                        "MB": round(size / _MEGABYTE),
                        "jobs": jobs,
                        "seconds": seconds,
                        "MB/s": size / _MEGABYTE / seconds,
                        "MB per processor second": size / _MEGABYTE / used,
                        "speed-up": first / seconds,
                        "peak memory MB": max(run.memory for run in measurements),
                    }
                )
    command = report.describe_command("prepare")
    report.write(
        "prepare" if options.tokens == "characters" else "prepare-subwords",
        command,
        rows,
        [
            f"Medians of {options.runs} runs of the whole program on as many cores as it has jobs, "
            "including start-up and fsync; runs with one job and with two alternate. Memory is the "
            f"sum over all processes, measured every {_SAMPLING_INTERVAL * 1000:g} ms, the largest "
            "of the runs; libraries that they share count once for each.",
        ],
    )


def _list_texts(
    options: argparse.Namespace,
) -> list[tuple[str, Callable[[random.Random], str], int, list[str]]]:
    """Texts: name, function that makes a part, bytes, and options of `prepare`."""
    full = int(options.gigabytes * 1e9)
    if options.files:
        return [(path.stem, partial(_read, path), full, []) for path in options.files]
    texts: list[tuple[str, Callable[[random.Random], str], int, list[str]]] = [
        ("English", english, full // 100, []),
        ("English", english, full, []),
        ("many scripts", many_scripts, full, []),
    ]
    if options.tokens != "characters":
        texts += [
            ("few repeats", few_repeats, full, []),
            ("short lines as documents", short_lines, full // 10, ["--documents", "lines"]),
        ]
    return texts


def _read(path: Path, _: random.Random) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
