"""How a default model starts: from a zero state at many places of its text, and at documents.

For each text, time and random seed a model is trained in its own process, as `textgen train --time`
does. Then it starts from a zero state at a thousand line starts and at places of the 300 most
frequent words, and reads the next 128 characters. A start whose loss over characters 17 to 128 is
above three times the median of all has derailed: the network is in a state that it never learned to
leave.

For a list of documents with a line `%` after each, it also reports how the first characters of 200
texts that the model generates from `%` and a line end are distributed (total variation distance
from all documents, and that of 200 documents drawn at random), and the loss of characters 1 to 8 of
held-out documents from a zero state and with 300 characters of context.

    python -m benchmarks.starts shakespeare.txt c.txt quotations.txt --seconds 60 120 --seeds 0 1 2
    python -m benchmarks.starts shakespeare.txt --seconds 60 --seeds 0 1 2 3 4 --paired
    python -m benchmarks.starts shakespeare.txt --epochs 1 --characters 150000 --options cell=gru
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import report
from textgen.analysis.evaluation import evaluate
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network
from textgen.settings import Decoding

_END = "\n%\n"  # of a document
_START = "%\n"
_READ, _SKIPPED = 129, 16  # characters of a start, and how many of them do not count
_CONTEXT, _FIRST = 300, 8
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--seconds", nargs="*", type=int, default=[])
    parser.add_argument("--epochs", nargs="*", type=int, default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--characters", type=int, help="of each text, from its beginning")
    parser.add_argument("--paired", action="store_true", help="also train without resets")
    parser.add_argument("--options", nargs="*", default=[], help="of textgen train: cell=gru")
    parser.add_argument("--name", default="starts")
    options = parser.parse_args()
    lengths = [("time", f"{seconds}s") for seconds in options.seconds]
    lengths += [("epochs", str(epochs)) for epochs in options.epochs]
    variants = [[], ["--state-reset=0"]] if options.paired else [[]]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in options.texts:
            text = path.read_text(encoding="utf-8")[: options.characters]
            corpus = Path(folder) / path.name
            corpus.write_text(text, encoding="utf-8")
            for length in lengths:
                for seed in options.seeds:
                    for variant in variants:
                        words = [f"--{option}" for option in options.options] + variant
                        model = _train(corpus, Path(folder) / "model", length, seed, words)
                        rows.append(
                            {
                                "text": path.name,
                                length[0]: length[1],
                                "seed": seed,
                                **({"resets": not variant} if options.paired else {}),
                                **_measure(model, text),
                            }
                        )
                        print(json.dumps(rows[-1]), flush=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    report.write(
        options.name,
        report.describe_command("starts"),
        [{name: row.get(name, "") for name in names} for row in rows],
        [
            "In order and windows: validation loss in nats per character, read in order with "
            "carried state, and over windows of 256 characters from a zero state. Worst: the "
            "highest loss of a start, in medians.",
            "",
            "For lists of documents: the distance of the first characters of 200 generated texts "
            "from those of all documents, the same for 200 real documents, and the loss of "
            "characters 1 to 8 of held-out documents from a zero state and with 300 characters of "
            "context.",
        ],
    )


def _train(
    corpus: Path, model: Path, length: tuple[str, str], seed: int, options: list[str]
) -> Path:
    words = ["train", str(corpus), "--model", str(model), "--force", "--quiet"]
    words += [f"--{length[0]}={length[1]}", f"--random-seed={seed}", "--sample-length=0", *options]
    subprocess.run([sys.executable, "-m", "textgen", *words], check=True)
    return model


def _measure(model: Path, text: str) -> dict[str, Any]:
    trained = model_dir.read_model(model)
    network, vocabulary = trained.network(), trained.record.vocabulary
    ids = vocabulary.encode(text)
    last = trained.record.history["epochs"][-1]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as held_out:
        held_out.write(text[len(text) * 9 // 10 :][:110_000])
        held_out.flush()
        windows = evaluate([held_out.name], model, windows=256).loss
    losses = _measure_losses(network, ids, _list_starts(text), _READ)[:, _SKIPPED:].mean(axis=1)
    median = float(np.median(losses))
    return {
        "units": ",".join(map(str, trained.record.settings.model.units)),
        "passes": last["epoch"],
        "in order": last["validation_loss"],
        "windows": windows,
        "starts": len(losses),
        "derailed": int((losses > 3 * median).sum()),
        "worst": float(losses.max()) / median,
        **(_measure_documents(trained, ids, text) if text.count(_END) > 500 else {}),
    }


def _list_starts(text: str) -> list[int]:
    """A thousand line starts, and places of the most frequent words."""
    starts = [match.end() for match in re.finditer("\n", text)]
    starts = starts[:: max(1, len(starts) // 1000)][:1000]
    places: dict[str, list[int]] = {}
    for match in re.finditer(r"\w{2,}", text):
        places.setdefault(match[0], []).append(match.start())
    for word in sorted(places, key=lambda word: -len(places[word]))[:300]:
        starts += places[word][:: max(1, len(places[word]) // 7)][:7]
    return [start for start in starts if start + _READ <= len(text)]


def _measure_losses(network: Network, ids: Any, starts: list[int], count: int) -> Floats:
    """The loss of each character but the first from each start on, from a zero state."""
    parts = ids[np.array(starts)[:, None] + np.arange(count)]
    reader, rows = network.reader((len(starts),)), np.arange(len(starts))
    losses = np.empty((len(starts), count - 1))
    for position in range(count - 1):
        scores = log_probabilities(reader.step(parts[:, position]))
        losses[:, position] = -scores[rows, parts[:, position + 1]]
    return losses


def _measure_documents(trained: TrainedModel, ids: Any, text: str) -> dict[str, Any]:
    documents = [document for document in text.split(_END) if document]
    firsts = [document[0] for document in documents]
    real = Counter(firsts)
    sampler, generator = trained.sampler(), np.random.default_rng(0)
    samples = sampler.generate_batch([_START] * 200, Decoding(1.0), sampler.stop_condition(1), 0)
    distances = [_total_variation(Counter(generator.choice(firsts, 200)), real) for _ in range(200)]
    ends = [match.end() for match in re.finditer(_END, text) if match.start() > len(text) * 0.9]
    ends = [end for end in ends if end + _FIRST <= len(text)]
    losses = {
        context: _measure_losses(
            trained.network(), ids, [end - context for end in ends], context + _FIRST
        )[:, -_FIRST:].mean()
        for context in (len(_START), _CONTEXT)
    }
    return {
        "distance": _total_variation(Counter(sample.text for sample in samples), real),
        "of real documents": float(np.mean(distances)),
        "zero state": float(losses[len(_START)]),
        "context": float(losses[_CONTEXT]),
    }


def _total_variation(left: Counter[Any], right: Counter[Any]) -> float:
    """Total variation distance of two distributions."""
    keys = left.keys() | right.keys()
    return sum(abs(left[key] / left.total() - right[key] / right.total()) for key in keys) / 2


if __name__ == "__main__":
    main()
