"""Several processes that train one model: characters per second of 1, 2 and 4, on JAX.

Each process runs on one core, and shares it only if there are too few, so a gain comes from
processes and not from threads. Strong: the processes share a batch of the same size. Weak: the
batch grows with the number of processes. Apart: each process trains a separate network on its rows,
which shows the speed without any exchange. Also measured: an exchange of arrays as large as the
gradients, each of which XLA sends separately on a CPU. With the same batch the loss after the last
step is the same: all processes train the same model.

    python -m benchmarks.processes tinyshakespeare.txt [--steps 60]
"""

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import report
from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig

_SIZES = {"LSTM 256": "256", "LSTM 512,512": "512,512"}
_ROWS, _MAXLEN, _EMBEDDING, _CHARACTERS = 64, 64, 64, 65
_EXCHANGES = 20
_EXCHANGE = """
import sys, time
import jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from textgen.distributed import joining
from textgen.distributed.cluster import Cluster
coordinator, count, index, times, *sizes = sys.argv[1], *map(int, sys.argv[2:])
joining.join(Cluster(coordinator, count, index))
mesh = jax.make_mesh((count,), ("all",))
add = jax.jit(lambda arrays: [x.sum(0) for x in arrays], out_shardings=NamedSharding(mesh, P()))
rows = NamedSharding(mesh, P("all"))
gradients = [np.ones((1, size), np.float32) for size in sizes]
arrays = [jax.make_array_from_process_local_data(rows, array) for array in gradients]
seconds = []
for _ in range(times + 2):
    start = time.perf_counter()
    jax.block_until_ready(add(arrays))
    seconds.append(time.perf_counter() - start)
print(sorted(seconds[2:])[times // 2])
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, units in _SIZES.items():
        alone = 0.0
        for count, batch, how in (
            (1, _ROWS, "alone"),
            (2, _ROWS, "apart"),
            (2, _ROWS, "strong"),
            (4, _ROWS, "strong"),
            (2, 2 * _ROWS, "weak"),
            (4, 4 * _ROWS, "weak"),
        ):
            exchange = _measure_exchange(count, units) if how in ("strong", "weak") else 0.0
            trained = _train(
                options.corpus, units, count, batch, options.steps, apart=how == "apart"
            )
            alone = alone or trained["speed"]
            cores = min(count, len(os.sched_getaffinity(0)))
            rows.append(
                {
                    "network": name,
                    "processes": count,
                    "how": how,
                    "rows": batch,
                    "characters/s": trained["speed"],
                    "efficiency": trained["speed"] / alone / cores,
                    "gradient MB": trained["parameters"] * 4 / 1e6,
                    "exchange ms": 1e3 * exchange,
                    "step ms": 1e3 * batch * _MAXLEN / trained["speed"],
                    "loss": trained["loss"],
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr)
    report.write(
        "processes",
        report.describe_command("processes"),
        rows,
        [
            f"Efficiency: characters per second, divided by those of one process and by the number "
            f"of cores that the processes use, {len(os.sched_getaffinity(0))} at most. Exchange: "
            f"the median of {_EXCHANGES} sums of arrays as large as the gradients, over the "
            f"loopback device. Windows of {_MAXLEN} characters, carried state, float32.",
        ],
    )


def _train(
    corpus: str, units: str, count: int, batch: int, steps: int, *, apart: bool
) -> dict[str, float]:
    """Train for two epochs of so many steps: speed and loss of the second one, and parameters."""
    rows = batch // count if apart else batch
    with tempfile.TemporaryDirectory() as folder:
        needed = rows * _MAXLEN * (steps + 1) + 1
        text = Path(corpus).read_text(encoding="utf-8")[:needed]
        if len(text) < needed:
            raise SystemExit(f"{corpus}: has fewer than {needed:,} characters; give fewer --steps")
        Path(folder, "text.txt").write_text(text, encoding="utf-8")
        textgen = ["-m", "textgen"]
        prepared = ["prepare", "text.txt", "-o", "prepared", "--validation", "0"]
        subprocess.run(
            [sys.executable, *textgen, *prepared], cwd=folder, check=True, capture_output=True
        )
        settings = {
            "units": units,
            "embedding": _EMBEDDING,
            "maxlen": _MAXLEN,
            "batch-size": rows,
            "dropout": 0.2,
            "drop-connect": 0.1,
            "epochs": 2,
            "sample-length": 0,
            "processes": 1 if apart else count,
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]

        def command(number: int, coordinator: str) -> list[str]:
            host, _, port = coordinator.rpartition(":")
            address = f"{host}:{int(port) + number}" if apart else coordinator
            place = ["--coordinator", address, "--process", "0" if apart else str(number)]
            output = ["--log-format", "json", "--model", f"model-{number if apart else 0}"]
            return [*textgen, "train", "prepared", *options, *place, *output]

        outputs = _run_each(count, command, folder)
    events = [json.loads(line) for line in outputs[0].splitlines() if line.startswith("{")]
    (started,) = (event for event in events if event["event"] == "training_started")
    last = [event for event in events if event["event"] == "validated"][-1]
    return {
        "speed": last["characters_per_second"] * (count if apart else 1),
        "loss": last["loss"],
        "parameters": started["parameters"],
    }


def _measure_exchange(count: int, units: str) -> float:
    """Seconds to add up arrays as large as the gradients of each process."""
    network = ModelConfig(units=tuple(map(int, units.split(","))), embedding=_EMBEDDING)
    sizes = [math.prod(spec.shape) for spec in weight_specs(network, _CHARACTERS)]

    def command(number: int, coordinator: str) -> list[str]:
        return ["-c", _EXCHANGE, coordinator, *map(str, (count, number, _EXCHANGES, *sizes))]

    return float(_run_each(count, command, ".")[0].splitlines()[-1])


def _run_each(count: int, command: Callable[[int, str], list[str]], folder: str) -> list[str]:
    """Run Python programs, each on one core: what they write."""
    cores = [str(core) for core in sorted(os.sched_getaffinity(0))]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    programs = [
        subprocess.Popen(
            [
                "taskset",
                "-c",
                cores[number % len(cores)],
                sys.executable,
                *command(number, coordinator),
            ],
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        )
        for number in range(count)
    ]
    outputs = [program.communicate()[0] for program in programs]
    for program, output in zip(programs, outputs, strict=True):
        if program.returncode:
            raise SystemExit(output)
    return outputs


if __name__ == "__main__":
    main()
