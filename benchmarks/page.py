"""An exported page and module: characters per second, bytes, and what their weights cost in loss.

Compared with the network in NumPy, as `textgen sample` uses it, and with ONNX Runtime Web, which
npm installs into a temporary directory.

Targets: 5,000 characters per second with LSTM 256 in Chromium; with weights in float16 a page of
less than 1.5 MB for LSTM 256 and less than 10 MB for LSTM 512,512.

    python -m benchmarks.page [MODEL...] [--runs 5] [--onnxruntime-web DIR]

Speed and size are those of models with random weights. The loss is measured with the models that
are named, on the validation part of the corpus that each has in its directory.
"""

import argparse
import gzip
import os
import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import textgen
from benchmarks import page_speed, report
from benchmarks.page_speed import OnnxPages, Speed
from benchmarks.sampling import make_model
from textgen.analysis.evaluation import measure
from textgen.analysis.model_text import corpus_part
from textgen.exporting.web.bundle import engine_module
from textgen.exporting.web.model_file import round_weights, write_model_file
from textgen.exporting.web.page import model_page
from textgen.model.model_dir import read_model
from textgen.settings import WEIGHT_DTYPES
from textgen.text.documents.index import VALIDATION

_NETWORKS = ((128,), (256,), (448,), (512, 512))
_MEASURED = ((128,), (256,), (512, 512))  # whose speed is measured
_NOISE = 0.02  # of random weights: rounding errors of exports stay as small as with trained ones
_DTYPE = "float16"  # of the weights whose speed is measured, as all are float32 in memory
_SECONDS = 0.5  # of each measurement
_BUTTON, _BUTTON_LARGE, _LARGE = 4000, 1500, 500  # characters, of networks from so many units on
_GZIP = 6  # the level of most servers
_SPEED_TARGETS: dict[tuple[tuple[int, ...], str], int] = {((256,), "worker"): 5000}
_SIZE_TARGETS: dict[tuple[tuple[int, ...], str], str] = {
    ((256,), "float16"): "< 1.5",
    ((512, 512), "float16"): "< 10",
}
_PLACES = {
    "worker": "page, in a worker",
    "button": "page, with the text that it draws",
    "page": "page, `window.textgen`",
    "node": "module in Node",
    "plain": "module in Node without WebAssembly",
    "onnx": "ONNX Runtime Web, on a page",
    "numpy": "NumPy",
}
_SPEED_NOTE = (
    f"Weights in {_DTYPE}, carried state, temperature 0.5, vocabulary of 65. All ran before they "
    "were measured (ONNX Runtime Web for four seconds) except the page that draws: that is the "
    f"first text of a page just opened, {_BUTTON:,} characters ({_BUTTON_LARGE:,} with LSTM "
    "512,512), from the press of Generate to the last character in its colour on the screen, each "
    "with its ten alternatives. ONNX Runtime Web runs in WebAssembly with one thread, one step for "
    "each character. Seconds to start: of a page, from its request until it can generate; of Node "
    "and of the page with ONNX Runtime Web, until it has generated a character. All files are on "
    "this machine."
)
_SIZE_NOTE = (
    f"Random weights, vocabulary of 65. MB of 1,000,000 bytes; gzip: level {_GZIP}, as of servers. "
    "The module is textgen.js and model.json; ONNX Runtime Web is "
    f"{', '.join(page_speed.RUNTIME_FILES)} (its smallest build) and model.onnx."
)
_LOSS_NOTE = (
    "Nats per character on the validation part of the corpus: in the order of the text with "
    "carried state, or document by document. Added: compared with float32."
)


class Network:
    """A network with random weights, and all that is made of it."""

    def __init__(self, folder: Path, units: tuple[int, ...]):
        """Make it in a folder, which is created."""
        self.units = units
        self.name = f"LSTM {','.join(map(str, units))}"
        self.model = make_model(folder / "model", units, "sequence", noise=_NOISE)
        self.onnx: Path | None = None
        trained = read_model(self.model)
        self.pages = {dtype: folder / f"{dtype}.html" for dtype in WEIGHT_DTYPES}
        self.modules = {dtype: folder / dtype for dtype in WEIGHT_DTYPES}
        for dtype in WEIGHT_DTYPES:
            content = write_model_file(trained, self.name, dtype)
            page = model_page(content.decode(), self.name)
            self.pages[dtype].write_text(page, encoding="utf-8")
            self.modules[dtype].mkdir()
            (self.modules[dtype] / "textgen.js").write_text(engine_module(), encoding="utf-8")
            (self.modules[dtype] / "model.json").write_bytes(content)

    def write_onnx(self, folder: Path) -> None:
        """Export it as ONNX to a directory in a folder."""
        self.onnx = folder / self.name
        textgen.export(self.model, self.onnx, "onnx")


