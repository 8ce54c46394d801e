"""Documents: what training on documents and labels gives, and what it costs.

`loss` trains on the same nine tenths of a list in the same time as one continuous text, a line for
each document, in the order of the file; as documents; and as documents with labels. The last tenth
is a random one, the same for all, and each of its documents is scored by itself: as a text from
line end to line end, or from its start to its document end, so every row predicts the same
characters and ends. Then 200 documents for each label are generated, and naive Bayes over words,
trained on all documents, tells how many have their label; the same share is given for held-out
documents with naive Bayes trained on the rest.

A start is derailed if its loss is above three times the median of all: from the beginning of
documents, and from places of the 300 most frequent words, over the characters 17 to 128.

`speed` times training steps on documents and on the same list as continuous text, in turn.
`large` prepares ten million lines and takes the first training step.

    python -m benchmarks.documents loss titles.csv --column title --label forum --seeds 0 1 2
    python -m benchmarks.documents loss names.txt --seeds 0 1 2
    python -m benchmarks.documents speed titles.csv --column title --label forum
    python -m benchmarks.documents large
"""

import argparse
import contextlib
import csv
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import textgen
from benchmarks import report

Rows = list[tuple[str, str]]  # text and label of each document

_SAMPLES = 200  # for each label
_READ, _SKIPPED, _SHORTEST = 128, 16, 24  # characters of a start; not counted; needed
_PLACES = 7  # of each word
_STEPS = 4  # timed together


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["loss", "speed", "large"])
    parser.add_argument("list", nargs="?", type=Path)
    parser.add_argument("--column", help="of a CSV file")
    parser.add_argument("--label", help="column of a CSV file")
    parser.add_argument("--separator", help="between the documents of a text; default: a line end")
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--runs", type=int, default=200, help="blocks of steps to time")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--documents", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.part == "large":
            _measure_large(Path(folder), options.documents)
            return
        rows = _read_list(options.list, options.column, options.label, options.separator)
        if options.part == "speed":
            _measure_speed(Path(folder), rows, options)
        else:
            _measure_loss(Path(folder), rows, options)


def _read_list(path: Path, column: str | None, label: str | None, separator: str | None) -> Rows:
    """The documents of a list with their labels, those with a line end made one line."""
    text = path.read_text(encoding="utf-8")
    if column is None:
        texts = text.split(separator.encode().decode("unicode_escape") if separator else "\n")
        rows = [(" ".join(text.split()), "") for text in texts]
    else:
        table = csv.DictReader(text.splitlines(keepends=True))
        rows = [(" ".join(row[column].split()), row[label] if label else "") for row in table]
    return [row for row in rows if row[0]]


