"""Throughput and latency of `textgen serve`, compared with `textgen sample -n N`.

Targets: with 64 streaming clients on two cores, at least 80 % of the characters per second of
`sample -n 64`; the first character of a new client within 100 ms (p99) while 64 clients stream; a
client that does not read slows nobody down; the row of a client that leaves is free after one step;
memory does not grow.

    python -m benchmarks.serve [--runs 2] [--seconds 2] [--units 256]
    python -m benchmarks.serve --soak 60

Models have random weights: speed does not depend on weights. All connections are to this computer.
"""

import argparse
import asyncio
import gc
import math
import multiprocessing
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
import uvloop

from benchmarks import report
from benchmarks.load import Answer, Client, connect, fetch, leave
from benchmarks.sampling import make_model
from textgen.model import model_dir
from textgen.sampling import Sampler
from textgen.settings import Decoding

# Characters of a text, by network: with 64 clients a text takes half a second or more.
_LENGTHS = {(128,): 2000, (256,): 1000, (512, 512): 200}
_CLIENTS = (1, 8, 64, 256)
_MANY = 64
_SHORT, _SHORT_CLIENTS = 20, (8, 64)
_SEED, _TEMPERATURE = "TO BE", 0.5
_START = 1.0  # seconds in which all clients start, so that their texts do not end together
_NEW_CLIENTS = 20  # a second
_SLOW_READERS = 8
_DEPARTURES = 3
_SOAK_ROWS = 20
_MAX_IDLE = 200  # times half a second until a server is idle


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        address: Where, as http://HOST:PORT.
        process: Its process.
    """

    address: str
    process: psutil.Process

    @property
    def processor_seconds(self) -> float:
        """Processor time that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    async def count_active(self) -> int:
        """Texts that it is generating."""
        metrics = await fetch(self.address, "/metrics")
        counts = re.findall(r"^textgen_active_texts\{.*\} (\S+)", metrics, re.MULTILINE)
        return int(sum(map(float, counts)))


@dataclass
class Load:
    """What clients have got in a time.

    Attributes:
        answers: Those that are complete, and the beginnings of others.
        start, end: The time.
        server_seconds, client_seconds: Processor time that the server and the clients used in it.
    """

    answers: list[Answer] = field(default_factory=list)
    start: float = 0
    end: float = 0
    server_seconds: float = 0
    client_seconds: float = 0

    def figures(self) -> dict[str, float]:
        """What is reported about it."""
        seconds = self.end - self.start
        arrived = [(answer, answer.events()) for answer in self.answers]
        events = [event for _, some in arrived for event in some if self._has(event.arrived)]
        firsts = [
            some[0].arrived - answer.sent
            for answer, some in arrived
            if some and self._has(some[0].arrived)
        ]
        requests = [
            answer.seconds
            for answer in self.answers
            if answer.is_complete and self._has(answer.times[-1])
        ]
        return {
            "characters/s": sum(event.characters for event in events) / seconds,
            **_quantiles("first character", firsts),
            "requests/s": len(requests) / seconds,
            **_quantiles("request", requests),
            "bytes/event": statistics.mean(event.bytes for event in events),
            "server's cores": self.server_seconds / seconds,
            "clients' cores": self.client_seconds / seconds,
        }

    def _has(self, moment: float) -> bool:
        return self.start <= moment < self.end


