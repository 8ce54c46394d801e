"""Speed of sampling compared with torch.nn.LSTM, model.predict and the memory, and of many streams.

Targets: the first character of `textgen sample` on a terminal within 0.4 s; with carried state 8, 8
and 10 times the characters per second of a torch.nn.LSTM stepped once per character, for LSTM 128,
256 and 512,512, and 60 % of what reading the weights once per character would allow; with a window
of 40, 400 times `model.predict` on the last 40 characters, and the same text; with 64 streams 5
times one stream.

    python -m benchmarks.sampling [MODEL] [--runs 5]

Without a model directory it makes models with random weights; speed does not depend on them.
"""

import argparse
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from textgen.model import model_dir
from textgen.model.record import ModelRecord
from textgen.sampling import Sampler
from textgen.settings import Decoding, resolve_settings
from textgen.text.vocabulary import Vocabulary

_SIZES = ((128,), (256,), (512, 512))
_TARGETS = {(128,): 8, (256,): 8, (512, 512): 10}
_VOCABULARY = Vocabulary("".join(sorted({"\n", " ", *map(chr, range(33, 96))})))
_TEMPERATURE = 0.5
_SEED = "TO BE"
_STREAMS = 64


def make(directory: Path, units: tuple[int, ...], targets: str) -> Path:
    """A model directory with random weights, large enough for a varied text."""
    import keras

    from textgen.model.build import build_model

    resolved = resolve_settings({"units": units, "targets": targets})
    keras.utils.set_random_seed(1)
    built = build_model(resolved.model, _VOCABULARY.size, targets)
    generator = np.random.default_rng(1)
    built.set_weights([w + generator.normal(0, 0.15, w.shape) for w in built.get_weights()])
    record = ModelRecord(resolved, _VOCABULARY, {"epochs": [], "steps": []}, (_SEED,), {})
    model_dir.save(directory, built.save, record)
    return directory


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def first_character(directory: Path) -> float:
    """Seconds from the start of the process to its first character on a terminal."""
    screen, other = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", directory, "--no-seed-text"],
        stdout=other,
        stderr=subprocess.DEVNULL,
    )
    os.read(screen, 1)
    taken = time.perf_counter() - began
    os.close(other)
    try:
        while os.read(screen, 1 << 16):
            pass
    except OSError:  # the program has ended
        pass
    process.wait()
    os.close(screen)
    return taken


def torch_loop(units: tuple[int, ...], size: int, characters: int) -> Callable[[], object]:
    """What a PyTorch char-rnn does: the LSTM stepped once per character, state carried."""
    import torch

    embedding = torch.nn.Embedding(size, 64)
    if len(set(units)) != 1:
        raise SystemExit("torch.nn.LSTM has layers of one size; give a model that has them too")
    lstm = torch.nn.LSTM(64, units[0], num_layers=len(units))
    dense = torch.nn.Linear(units[-1], size)

    def run() -> None:
        state, chosen = None, torch.zeros(1, 1, dtype=torch.long)
        with torch.inference_mode():
            for _ in range(characters):
                output, state = lstm(embedding(chosen), state)
                logits = dense(output[0, 0]) / _TEMPERATURE
                chosen = torch.multinomial(torch.softmax(logits, -1), 1)[None]

    return run


def predict_loop(directory: Path, maxlen: int, characters: int) -> Callable[[], list[int]]:
    """The usual Keras recipe: `model.predict` on the last characters, once per character."""
    import keras

    loaded = keras.models.load_model(directory / "model.keras")
    vocabulary = model_dir.load(directory).vocabulary

    def run() -> list[int]:
        ids: list[int] = vocabulary.encode(_SEED).tolist()
        for _ in range(characters):
            last = np.array([ids[-maxlen:]], np.int32)
            probabilities = loaded.predict(last, verbose=0)[0]
            ids.append(int(probabilities.reshape(-1, vocabulary.size)[-1].argmax()))
        return ids

    return run


def reading_once(sampler: Sampler) -> float:
    """Seconds to read the network's weights once, by the fastest reader that NumPy has.

    The matrices are those that a step multiplies with, one after the other, so that each is as
    far from the processor as it is in use.
    """
    matrices = sampler._network._weights
    vectors = [np.zeros(len(matrix), np.float32) for matrix in matrices]
    outputs = [np.empty(matrix.shape[1], np.float32) for matrix in matrices]

    def by_product() -> None:
        for vector, matrix, output in zip(vectors, matrices, outputs, strict=True):
            np.dot(vector, matrix, output)

    def by_maximum() -> None:
        for matrix in matrices:
            matrix.max()

    return min(
        min(timeit.repeat(reader, number=200, repeat=5)) / 200
        for reader in (by_product, by_maximum)
    )


