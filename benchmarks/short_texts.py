"""Whether the automatic settings are good for short texts: compared with the rules before them.

A part of each text is learned, and the loss is that of 20,000 other characters from its end: the
last tenth of 2 kB, which chooses the best epoch, is too short to tell two trainings apart. The
random seed also chooses the part. Lists are learned as documents, one per line. The lines of a list
and the modules of a program must be in random order, so that both parts are of the same kind.

    python -m benchmarks.short_texts verse.txt code.txt --lists names.txt titles.txt
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import report
from textgen import train
from textgen.analysis.evaluation import evaluate
from textgen.compute import runtime
from textgen.model.model_dir import read_model

_HELD_OUT = 20_000  # characters
_EPOCHS = 60  # also of the rules before, by which half a minute made of 2 kB a thousand


def cut_parts(text: str, characters: int, seed: int) -> tuple[str, str]:
    """A part to learn from and a part to measure the loss of, both of whole lines."""
    lines = text[:-_HELD_OUT].splitlines(keepends=True)
    lengths = len(text) - _HELD_OUT - characters
    start, position = seed * lengths // 2, 0
    learned = ""
    for line in lines:
        if position >= start and len(learned) < characters:
            learned += line
        position += len(line)
    return learned, text[-_HELD_OUT:].partition("\n")[2]


def list_ways(characters: int) -> dict[str, dict[str, Any]]:
    """Settings to change, by the name of the way."""
    learned = 0.9 * characters
    units = max(64, 32 * int(0.77 * learned**0.5 / 32 + 0.5))
    before = {"epochs": _EPOCHS, "units": units, "noise": 0.005, "weight_decay": 0.01}
    return {"rules": {}, "rules before": before}


def measure(text: str, size: int, seed: int, options: dict[str, Any], folder: Path) -> Any:
    """Train on a part of a text and measure the loss of another one."""
    corpus, held_out, model = folder / "corpus.txt", folder / "held-out.txt", folder / "model"
    for path, part in zip((corpus, held_out), cut_parts(text, size, seed), strict=True):
        path.write_text(part, encoding="utf-8", newline="")
    train([str(corpus)], model=model, force=True, sample_length=0, random_seed=seed, **options)
    record = read_model(model).record
    settings, epochs = record.settings, record.history["epochs"]
    best = min(epochs, key=lambda epoch: epoch["validation_loss"])
    return {
        "units": settings.model.units[0],
        "noise": settings.training.noise,
        "weight decay": settings.training.weight_decay,
        "passes": epochs[-1]["epoch"],
        "best pass": best["epoch"],
        "training loss": round(best["loss"], 3),
        "validation loss": round(best["validation_loss"], 3),
        "held-out loss": round(evaluate([held_out], model).loss, 3),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="*", type=Path)
    parser.add_argument("--lists", nargs="*", type=Path, default=[])
    parser.add_argument("--sizes", nargs="+", type=int, default=[2, 10, 30], help="in kB")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    options = parser.parse_args()
    runtime.start("cpu")
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for size in options.sizes:
            for path in [*options.texts, *options.lists]:
                text = path.read_text(encoding="utf-8")
                documents = "lines" if path in options.lists else "none"
                for way, changes in list_ways(1000 * size).items():
                    for seed in options.seeds:
                        job = {**changes, "documents": documents}
                        figures = measure(text, 1000 * size, seed, job, Path(directory))
                        rows.append(
                            {"text": path.stem, "kB": size, "way": way, "seed": seed, **figures}
                        )
                        print(rows[-1], flush=True)
    keys = [(row["kB"], row["text"], row["seed"]) for row in rows]
    for row in report.read_rows("short-texts"):  # of other parts of the benchmark
        if (row["kB"], row["text"], row["seed"]) not in keys:
            rows.append(row)
    rows.sort(key=lambda row: (row["kB"], row["text"], row["way"], row["seed"]))
    report.write(
        "short-texts",
        report.describe_command("short_texts"),
        rows,
        [
            "Nats per character (of lists also per end of a document), of the weights with the "
            f"lowest validation loss. Rules before: by time; here {_EPOCHS} passes, because the "
            "half minute that they took is far too much for 2 and 10 kB."
        ],
    )


if __name__ == "__main__":
    main()
