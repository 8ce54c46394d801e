"""Speed of sampling, one text and many, compared with torch.nn.LSTM, model.predict and the memory.

Targets: the first character of `textgen sample` on a terminal within 0.4 s. With carried state, in
compiled code, 8, 8 and 10 times the characters per second of a torch.nn.LSTM stepped once per
character, for LSTM 128, 256 and 512,512, and 80 % of the speed at which the float32 weights can be
read once per character, or 100 % for 512,512. With 64 streams 5 times one stream. With a window of
40, 400 times `model.predict` on the last 40 characters, and the same text.

    python -m benchmarks.sampling [MODEL] [--runs 5]

Without a model directory it makes models with random weights: speed does not depend on weights.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from textgen.model import model_dir
from textgen.model.record import ModelRecord
from textgen.sampling import Sampler, switching
from textgen.sampling.context import NetworkPredictor
from textgen.sampling.network import Network
from textgen.settings import Decoding, resolve_settings
from textgen.text.vocabulary import Vocabulary

_SIZES = ((128,), (256,), (512, 512))
_TARGETS = {(128,): 8, (256,): 8, (512, 512): 10}
_VOCABULARY = Vocabulary("".join(sorted({"\n", " ", *map(chr, range(33, 96))})))
_TEMPERATURE = 0.5
_SEED = "TO BE"
_STREAMS = 64


def make_model(
    directory: Path, units: tuple[int, ...], targets: str, *, noise: float = 0.15
) -> Path:
    """A model directory with random weights.

    `noise` is added to the initial weights. 0.15 makes a varied text, but rounding errors grow from
    step to step in 256 units or more; with 0.02 they do not.
    """
    import keras

    from textgen.model.build import build_model

    resolved = resolve_settings({"units": units, "targets": targets})
    keras.utils.set_random_seed(1)
    network = build_model(resolved.model, _VOCABULARY.size, targets)
    generator = np.random.default_rng(1)
    network.set_weights([w + generator.normal(0, noise, w.shape) for w in network.get_weights()])
    record = ModelRecord(resolved, _VOCABULARY, {"epochs": [], "steps": []}, (_SEED,), {})
    model_dir.save(directory, network.save, record)
    return directory


def measure(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure_first_character(directory: Path) -> float:
    """Seconds from the start of the process to its first character on a terminal."""
    screen, terminal = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", directory, "--no-seed-text"],
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    os.read(screen, 1)
    seconds = time.perf_counter() - start
    os.close(terminal)
    try:
        while os.read(screen, 1 << 16):
            pass
    except OSError:  # the program has ended
        pass
    process.wait()
    os.close(screen)
    return seconds


def torch_loop(units: tuple[int, ...], size: int, characters: int) -> Callable[[], object]:
    """Sampling as in a PyTorch char-rnn: one LSTM step per character, state carried."""
    import torch

    embedding = torch.nn.Embedding(size, 64)
    if len(set(units)) != 1:
        raise SystemExit("torch.nn.LSTM has layers of one size; choose such a model")
    lstm = torch.nn.LSTM(64, units[0], num_layers=len(units))
    dense = torch.nn.Linear(units[-1], size)

    def run() -> None:
        state, character = None, torch.zeros(1, 1, dtype=torch.long)
        with torch.inference_mode():
            for _ in range(characters):
                output, state = lstm(embedding(character), state)
                logits = dense(output[0, 0]) / _TEMPERATURE
                character = torch.multinomial(torch.softmax(logits, -1), 1)[None]

    return run


def predict_loop(directory: Path, maxlen: int, characters: int) -> Callable[[], list[int]]:
    """The usual Keras recipe: `model.predict` on the last characters, once per character."""
    import keras

    network = keras.models.load_model(directory / "model.keras")
    vocabulary = model_dir.load(directory).vocabulary

    def run() -> list[int]:
        ids: list[int] = vocabulary.encode(_SEED).tolist()
        for _ in range(characters):
            last = np.array([ids[-maxlen:]], np.int32)
            probabilities = network.predict(last, verbose=0)[0]
            ids.append(int(probabilities.reshape(-1, vocabulary.size)[-1].argmax()))
        return ids

    return run


def _network(sampler: Sampler) -> Network:
    predictor = sampler.predictor
    assert isinstance(predictor, NetworkPredictor)
    return predictor.network


def measure_reading(sampler: Sampler) -> float:
    """Seconds to read the network's weights once, by the fastest reader that NumPy has.

    It reads the matrices that a step multiplies by, one after the other, so each is as far from the
    processor as in use.
    """
    matrices = _network(sampler)._weights
    vectors = [np.zeros(len(matrix), np.float32) for matrix in matrices]
    outputs = [np.empty(matrix.shape[1], np.float32) for matrix in matrices]

    def multiply() -> None:
        for vector, matrix, output in zip(vectors, matrices, outputs, strict=True):
            np.dot(vector, matrix, output)

    def find_maximum() -> None:
        for matrix in matrices:
            matrix.max()

    return min(
        min(timeit.repeat(reader, number=200, repeat=5)) / 200
        for reader in (multiply, find_maximum)
    )


def measure_carry(directory: Path, runs: int) -> list[dict[str, Any]]:
    """One stream and many with carried state, compared with torch and the memory."""
    sampler = model_dir.load(directory, "carry")
    units = _network(sampler)._units
    is_large = sum(units) > 500
    characters, batch_characters, torch_characters = (
        (3000, 200, 300) if is_large else (20_000, 800, 1500)
    )
    arguments = (Decoding(_TEMPERATURE), sampler.stop_condition(batch_characters), 1)
    reference = torch_loop(units, sampler.vocabulary.size, torch_characters)
    reference()

    def stream() -> object:
        return sampler.generate(_SEED, length=characters, temperature=_TEMPERATURE, random_seed=1)

    def batch() -> object:
        return list(sampler.generate_batch([_SEED] * _STREAMS, *arguments))

    counts = {stream: characters, batch: batch_characters * _STREAMS}
    rates: dict[Any, list[float]] = {}

    def note_rate(key: Any, rate: float) -> None:
        rates.setdefault(key, []).append(rate)

    for _ in range(runs):
        for switch_after in (1, 1 << 60):  # compiled code from the first token on, or never
            with switched(switch_after):
                for call, count in counts.items():
                    note_rate((call, switch_after), count / measure(call))
        note_rate("torch", torch_characters / measure(reference))
        note_rate("reading", 1 / measure_reading(sampler))
    median = {key: statistics.median(values) for key, values in rates.items()}
    one, many = median[stream, 1], median[batch, 1]
    name = f"LSTM {','.join(map(str, units))}"
    torch_row = ("torch.nn.LSTM, step by step", median["torch"], _TARGETS.get(units, 8))
    reading_row = ("reading the weights once", median["reading"], 1.0 if is_large else 0.8)
    return [
        _row(f"{name}, one stream", one, *torch_row),
        _row(f"{name}, one stream", one, *reading_row),
        _row(f"{name}, one stream", one, "the same in NumPy", median[stream, 1 << 60], 1),
        _row(f"{name}, {_STREAMS} streams", many, "one stream", one, 5),
        _row(f"{name}, {_STREAMS} streams", many, "the same in NumPy", median[batch, 1 << 60], 1),
    ]


@contextmanager
def switched(after: int) -> Iterator[None]:
    """Compiled code takes over after so many products."""
    before, switching.SWITCH_AFTER = switching.SWITCH_AFTER, after
    try:
        yield
    finally:
        switching.SWITCH_AFTER = before


def measure_window(directory: Path, runs: int) -> list[dict[str, Any]]:
    """One stream from exactly the last characters, compared with `model.predict`."""
    sampler = model_dir.load(directory, "window")
    assert sampler.window is not None
    characters, predicted = 4000, 50
    reference = predict_loop(directory, sampler.window, predicted)
    reference()
    rates, predict_rates = [], []
    for _ in range(runs):
        rates.append(
            characters
            / measure(
                lambda: sampler.generate(
                    _SEED, length=characters, temperature=_TEMPERATURE, random_seed=1
                )
            )
        )
        predict_rates.append(predicted / measure(reference))
    is_same = sampler.vocabulary.decode(reference()) == sampler.generate(
        _SEED, length=predicted, temperature=0
    )
    name = f"LSTM {','.join(map(str, _network(sampler)._units))}, window of {sampler.window}"
    row = _row(
        name, statistics.median(rates), "model.predict", statistics.median(predict_rates), 400
    )
    return [
        {**row, "note": "same text at temperature 0" if is_same else "OTHER TEXT at temperature 0"}
    ]


def _row(
    what: str, rate: float, reference: str, reference_rate: float, target: float
) -> dict[str, Any]:
    return {
        "what": what,
        "characters/s": round(rate),
        "compared with": reference,
        "its characters/s": round(reference_rate, 1),
        "ratio": rate / reference_rate,
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
                make_model(folder / str(number), units, "sequence")
                for number, units in enumerate(_SIZES)
            ]
            windowed = make_model(folder / "window", (128,), "last")
        start = statistics.median(
            measure_first_character(carried[0]) for _ in range(4 * options.runs)
        )
        rows += measure_window(windowed, options.runs)  # before torch starts its threads
        for directory in carried:
            rows += measure_carry(directory, options.runs)
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
