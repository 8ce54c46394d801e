"""The loss after a given time of training, compared with a plain PyTorch LSTM.

Targets, on tinyshakespeare's first nine tenths, measured on the whole last tenth, in nats per
character, in order with carried state and over windows of 256 characters from a zero state:

    96 s      1.54 and 1.58
    5 min     1.455 and 1.485
    11 min    1.44 and 1.4697
    60 min    1.40 and 1.43

    python -m benchmarks.training tinyshakespeare.txt [--seconds 96 300 ...] [--compare 96 300 ...]

The programs to compare with run right after ours. Rows of earlier runs, and of other processors,
stay until they are run again; each says on what processor it ran, and when.
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


def last_tenth(corpus: Path, folder: Path) -> Path:
    """The part of a text that is held out, as a file."""
    text = corpus.read_text(encoding="utf-8")
    held_out = folder / "held-out.txt"
    held_out.write_text(text[len(text) * 9 // 10 :], encoding="utf-8")
    return held_out


def textgen(*arguments: object) -> str:
    """Run the program; what it writes to standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "textgen", *map(str, arguments)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def ours(corpus: Path, held_out: Path, folder: Path, seconds: int, *more: str) -> dict[str, Any]:
    """Train by time from the command line and evaluate."""
    model = folder / "model"
    began = time.monotonic()
    textgen("train", corpus, "--time", f"{seconds}s", "--model", model, "--force", *more)
    taken = time.monotonic() - began
    losses = [
        json.loads(textgen("evaluate", held_out, "--model", model, "--format", "json", *how))[
            "loss"
        ]
        for how in (("--context", "carry"), ("--windows", str(_WINDOWS)))
    ]
    trained = json.loads((model / "settings.json").read_text())
    passes = json.loads((model / "history.json").read_text())["epochs"][-1]["epoch"]
    units = ",".join(map(str, trained["model"]["units"]))
    name = f"textgen train {' '.join(more)}".strip()
    return _row(seconds, f"{name} (LSTM {units})", taken, passes, losses)


def theirs(corpus: Path, seconds: int) -> dict[str, Any]:
    """The PyTorch LSTM for the same time, in a process of its own."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", str(corpus), "--torch", str(seconds)],
        capture_output=True,
        text=True,
        check=True,
    )
    losses = json.loads(done.stdout.splitlines()[-1])
    name = "PyTorch, LSTM 512,512, dropout 0.5"
    return _row(seconds, name, time.monotonic() - began, "", losses)


def torch_alone(corpus: Path, seconds: int) -> None:
    """What `theirs` runs: train, evaluate, print the two losses."""
    from benchmarks import torch_char_rnn

    text = corpus.read_text(encoding="utf-8")
    characters = sorted(set(text))
    ids = np.array([characters.index(one) for one in text])
    cut = len(ids) * 9 // 10
    network = torch_char_rnn.train(ids[:cut], len(characters), seconds)
    print(json.dumps(torch_char_rnn.evaluate(network, ids[cut:], _WINDOWS)))


def _row(
    seconds: int, what: str, taken: float, passes: object, losses: list[float]
) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "what": what,
        "whole process s": taken,
        "passes": passes,
        "in order": round(losses[0], 4),
        f"windows of {_WINDOWS}": round(losses[1], 4),
        "on": report.processor(),
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    }


def _told(row: dict[str, Any]) -> tuple[int, str, str]:
    """What a row is about, whatever size the network had."""
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
        torch_alone(options.corpus, options.torch)
        return
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held_out = last_tenth(options.corpus, folder)
        for seconds in options.seconds:
            rows.append(ours(options.corpus, held_out, folder, seconds))
            if seconds in options.compare:
                example = ("--preset", "keras-example", "--sample-length", "0")
                rows.append(ours(options.corpus, held_out, folder, seconds, *example))
                rows.append(theirs(options.corpus, seconds))
    rows += [row for row in report.before("training") if _told(row) not in map(_told, rows)]
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
