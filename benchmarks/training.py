"""The loss after a given time of training, compared with a plain PyTorch LSTM.

Targets, on tinyshakespeare's first nine tenths, measured on the whole last tenth, in nats per
character, in order with carried state and over windows of 256 characters from a zero state:

    96 s      1.54 and 1.58
    5 min     1.455 and 1.485
    11 min    1.44 and 1.4697
    60 min    1.40 and 1.43

    python -m benchmarks.training tinyshakespeare.txt [--seconds 96 300 ...] [--compare 96 300 ...]

The programs to compare with run right after textgen. Rows of earlier runs and of other processors
stay until they are measured again. Each row says on which processor it ran, and when.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report

_WINDOWS = 256


def write_last_tenth(corpus: Path, folder: Path) -> Path:
    """Write the held-out part of a text into a file."""
    text = corpus.read_text(encoding="utf-8")
    held_out = folder / "held-out.txt"
    held_out.write_text(text[len(text) * 9 // 10 :], encoding="utf-8")
    return held_out


def run_textgen(*arguments: object) -> str:
    """Run the program and return its standard output."""
    process = subprocess.run(
        [sys.executable, "-m", "textgen", *map(str, arguments)], capture_output=True, text=True
    )
    if process.returncode:
        raise SystemExit(process.stderr)
    return process.stdout


def train_textgen(
    corpus: Path, held_out: Path, folder: Path, seconds: int, *options: str
) -> dict[str, Any]:
    """Train by time from the command line and evaluate."""
    model = folder / "model"
    start = time.monotonic()
    run_textgen("train", corpus, "--time", f"{seconds}s", "--model", model, "--force", *options)
    elapsed = time.monotonic() - start
    losses = [
        json.loads(
            run_textgen("evaluate", held_out, "--model", model, "--format", "json", *context)
        )["loss"]
        for context in (("--context", "carry"), ("--windows", str(_WINDOWS)))
    ]
    settings = json.loads((model / "settings.json").read_text())
    passes = json.loads((model / "history.json").read_text())["epochs"][-1]["epoch"]
    units = ",".join(map(str, settings["model"]["units"]))
    name = f"textgen train {' '.join(options)}".strip()
    return _row(seconds, f"{name} (LSTM {units})", elapsed, passes, losses)


def train_torch(corpus: Path, seconds: int) -> dict[str, Any]:
    """Train the PyTorch LSTM for the same time, in a separate process."""
    start = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", str(corpus), "--torch", str(seconds)],
        capture_output=True,
        text=True,
        check=True,
    )
    losses = json.loads(process.stdout.splitlines()[-1])
    name = "PyTorch, LSTM 512,512, dropout 0.5"
    return _row(seconds, name, time.monotonic() - start, "", losses)


def run_torch(corpus: Path, seconds: int) -> None:
    """Train and evaluate in this process, and print the two losses; `train_torch` reads them."""
    from benchmarks import torch_char_rnn

    text = corpus.read_text(encoding="utf-8")
    characters = sorted(set(text))
    ids = np.array([characters.index(character) for character in text])
    cut = len(ids) * 9 // 10
    network = torch_char_rnn.train(ids[:cut], len(characters), seconds)
    print(json.dumps(torch_char_rnn.evaluate(network, ids[cut:], _WINDOWS)))


def _row(
    seconds: int, what: str, elapsed: float, passes: object, losses: list[float]
) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "what": what,
        "whole process s": elapsed,
        "passes": passes,
        "in order": round(losses[0], 4),
        f"windows of {_WINDOWS}": round(losses[1], 4),
        "on": report.describe_processor(),
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    }


def _row_key(row: dict[str, Any]) -> tuple[int, str, str]:
    """What a row measures, whatever size the network has."""
    return row["seconds"], row["on"], row["what"].split(" (LSTM")[0]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, nargs="*", default=[96, 300, 660, 3600])
    parser.add_argument("--compare", type=int, nargs="*", default=[96, 300, 660, 3600])
    parser.add_argument("--torch", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch:
        run_torch(options.corpus, options.torch)
        return
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held_out = write_last_tenth(options.corpus, folder)
        for seconds in options.seconds:
            rows.append(train_textgen(options.corpus, held_out, folder, seconds))
            if seconds in options.compare:
                example = ("--preset", "keras-example", "--sample-length", "0")
                rows.append(train_textgen(options.corpus, held_out, folder, seconds, *example))
                rows.append(train_torch(options.corpus, seconds))
    rows += [
        row for row in report.read_rows("training") if _row_key(row) not in map(_row_key, rows)
    ]
    report.write(
        "training",
        f"python -m benchmarks.training tinyshakespeare.txt --seconds "
        f"{' '.join(map(str, options.seconds))} --compare {' '.join(map(str, options.compare))}",
        sorted(rows, key=lambda row: (row["on"], row["seconds"])),
        [
            "Nats per character on the whole last tenth of "
            f"{len(options.corpus.read_text(encoding='utf-8')):,} characters; textgen keeps the "
            "weights with the lowest loss there, in order."
        ],
    )


if __name__ == "__main__":
    main()
