"""Characters per second of an exported model in Chromium, in Node and in ONNX Runtime Web."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from textgen.model import model_dir

_SCRIPTS = Path(__file__).parent / "javascript"
RUNTIME, _RUNTIME_VERSION = "onnxruntime-web", "1.30.0"
# Its smallest build: of the loader, the one that contains the part that starts the .wasm.
RUNTIME_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# In a container, Chromium has no sandbox.
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_ONNX_WARM_UP = 4.0  # seconds, after which its speed grows no more
_CHUNK = 20  # characters between two looks at the clock


class Speed(NamedTuple):
    """What was measured once: characters per second, and seconds until a text can begin."""

    rate: float
    start: float | None = None


@dataclass(frozen=True)
class Tools:
    """Programs of this machine: Chromium, Node, and npm or None."""

    chromium: str
    node: str
    npm: str | None

    @classmethod
    def find(cls) -> "Tools":
        """Find them; without one of the first two the benchmark ends."""
        chromium = next(filter(None, map(shutil.which, _BROWSERS)), None)
        node = shutil.which("node")
        if chromium is None or node is None:
            raise SystemExit("benchmarks.page needs Chromium and Node; install them")
        return cls(chromium, node, shutil.which("npm"))

    def versions(self) -> list[str]:
        """Their names and versions."""
        browser = _output(self.chromium, "--version").split()[:2]
        versions = [" ".join(browser), f"Node {_output(self.node, '--version').removeprefix('v')}"]
        return versions + ([f"npm {_output(self.npm, '--version')}"] if self.npm else [])


def _output(*command: str) -> str:
    return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()


def install_runtime(npm: str | None, folder: Path) -> Path | None:
    """Install ONNX Runtime Web in a folder; None, and a line on the screen, if that fails."""
    if npm is None:
        print("Without ONNX Runtime Web: npm is not installed.")
        return None
    folder.mkdir()
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", folder)
    package = f"{RUNTIME}@{_RUNTIME_VERSION}"
    if subprocess.run([npm, "install", *options, package], check=False).returncode:
        print(f"Without ONNX Runtime Web: npm cannot install {package}.")
        return None
    return folder / "node_modules" / RUNTIME


def describe_runtime(package: Path) -> str:
    """Name and version of an installed package."""
    about = json.loads((package / "package.json").read_bytes())
    return f"{about['name']} {about['version']}"


def measure_numpy(directory: Path, seconds: float) -> Speed:
    """The network in NumPy."""
    sampler = model_dir.load(directory)
    text = sampler.stream(random_seed=1)
    rate = 0.0
    for duration in (0.1, seconds):
        start, characters = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < duration:
            characters += len("".join(islice(text, _CHUNK)))
        rate = characters / elapsed
    return Speed(rate)


def measure_node(node: str, folder: Path, seconds: float, *options: str) -> Speed:
    """The JavaScript module in a process of Node."""
    command = [node, str(_SCRIPTS / "node.mjs"), str(folder), str(seconds), *options]
    answer = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    return Speed(answer["rate"], answer["first"])


@contextmanager
def open_browser(program: str) -> Iterator[Any]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


def measure_page(browser: Any, file: Path, seconds: float, length: int) -> dict[str, Speed]:
    """An exported page: what generates in it, alone and with everything that the page does.

    Args:
        browser: From `open_browser`.
        file: The page.
        seconds: How long to measure.
        length: Characters to generate with the button.
    """
    page = browser.new_page()
    for script in ("measure.js", "page.js"):
        page.add_init_script(path=_SCRIPTS / script)
    page.goto(file.as_uri())
    start = page.evaluate("ready")
    speeds = {
        "worker": Speed(page.evaluate("measureInWorker", seconds)),
        "page": Speed(page.evaluate("measureHere", seconds)),
        "button": Speed(page.evaluate("measureButton", length), start),
    }
    page.close()
    return speeds


class OnnxPages:
    """Pages that generate in ONNX Runtime Web."""

    def __init__(self, browser: Any, address: str, name: str):
        """Open one; its code is compiled as it runs, which takes a few seconds.

        Args:
            browser: From `open_browser`.
            address: From `serve_runtime`.
            name: The directory of the export.
        """
        self._browser, self._address = browser, f"{address}/onnx.html?model={name}"
        self._page = self._open()
        self._measure(self._page, _ONNX_WARM_UP)

    def measure(self, seconds: float) -> Speed:
        """The speed on the page that has been running; the time to start of another one."""
        rate = self._measure(self._page, seconds)
        page = self._open()
        start: float = page.evaluate("ready")
        page.close()
        return Speed(rate, start)

    def close(self) -> None:
        """Close the page."""
        self._page.close()

    def _open(self) -> Any:
        page = self._browser.new_page()
        page.goto(self._address)
        page.wait_for_function("globalThis.ready")
        return page

    @staticmethod
    def _measure(page: Any, seconds: float) -> float:
        rate: float = page.evaluate("(seconds) => measure(generate, seconds, 0.1)", seconds)
        return rate


@contextmanager
def serve_runtime(folder: Path, runtime: Path) -> Iterator[str]:
    """Serve the exports in a folder, and ONNX Runtime Web for them, to this machine.

    Args:
        folder: It has a directory for each export.
        runtime: The installed package.

    Returns:
        The address.
    """
    for file in ("onnx.html", "onnx.js", "measure.js"):
        (folder / file).symlink_to(_SCRIPTS / file)
    for file in RUNTIME_FILES:
        (folder / file).symlink_to(runtime / "dist" / file)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=folder)
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
