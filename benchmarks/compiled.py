"""Speed of compiled networks: one text, 64 texts, and reading given texts.

Targets: one text at least 80 % of the speed at which the float32 weights can be read once per
character, at LSTM 128; more than that speed at 512,512, whose weights are float16. 64 texts 5 times
one text. 300,000 characters per second read at LSTM 256.

    python -m benchmarks.compiled [--runs 5]

Weights are random: speed does not depend on them.
"""

import argparse
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import report
from textgen.kernels.text_table import RUNNING, TextTable
from textgen.sampling.compiled import CompiledRows, load_compiled
from textgen.sampling.compiled_scorer import CompiledScorer
from textgen.sampling.network import Network, weight_specs
from textgen.settings import ModelConfig

_SIZES = ((128,), (256,), (512, 512))
_TARGETS = {(128,): 0.8, (512, 512): 1.0}
_VOCABULARY, _TEXTS, _READ_TEXTS = 65, 64, 128


def make_network(units: tuple[int, ...]) -> Network:
    """A network with random weights."""
    config, generator = ModelConfig(units=units, embedding=64), np.random.default_rng(1)
    shapes = [spec.shape for spec in weight_specs(config, _VOCABULARY)]
    arrays = [generator.normal(0, shape[0] ** -0.5, shape) for shape in shapes]
    return Network(config, _VOCABULARY, [array.astype(np.float32) for array in arrays])


def measure(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def writer(network: Network, texts: int, tokens: int) -> Callable[[], None]:
    """Writes so many tokens in each of some texts."""
    rows, table = CompiledRows(network, texts), TextTable(texts, tokens, tokens, _VOCABULARY)
    table.numbers[:] = np.random.default_rng(1).random((texts, tokens))
    table.max_length[:], table.temperature[:] = tokens, 0.5

    def write() -> None:
        table.status[:], table.position[:], table.length[:] = RUNNING, 0, 0
        rows.run(table, tokens)

    return write


def reader(network: Network, tokens: int) -> Callable[[], object]:
    """Reads so many tokens in each of some texts."""
    scorer = CompiledScorer(network, _READ_TEXTS)
    ids = np.random.default_rng(1).integers(0, _VOCABULARY, (_READ_TEXTS, tokens))
    return lambda: scorer.score(ids, ids)


def measure_reading(network: Network) -> float:
    """Seconds to read the float32 weights once, by the faster of NumPy's product and maximum."""
    # Without the embedding and the first kernel, whose products are in a table.
    matrices = [array for array in network.weights if array.ndim == 2][2:]
    vectors = [np.zeros(len(matrix), np.float32) for matrix in matrices]

    def multiply() -> None:
        for vector, matrix in zip(vectors, matrices, strict=True):
            np.dot(vector, matrix)

    def find_maximum() -> None:
        for matrix in matrices:
            matrix.max()

    return min(
        min(timeit.repeat(function, number=50, repeat=5)) / 50
        for function in (multiply, find_maximum)
    )


def measure_network(units: tuple[int, ...], runs: int) -> list[dict[str, Any]]:
    """One text, many, and reading, in alternating runs."""
    network = make_network(units)
    tokens = 500 if sum(units) > 500 else 4000
    few = max(tokens // 10, 50)
    calls = {
        "one": (tokens, writer(network, 1, tokens)),
        "many": (few * _TEXTS, writer(network, _TEXTS, few)),
        "read": (few * _READ_TEXTS, reader(network, few)),
    }
    rates: dict[str, list[float]] = {name: [] for name in (*calls, "weights")}
    for _ in range(runs):
        for name, (count, call) in calls.items():
            rates[name].append(count / measure(call))
        rates["weights"].append(1 / measure_reading(network))
    one, many, read, weights = (statistics.median(values) for values in rates.values())
    name = f"LSTM {','.join(map(str, units))}"
    rows = [
        _row(f"{name}, one text", one, "reading the weights once", weights, _TARGETS.get(units)),
        _row(f"{name}, {_TEXTS} texts", many, "one text", one, 5),
    ]
    if units == (256,):
        rows.append(_row(f"{name}, reading {_READ_TEXTS} texts", read, "target", 300_000, 1))
    return rows


def _row(
    what: str, rate: float, reference: str, reference_rate: float, target: float | None
) -> dict[str, Any]:
    return {
        "what": what,
        "characters/s": round(rate),
        "compared with": reference,
        "its characters/s": round(reference_rate),
        "ratio": rate / reference_rate,
        "target": target,
        "note": "",
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    loading = measure(load_compiled)
    rows = [row for units in _SIZES for row in measure_network(units, options.runs)]
    report.write(
        "compiled",
        "python -m benchmarks.compiled",
        rows,
        [
            f"Loading what was compiled took {loading:.1f} s.",
            f"Medians of {options.runs} alternating runs. Temperature 0.5, vocabulary of "
            f"{_VOCABULARY}.",
        ],
    )


if __name__ == "__main__":
    main()