def carry(directory: Path, runs: int) -> list[dict[str, Any]]:
    """One stream and many with carried state, compared with torch and the memory."""
    sampler = model_dir.load(directory, "carry")
    units = sampler._network._units
    slow = sum(units) > 500
    characters, together, torchs = (3000, 200, 300) if slow else (20_000, 400, 1500)
    how = (Decoding(_TEMPERATURE), sampler.stop_condition(together), 1)
    reference = torch_loop(units, sampler.vocabulary.size, torchs)
    reference()
    rates: dict[str, list[float]] = {"one": [], "many": [], "torch": [], "read": []}
    for _ in range(runs):
        rates["one"].append(
            characters
            / seconds(
                lambda: sampler.generate(
                    _SEED, length=characters, temperature=_TEMPERATURE, random_seed=1
                )
            )
        )
        rates["torch"].append(torchs / seconds(reference))
        rates["read"].append(1 / reading_once(sampler))
        rates["many"].append(
            together
            * _STREAMS
            / seconds(lambda: list(sampler.generate_batch([_SEED] * _STREAMS, *how)))
        )
    one, many, torch_rate, read = (statistics.median(rates[name]) for name in rates)
    name = f"LSTM {','.join(map(str, units))}"
    target = _TARGETS.get(units, 8)
    return [
        _row(f"{name}, one stream", one, "torch.nn.LSTM, step by step", torch_rate, target),
        _row(f"{name}, one stream", one, "reading the weights once", read, 0.6),
        _row(f"{name}, {_STREAMS} streams", many, "one stream", one, 5),
    ]


def window(directory: Path, runs: int) -> list[dict[str, Any]]:
    """One stream from exactly the last characters, compared with `model.predict`."""
    sampler = model_dir.load(directory, "window")
    assert sampler.window is not None
    characters, predicted = 4000, 50
    reference = predict_loop(directory, sampler.window, predicted)
    reference()
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(
            characters
            / seconds(
                lambda: sampler.generate(
                    _SEED, length=characters, temperature=_TEMPERATURE, random_seed=1
                )
            )
        )
        theirs.append(predicted / seconds(reference))
    same = sampler.vocabulary.decode(reference()) == sampler.generate(
        _SEED, length=predicted, temperature=0
    )
    name = f"LSTM {','.join(map(str, sampler._network._units))}, window of {sampler.window}"
    row = _row(name, statistics.median(ours), "model.predict", statistics.median(theirs), 400)
    return [
        {**row, "note": "same text at temperature 0" if same else "OTHER TEXT at temperature 0"}
    ]


def _row(what: str, rate: float, reference: str, other: float, target: float) -> dict[str, Any]:
    return {
        "what": what,
        "characters/s": round(rate),
        "compared with": reference,
        "its characters/s": round(other, 1),
        "ratio": rate / other,
        "target": target,
        "note": "",
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        if options.model:
            carried, windowed = [options.model], options.model
        else:
            folder = Path(name)
            carried = [
                make(folder / str(number), units, "sequence") for number, units in enumerate(_SIZES)
            ]
            windowed = make(folder / "window", (128,), "last")
        start = statistics.median(first_character(carried[0]) for _ in range(4 * options.runs))
        rows += window(windowed, options.runs)  # before torch is there with threads of its own
        for directory in carried:
            rows += carry(directory, options.runs)
    report.write(
        "sampling" + (f"-{options.model.name}" if options.model else ""),
        "python -m benchmarks.sampling" + (f" {options.model}" if options.model else ""),
        rows,
        [
            f"First character of `textgen sample` on a terminal, whole process, median of "
            f"{4 * options.runs}: {start:.3f} s (target: 0.4 s).",
            f"Medians of {options.runs} alternating runs. Temperature {_TEMPERATURE}, vocabulary "
            f"of {_VOCABULARY.size}. Reading the weights once: the faster of a product with a "
            "vector and a search for the maximum, over the matrices that a step multiplies by.",
        ],
    )


if __name__ == "__main__":
    main()
