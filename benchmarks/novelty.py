"""Speed and peak memory of `textgen novelty` on large corpora, on one core.

Targets: 100 MB of text within a minute, in less than 1,000 MB of memory.

    python -m benchmarks.novelty [--megabytes 100] [--runs 3] [--directory DIR]

A model is trained on each corpus for half a minute, so that its samples resemble the corpus.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.prepare import english, many_scripts, measure
from textgen.settings import CorpusConfig
from textgen.text.reading import read_text
from textgen.text.sources import demo_source

_MEGABYTE = 1_000_000
_WORDS = 1 << 18
_TRAIN = ["--time", "30s", "--units", "64", "--maxlen", "32", "--validation", "0.1"]


def words(generator: random.Random) -> str:
    """Words of documentation in random order, each as often as there. No line occurs twice."""
    vocabulary = "".join(piece for piece, _ in read_text(demo_source(), CorpusConfig())).split()
    sequence = generator.choices(vocabulary, k=_WORDS)
    return "".join(f"{' '.join(sequence[n : n + 12])}\n" for n in range(0, _WORDS, 12))


def write(path: Path, make: Callable[[random.Random], str], size: int) -> int:
    """Write a text of about `size` bytes, all pieces different; returns the number of bytes."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            file.write(make(random.Random(number)).encode()[: size - file.tell() + 8])
            number += 1
        return file.tell()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where the corpora are written")
    options = parser.parse_args()
    full = options.megabytes * _MEGABYTE
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        corpus, model = Path(name, "corpus.txt"), Path(name, "model")
        for label, make, size in (
            ("words in random order", words, full // 10),
            ("words in random order", words, full),
            ("lines in random order, each many times", english, full),
            ("many scripts", many_scripts, full),
        ):
            size = write(corpus, make, size)
            train = ["train", str(corpus), "--model", str(model), "--force", *_TRAIN]
            subprocess.run(
                [sys.executable, "-m", "textgen", *train], check=True, stderr=subprocess.DEVNULL
            )
            command = ["novelty", "--model", str(model), "--format", "json"]
            output = subprocess.check_output([sys.executable, "-m", "textgen", *command], text=True)
            runs = [measure(command) for _ in range(options.runs)]
            unseen = json.loads(output)["unseen"]
            rows.append(
                {
                    "corpus": label,
                    "MB": round(size / _MEGABYTE),
                    "seconds": statistics.median(run.seconds for run in runs),
                    "peak memory MB": max(run.memory for run in runs),
                    "16-grams of unseen text found": f"{unseen['shares']['16']:.1%}",
                }
            )
    report.write(
        "novelty",
        report.describe_command("novelty"),
        rows,
        [
            f"Medians of {options.runs} runs of the whole process on one core, including start-up "
            "and the generation of 40 samples of 1,000 characters; memory is the largest of the "
            "runs. It searches for those samples and for 20,000 characters of unseen text."
        ],
    )


if __name__ == "__main__":
    main()