def _quantiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile, in milliseconds."""
    values = np.quantile(seconds, (0.5, 0.99)) * 1000 if seconds else (np.nan, np.nan)
    return {f"{name} p50 ms": float(values[0]), f"{name} p99 ms": float(values[1])}


@contextmanager
def serve(model: Path) -> Iterator[Server]:
    """A server of a model, in a separate process, until the block ends."""
    command = [sys.executable, "-m", "textgen", "serve", str(model), "--port", "0"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            server = Server(_read_address(process, log), psutil.Process(process.pid))
            _wait_until_idle(server)
            yield server
        finally:
            process.terminate()


def _read_address(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    for _ in range(2000):
        log.seek(0)
        lines = log.read().decode()
        if match := re.search(r"serving .* on (http://\S+)", lines):
            return match[1]
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise SystemExit(f"the server does not start: {lines}")


def _wait_until_idle(server: Server) -> None:
    """Wait until the server has found out how few rows a step may have."""
    for _ in range(_MAX_IDLE):
        before = server.processor_seconds
        time.sleep(0.5)
        if server.processor_seconds - before < 0.1:
            return
    raise SystemExit("the server does not become idle")


def completion(length: int, **fields: Any) -> dict[str, Any]:
    """A request for a text, as a stream."""
    body = {"prompt": _SEED, "max_tokens": length, "temperature": _TEMPERATURE, "stream": True}
    return {**body, **fields}


@asynccontextmanager
async def many_clients(
    server: Server, count: int, body: dict[str, Any]
) -> AsyncIterator[list[Answer]]:
    """Clients that send a request again and again until the block ends.

    Yields:
        Their answers: those that are complete and, at the end, the beginnings of others.
    """
    answers: list[Answer] = []
    clients: list[Client] = []
    try:
        for _ in range(count):
            clients.append(await connect(server.address, body, answers.append, repeats=True))
            await asyncio.sleep(_START / count)
        yield answers
    finally:
        await leave(clients)
        answers += [client.answer for client in clients]


async def measure_load(
    server: Server, count: int, body: dict[str, Any], seconds: float
) -> dict[str, float]:
    """The figures of some clients."""
    load = Load()
    async with many_clients(server, count, body) as load.answers:
        await asyncio.sleep(_START)
        load.server_seconds, load.client_seconds = -server.processor_seconds, -time.process_time()
        load.start = time.perf_counter()
        await asyncio.sleep(seconds)
        load.end = time.perf_counter()
        load.server_seconds += server.processor_seconds
        load.client_seconds += time.process_time()
    return load.figures()


def measure_sample(sampler: Sampler, count: int, length: int, seconds: float) -> float:
    """Characters per second of `textgen sample -n COUNT`, once it has started."""
    decoding, stop = Decoding(_TEMPERATURE), sampler.stop_condition(length)
    characters, start = 0, time.perf_counter()
    while (duration := time.perf_counter() - start) < seconds:
        if count == 1:
            characters += sum(1 for _ in sampler.generate_stream(_SEED, decoding, stop, 1))
        else:
            for text in sampler.generate_batch([_SEED] * count, decoding, stop, 1):
                characters += len(text.text)
    return characters / duration


async def measure_new_clients(server: Server, length: int, seconds: float) -> dict[str, float]:
    """The first characters of clients that come while many others have streams."""
    answers: list[Answer] = []
    async with many_clients(server, _MANY, completion(length)):
        await asyncio.sleep(_START)
        end, clients = time.perf_counter() + seconds, []
        while time.perf_counter() < end:
            clients.append(await connect(server.address, completion(_SHORT), answers.append))
            await asyncio.sleep(1 / _NEW_CLIENTS)
        await asyncio.wait_for(asyncio.gather(*(client.has_ended for client in clients)), 60)
    firsts = [answer.events()[0].arrived - answer.sent for answer in answers]
    return _quantiles("first character", firsts)


async def measure_slow_readers(server: Server, length: int, seconds: float) -> tuple[float, float]:
    """Characters per second of many clients while others do not read what they requested.

    Returns:
        The rate, and that while the others read.
    """
    body = completion(10_000, logprobs=5)
    parts: list[tuple[bool, Load]] = []
    async with many_clients(server, _MANY, completion(length)) as answers:
        for reads in (False, True, True, False):
            others = [
                await connect(server.address, body, reads=reads) for _ in range(_SLOW_READERS)
            ]
            start = time.perf_counter()
            await asyncio.sleep(seconds / 2)
            parts.append((reads, Load(answers, start, time.perf_counter())))
            await leave(others)
    rates = {True: 0.0, False: 0.0}
    for reads, load in parts:
        rates[reads] += load.figures()["characters/s"] / 2
    return rates[False], rates[True]


async def measure_departures(server: Server, length: int) -> float:
    """Seconds from the departure of many clients to the moment when no row has a text."""
    seconds = []
    for _ in range(_DEPARTURES):
        async with many_clients(server, _MANY, completion(length)):
            await asyncio.sleep(_START)
            if not await server.count_active():
                raise SystemExit("no text is being generated for clients that stream")
            departure = time.perf_counter()
        while await server.count_active():
            if time.perf_counter() > departure + 10:
                raise SystemExit("the rows of clients that left are not free")
        seconds.append(time.perf_counter() - departure)
    return statistics.median(seconds)


def measure_model(
    directory: Path, units: tuple[int, ...], runs: int, seconds: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows and notes about a model."""
    sampler, length = model_dir.load(directory), _LENGTHS[units]
    name = f"LSTM {','.join(map(str, units))}"
    rows = []
    with serve(directory) as server:
        for count in _CLIENTS:
            samples, figures = [], []
            for _ in range(runs):
                samples.append(measure_sample(sampler, count, length, seconds / 4))
                figures.append(uvloop.run(measure_load(server, count, completion(length), seconds)))
            rows.append(_row(name, count, figures, statistics.median(samples)))
            print(rows[-1], flush=True)
        for count in _SHORT_CLIENTS:
            body = completion(_SHORT, stream=False)
            figures = [uvloop.run(measure_load(server, count, body, seconds))]
            rows.append(_row(f"{name}, {_SHORT} characters at once", count, figures))
            print(rows[-1], flush=True)
        new = uvloop.run(measure_new_clients(server, length, 2 * seconds))
        slow, fast = uvloop.run(measure_slow_readers(server, length, seconds))
        departure = uvloop.run(measure_departures(server, length))
    step = _MANY / next(row["characters/s"] for row in rows if row["clients"] == _MANY)
    return rows, [
        f"{name}: while {_MANY} clients have streams, the first character of a new one arrives "
        f"within {new['first character p50 ms']:.1f} ms (median) and "
        f"{new['first character p99 ms']:.1f} ms (p99; target: 100). With {_SLOW_READERS} clients "
        f"more that do not read, they get {slow / fast:.0%} of the characters that they get "
        f"while those read. When all leave, the rows are free after {1000 * departure:.1f} ms, "
        f"with the time of a request for /metrics; a step takes {1000 * step:.1f} ms."
    ]