def measure_speed(
    network: Network, browser: Any, node: str, address: str, runs: int
) -> list[dict[str, Any]]:
    """A network in each place, one after the other and again: rows of medians.

    Args:
        network: The network.
        browser: From `page_speed.open_browser`.
        node: The program.
        address: Where ONNX Runtime Web is served, or "".
        runs: How often each is measured.
    """
    page, module = network.pages[_DTYPE], network.modules[_DTYPE]
    length = _BUTTON_LARGE if sum(network.units) > _LARGE else _BUTTON
    speeds: dict[str, list[Speed]] = defaultdict(list)
    onnx = network.onnx and OnnxPages(browser, address, network.onnx.name)
    for _ in range(runs):
        measurements = page_speed.measure_page(browser, page, _SECONDS, length)
        measurements["node"] = page_speed.measure_node(node, module, _SECONDS)
        measurements["plain"] = page_speed.measure_node(node, module, _SECONDS, "--no-webassembly")
        measurements["numpy"] = page_speed.measure_numpy(network.model, _SECONDS)
        if onnx:
            measurements["onnx"] = onnx.measure(_SECONDS)
        for place, speed in measurements.items():
            speeds[place].append(speed)
    if onnx:
        onnx.close()
    rates = {place: statistics.median(s.rate for s in each) for place, each in speeds.items()}
    starts = {
        place: statistics.median(seconds)
        for place, each in speeds.items()
        if (seconds := [s.start for s in each if s.start is not None])
    }
    return [
        {
            "network": network.name,
            "where": where,
            "characters/s": round(rates[place]),
            "target": _SPEED_TARGETS.get((network.units, place), ""),
            "relative to ONNX Runtime Web": rates[place] / rates["onnx"] if network.onnx else "",
            "relative to NumPy": rates[place] / rates["numpy"],
            "seconds to start": starts.get(place, ""),
        }
        for place, where in _PLACES.items()
        if place in rates
    ]


def measure_sizes(network: Network, runtime: Path | None) -> list[dict[str, Any]]:
    """Bytes of the page and the module with each type of weights, and of ONNX Runtime Web."""
    rows = []
    for dtype in WEIGHT_DTYPES:
        onnx = []
        if network.onnx and runtime and dtype == "float32":
            onnx = [network.onnx / "model.onnx"]
            onnx += [runtime / "dist" / name for name in page_speed.RUNTIME_FILES]
        rows.append(
            {
                "network": network.name,
                "weights": dtype,
                **_sizes("page", [network.pages[dtype]]),
                "target for the page, MB": _SIZE_TARGETS.get((network.units, dtype), ""),
                **_sizes("module", [*network.modules[dtype].iterdir()]),
                **_sizes("ONNX Runtime Web", onnx),
            }
        )
    return rows


def _sizes(what: str, files: list[Path]) -> dict[str, float | str]:
    """MB of files, as they are and as servers send them."""
    contents = [file.read_bytes() for file in files]
    size = sum(map(len, contents)) / 1e6
    sent = sum(len(gzip.compress(content, _GZIP)) for content in contents) / 1e6
    return {f"{what}, MB": size or "", f"{what}, gzip": sent or ""}


def measure_losses(directory: Path) -> list[dict[str, Any]]:
    """The loss of a trained model on its validation part, with each type of weights."""
    trained = read_model(directory)
    model = trained.record.settings.model
    evaluations = {
        dtype: measure(
            replace(trained, weights=round_weights(trained.weights, dtype)),
            corpus_part(trained, directory, VALIDATION),
        )
        for dtype in WEIGHT_DTYPES
    }
    exact = evaluations["float32"].loss
    return [
        {
            "model": directory.name,
            "network": f"{model.cell.upper()} {','.join(map(str, model.units))}",
            "weights": dtype,
            "characters": evaluation.predicted,
            "loss": f"{evaluation.loss:.6f}",
            "added": "" if dtype == "float32" else f"{evaluation.loss - exact:+.6f}",
        }
        for dtype, evaluation in evaluations.items()
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--onnxruntime-web", type=Path, help="the directory of its npm package")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tools = page_speed.Tools.find()
    speeds, sizes = list[dict[str, Any]](), list[dict[str, Any]]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runtime = options.onnxruntime_web
        runtime = runtime or page_speed.install_runtime(tools.npm, folder / "npm")
        networks = [Network(folder / "-".join(map(str, units)), units) for units in _NETWORKS]
        address, programs = "", tools.versions()
        if runtime:
            served = folder / "served"
            for network in networks:
                network.write_onnx(served)
            address = stack.enter_context(page_speed.serve_runtime(served, runtime))
            programs.append(page_speed.describe_runtime(runtime))
        browser = stack.enter_context(page_speed.open_browser(tools.chromium))
        for network in networks:
            sizes += measure_sizes(network, runtime)
            if network.units in _MEASURED:
                speeds += measure_speed(network, browser, tools.node, address, options.runs)
    command = report.describe_command("page")
    note = f"Medians of {options.runs} runs, in turn. {_SPEED_NOTE}"
    report.write("page", command, speeds, [note], programs)
    report.write("page-sizes", command, sizes, [_SIZE_NOTE], programs)
    if options.models:
        losses = [row for directory in options.models for row in measure_losses(directory)]
        report.write("page-loss", command, losses, [_LOSS_NOTE])


if __name__ == "__main__":
    main()