def _measure_loss(folder: Path, rows: Rows, options: argparse.Namespace) -> None:
    held_out = set(random.Random(0).sample(range(len(rows)), len(rows) // 10))
    known = [row for number, row in enumerate(rows) if number not in held_out]
    unseen = [rows[number] for number in sorted(held_out)]
    has_labels = len({label for _, label in rows}) > 1
    ways = ["continuous", "documents", *(["documents with labels"] if has_labels else [])]
    results = []
    for seed in options.seeds:
        for way in ways:
            model = folder / "model"
            _train(folder, known, way, model, [f"--time={options.time}", f"--random-seed={seed}"])
            results.append(
                {
                    "list": options.list.name,
                    "way": way,
                    "seed": seed,
                    **_evaluate(model, rows, unseen, way),
                }
            )
            print(json.dumps(results[-1]), flush=True)
    report.write(
        f"documents-{options.list.stem.replace('_', '-')}",
        report.describe_command("documents"),
        results,
        [
            "Loss: nats per character of held-out documents, their ends included, each read by "
            "itself. Ended: generated documents that end by themselves at temperature 1, of at "
            "most 1,000 characters. Copied: those that are a training document.",
        ],
    )


def _train(folder: Path, rows: Rows, way: str, model: Path, length: Sequence[str]) -> str:
    """Train in a separate process; returns what it printed."""
    words = ["train", "--model", str(model), "--force", "--sample-length=0", *length]
    list_path, table_path = _write_list(folder, rows)
    if way == "continuous":
        words += [str(list_path), "--documents=none"]
    else:
        words += [str(table_path), "--column=text", *(["--label=label"] if "labels" in way else [])]
    return run(words)


def run(words: Sequence[str]) -> str:
    command = [sys.executable, "-m", "textgen", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout + done.stderr


def _evaluate(model: Path, rows: Rows, unseen: Rows, way: str) -> dict[str, Any]:
    sampler = textgen.load(model)
    total = nats = 0.0
    for text, label in unseen:
        logs = _score(sampler, text, label, way)
        nats -= float(logs.sum())
        total += len(logs)
    epochs = json.loads((model / "history.json").read_bytes())["epochs"]
    starts, derailed = count_derailed(sampler, [text for text, _ in rows], way)
    return {
        "passes": epochs[-1]["epoch"],
        "validation": min(epoch["validation_loss"] for epoch in epochs),
        "loss": nats / total,
        "starts": starts,
        "derailed": derailed,
        **_generate(model, rows, unseen, way),
    }


def _score(sampler: textgen.Sampler, text: str, label: str, way: str) -> Any:
    """The log-probabilities of a document's characters and of its end."""
    known = "".join(c for c in text if sampler.vocabulary.encode(c)[0] >= 0)
    if way == "continuous":
        return sampler.logprobs(f"\n{known}\n")
    if "labels" in way:
        return sampler.logprobs(known, label=label)
    return sampler.logprobs(known)


def count_derailed(sampler: textgen.Sampler, texts: Sequence[str], way: str) -> tuple[int, int]:
    """How many starts there are, and how many derail."""
    generator = random.Random(0)
    pieces = [text[:_READ] for text in generator.sample(texts, min(1000, len(texts)))]
    places: dict[str, list[str]] = {}
    for text in texts:
        for match in re.finditer(r"\w{2,}", text):
            places.setdefault(match[0], []).append(text[match.start() : match.start() + _READ])
    for word in sorted(places, key=lambda word: -len(places[word]))[:300]:
        pieces += generator.sample(places[word], min(_PLACES, len(places[word])))
    shortest = _SHORTEST if statistics.median(map(len, texts)) > _SHORTEST else 4
    skipped = _SKIPPED if shortest == _SHORTEST else 0
    losses = []
    for piece in pieces:
        if len(piece) >= shortest:
            logs = _score(sampler, piece, "", "continuous" if way == "continuous" else "documents")
            losses.append(-float(logs[skipped:-1].mean()))
    median = statistics.median(losses)
    return len(losses), sum(loss > 3 * median for loss in losses)


def _generate(model: Path, rows: Rows, unseen: Rows, way: str) -> dict[str, Any]:
    """What generated documents are like."""
    figures: dict[str, Any] = {"ended": "", "copied": "", "right label": "", "of real ones": ""}
    if way == "continuous":
        return figures
    labels = sorted({label for _, label in rows}) if "labels" in way else [""]
    known = {text for text, _ in rows} - {text for text, _ in unseen}
    documents = []
    for label in labels:
        words = ["sample", "--model", str(model), f"--samples={_SAMPLES}", "--length=1000"]
        words += ["--temperature=1", "--random-seed=0", "--format=jsonl"]
        lines = run([*words, *([f"--label={label}"] if label else [])]).splitlines()
        documents += [(json.loads(line), label) for line in lines if line.startswith("{")]
    figures["ended"] = sum(item["complete"] for item, _ in documents) / len(documents)
    figures["copied"] = sum(item["text"] in known for item, _ in documents) / len(documents)
    if "labels" in way:
        generated = [(item["text"], label) for item, label in documents]
        figures["right label"] = _share_right(NaiveBayes(rows), generated)
        others = [row for row in rows if row[0] not in {text for text, _ in unseen}]
        figures["of real ones"] = _share_right(NaiveBayes(others), unseen)
    return figures


def _share_right(classifier: "NaiveBayes", rows: Rows) -> float:
    return sum(classifier.classify(text) == label for text, label in rows) / len(rows)


class NaiveBayes:
    """Naive Bayes over the words of texts, with one added to each count."""

    def __init__(self, rows: Rows):
        self._counts: dict[str, Counter[str]] = {}
        self._documents = Counter(label for _, label in rows)
        for text, label in rows:
            self._counts.setdefault(label, Counter()).update(_words(text))
        self._size = len({word for counts in self._counts.values() for word in counts})

    def classify(self, text: str) -> str:
        """The most probable label."""

        def score(label: str) -> float:
            counts = self._counts[label]
            total = counts.total() + self._size
            words = sum(math.log((counts[word] + 1) / total) for word in _words(text))
            return math.log(self._documents[label]) + words

        return max(self._documents, key=score)


def _words(text: str) -> Iterable[str]:
    return re.findall(r"\w+", text.lower())


def _measure_speed(folder: Path, rows: Rows, options: argparse.Namespace) -> None:
    """Time training steps in turn, blocks of four, in one process."""
    from textgen.compute import runtime
    from textgen.settings import resolve_settings
    from textgen.text.documents.index import TRAINING
    from textgen.text.prepare import prepare
    from textgen.training.batches import Batches
    from textgen.training.data import TrainingData

    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    runtime.check(name, None)
    backend = runtime.start("cpu", name)
    list_path, table_path = _write_list(folder, rows)
    ways: dict[str, Any] = {
        "continuous": (list_path, {"documents": "none"}),
        "documents": (list_path, {"documents": "lines"}),
    }
    if options.label:
        reading = {"column": "text", "label": "label"}
        ways["documents with labels"] = (table_path, reading)
    steps: dict[str, Any] = {}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with backend.session(), backend.seeded(0):
        for way, (path, reading) in ways.items():
            prepared = prepare(path, folder / "prepared", force=True, **reading)
            documents = prepared.documents
            labels = documents.labels if documents else None
            settings = resolve_settings(
                {
                    "units": (256,),
                    "maxlen": 64,
                    "batch_size": 32,
                    "epochs": 1,
                    "precision": options.precision,
                    "state_reset": 0.0,
                    "has_document_end": documents is not None,
                    "label_sizes": labels.sizes if labels else (),
                }
            )
            part = documents.part(TRAINING) if documents else None
            data = TrainingData(*prepared.split(0.1), prepared.vocabulary, part)
            batches, size = Batches(data, settings, backend), prepared.vocabulary.size
            model = backend.create_model(settings, size)
            precision = backend.precision(options.precision, "lstm")  # type: ignore[attr-defined]
            trainer = backend.create_trainer(
                settings, size, precision, batches.rows, model.weights()
            )
            steps[way] = trainer, batches.after(0)
        for block in range(-2, options.runs):
            for way in list(ways)[:: 1 if block % 2 else -1]:
                trainer, batches = steps[way]
                start = time.perf_counter()
                for _ in range(_STEPS):
                    batch = next(batches)
                    float(trainer.step(batch.inputs, batch.targets, 1e-3))
                trainer.settle()
                if block >= 0:
                    seconds[way].append((time.perf_counter() - start) / _STEPS)
    ratios = {
        way: [a / b for a, b in zip(values, seconds["continuous"], strict=True)]
        for way, values in seconds.items()
    }
    report.write(
        f"documents-speed-{options.list.stem.replace('_', '-')}-{name}",
        report.describe_command("documents"),
        [
            {
                "way": way,
                "backend": name,
                "milliseconds of a step": 1000 * statistics.median(seconds[way]),
                "to continuous, median of pairs": statistics.median(ratios[way]),
            }
            for way in ways
        ],
        [f"LSTM 256, 32 streams of 64 characters, {options.precision}; batches included."],
    )


def _write_list(folder: Path, rows: Rows) -> tuple[Path, Path]:
    """The documents as lines, and as a table."""
    list_path, table_path = folder / "list.txt", folder / "list.csv"
    list_path.write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
    with table_path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return list_path, table_path


def _measure_large(folder: Path, documents: int) -> None:
    """Prepare lists of lines, and train on each for an instant."""
    results = []
    for count in (10_000, documents):
        path, prepared = folder / "lines.txt", folder / "prepared"
        _write_lines(path, count)
        for name, words in (
            ("prepare", ["prepare", path, "--documents=lines", "-o", prepared, "--force"]),
            ("train", ["train", prepared, "--model", folder / "model", "--time=40s", "--force"]),
        ):
            start = time.monotonic()
            if name == "train":
                words.append("--units=256")
            own, mapped = _run_measured(list(map(str, words)))
            results.append(
                {
                    "command": name,
                    "documents": count,
                    "megabytes": round(path.stat().st_size / 1e6),
                    "seconds": time.monotonic() - start,
                    "own megabytes": own,
                    "mapped megabytes": mapped,
                }
            )
            print(json.dumps(results[-1]), flush=True)
    report.write(
        "documents-large",
        report.describe_command("documents"),
        results,
        [
            "Lines of 20 to 100 characters. Own: the peak of the process's anonymous memory. "
            "Mapped: that of pages of files, its libraries and the corpus, which the system drops "
            "when it needs memory. prepare is the process that started the others.",
        ],
    )


def _write_lines(path: Path, count: int) -> None:
    generator = np.random.default_rng(0)
    letters = np.frombuffer(b"etaoinshrdlu     ", np.uint8)
    with path.open("wb") as file:
        for first in range(0, count, 100_000):
            lengths = generator.integers(20, 101, min(count - first, 100_000))
            text = generator.choice(letters, int(lengths.sum() + len(lengths)))
            text[np.cumsum(lengths + 1) - 1] = ord("\n")
            file.write(text.tobytes())


def _run_measured(words: list[str]) -> tuple[int, int]:
    """The most memory that a command used, in megabytes: its own, and mapped files."""
    command = [sys.executable, "-m", "textgen", *words]
    own = mapped = 0
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                memory = psutil.Process(process.pid).memory_info()
                own = max(own, memory.rss - memory.shared)
                mapped = max(mapped, memory.shared)
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: failed")
    return round(own / 1e6), round(mapped / 1e6)


if __name__ == "__main__":
    main()