def _row(
    load: str, count: int, figures: Sequence[dict[str, float]], sample: float = 0
) -> dict[str, Any]:
    medians = {name: _median([some[name] for some in figures]) for name in figures[0]}
    rate = float(medians.pop("characters/s"))
    return {
        "load": load,
        "clients": count,
        "characters/s": round(rate),
        "`sample -n`": round(sample) or "",
        "ratio": rate / sample if sample else "",
        **medians,
    }


async def soak(server: Server, length: int, minutes: float) -> list[dict[str, Any]]:
    """Load of every kind for a time, and what the server's process has in it.

    Many clients stream. Each second comes one that wants a short text, one that leaves in the
    middle of a text, and one that reads nothing and leaves after ten seconds.
    """
    characters = requests = 0

    def count(answer: Answer) -> None:
        nonlocal characters, requests
        characters += sum(event.characters for event in answer.events())
        requests += 1

    rows, stuck = [], deque[Client]()
    body, short, long = completion(length), completion(_SHORT), completion(10_000, logprobs=5)
    many = [await connect(server.address, body, count, repeats=True) for _ in range(_MANY)]
    start = last = time.monotonic()
    interval = max(60 * minutes / _SOAK_ROWS, 1)
    for second in range(round(60 * minutes)):
        await asyncio.sleep(start + second - time.monotonic())
        await connect(server.address, short, count)
        stuck.append(await connect(server.address, long, reads=False))
        await leave([stuck.popleft()] if len(stuck) > 10 else [])
        impatient = await connect(server.address, body)
        await asyncio.sleep(0.1)
        await leave([impatient])
        if (now := time.monotonic()) - last >= interval:
            rows.append(
                {
                    "minute": (now - start) / 60,
                    "memory, MB": server.process.memory_info().rss / 1e6,
                    "threads": server.process.num_threads(),
                    "descriptors": server.process.num_fds(),
                    "characters/s": round(characters / (now - last)),
                    "requests/s": requests / (now - last),
                }
            )
            print(rows[-1], flush=True)
            characters, requests, last = 0, 0, now
    await leave([*many, *stuck])
    return rows


def _median(values: Sequence[float]) -> float | str:
    """The median of those that were measured; empty if none was."""
    measured = [value for value in values if not math.isnan(value)]
    return statistics.median(measured) if measured else ""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", nargs="+", default=["128", "256", "512,512"])
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    options = parser.parse_args()
    networks = [tuple(map(int, text.split(","))) for text in options.units]
    if not options.soak:
        gc.disable()  # a pause of the clients would be measured
    with tempfile.TemporaryDirectory() as name:
        # Keras in another process: its memory and threads would take part.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            directories = {
                units: pool.submit(make_model, Path(name) / str(number), units, "sequence").result()
                for number, units in enumerate(networks)
            }
        if options.soak:
            _report_soak(directories, options.soak)
            return
        measured = [
            measure_model(directory, units, options.runs, options.seconds)
            for units, directory in directories.items()
        ]
    lengths = ", ".join(
        f"{length:,} (LSTM {','.join(map(str, units))})" for units, length in _LENGTHS.items()
    )
    report.write(
        "serve",
        "python -m benchmarks.serve",
        [row for rows, _ in measured for row in rows],
        [
            f"Medians of {options.runs} runs of {options.seconds:g} s. A client sends a request, "
            f"reads the answer, and sends the next one. The prompt has {len(_SEED)} characters. "
            f"The texts of streams have {lengths}. `sample -n`: characters per second of as many "
            "texts of that length without start-up, measured before each run. Cores: processor "
            "time by time; clients and server share the machine.",
            *(note for _, notes in measured for note in notes),
        ],
    )


def _report_soak(directories: dict[tuple[int, ...], Path], minutes: float) -> None:
    """Run the soak with the first network."""
    units, directory = next(iter(directories.items()))
    with serve(directory) as server:
        rows = uvloop.run(soak(server, _LENGTHS[units], minutes))
    growth = rows[-1]["memory, MB"] - rows[0]["memory, MB"]
    report.write(
        "serve-soak",
        f"python -m benchmarks.serve --units {','.join(map(str, units))} --soak {minutes:g}",
        rows,
        [
            f"{_MANY} clients with streams; each second one more that wants {_SHORT} characters, "
            "one that leaves in the middle of a text, and one that reads nothing for ten seconds: "
            "10,000 characters, each with five others and their probabilities.",
            f"Memory grew by {growth:.1f} MB from minute {rows[0]['minute']:.1f} to minute "
            f"{rows[-1]['minute']:.1f}.",
        ],
    )


if __name__ == "__main__":
    main()
