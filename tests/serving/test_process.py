"""`textgen serve` as a process: what it writes, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.analysis.models import random_model, save_model
from tests.serving.serving import CONTINUOUS

ADDRESS = re.compile(r"textgen: serving (.+) on (http://\S+)\n")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(random_model(CONTINUOUS), tmp_path_factory.mktemp("process") / "letters")


class Process:
    """A server that runs in a process, with its address and the lines that it writes."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "textgen", "serve", "--port", "0", *map(str, arguments)],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        assert self.process.stderr is not None
        first = self.process.stderr.readline()
        match = ADDRESS.fullmatch(first)
        assert match, first
        self.names, self.address = match.groups()

    def end(self, number=signal.SIGTERM):
        """Send a signal and wait; returns the status and what was written."""
        self.process.send_signal(number)
        out, lines = self.process.communicate(timeout=20)
        assert out == ""
        return self.process.returncode, lines


@contextmanager
def process(*arguments, **environment):
    running = Process(*arguments, **environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


class LongRequest:
    """A stream in another thread.

    Attributes:
        lines: The events so far.
    """

    def __init__(self, address, length):
        self.lines = list[str]()
        body = {"prompt": "abc", "max_tokens": length, "stream": True}
        self._thread = threading.Thread(target=self._read, args=(address, body))
        self._thread.start()
        while not self.lines:
            time.sleep(0.005)

    def _read(self, address, body):
        url = f"{address}/v1/completions"
        with (
            suppress(httpx.HTTPError),  # if the server ends at once
            httpx.stream("POST", url, json=body, timeout=60) as answer,
        ):
            self.lines.extend(line for line in answer.iter_lines() if line)

    @property
    def is_running(self):
        return self._thread.is_alive()

    def join(self):
        self._thread.join(60)
        assert not self.is_running


def test_a_signal_ends_an_idle_server(model):
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        with process(model) as running:
            assert running.names == "letters"
            with httpx.Client(base_url=running.address) as client:
                assert client.get("/health?secret").json() == {"status": "ok"}
                start = time.monotonic()
                ended, lines = running.end(number)
            assert time.monotonic() - start < 5
            assert ended == status
            assert re.fullmatch(r"textgen: 127.0.0.1 GET /health 200, 0\.\d\d\d s\n", lines)


def test_requests_in_progress_are_finished(model):
    with process(model, "--quiet", "--max-length", 10**6, "--grace", "60") as running:
        with httpx.Client(base_url=running.address) as client:
            assert client.get("/health").status_code == 200
            request = LongRequest(running.address, 10_000)
            running.process.send_signal(signal.SIGTERM)
            while client.get("/health").status_code == 200:
                time.sleep(0.01)
            refused = client.post("/v1/completions", json={"prompt": "abc"})
        assert request.is_running
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "closing"
        request.join()
        assert '"finish_reason":"length"' in request.lines[-2]
        assert request.lines[-1] == "data: [DONE]"
        running.process.wait(20)
        assert (running.process.returncode, running.process.stderr.read()) == (0, "")


def test_after_the_grace_period_requests_end_with_an_error(model):
    with process(model, "--quiet", "--max-length", 10**8, "--grace", "0.2") as running:
        request = LongRequest(running.address, 10**8)
        status, lines = running.end()
        request.join()
        assert '"code":"closing"' in request.lines[-2]
        assert request.lines[-1] == "data: [DONE]"
        assert (status, lines) == (143, "textgen: 1 request was not finished in time\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_server_at_once(model, number):
    with process(model, "--max-length", 10**8, "--grace", "60") as running:
        request = LongRequest(running.address, 10**8)
        running.process.send_signal(number)
        while httpx.get(f"{running.address}/health").status_code == 200:
            time.sleep(0.01)
        start = time.monotonic()
        status, _ = running.end(number)
        assert time.monotonic() - start < 2
        assert status == 128 + number
        request.join()
        assert request.lines[-1] != "data: [DONE]"


def test_an_address_in_use_is_one_line(model, textgen):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = textgen("serve", model, "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        rf"textgen: error: 127.0.0.1:{port}: cannot be listened on: .+; give another --port, or "
        "--port 0 for any that is free\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--host", "0.0.0.0"], 2, "others can reach 0.0.0.0: set a key as TEXTGEN_API_KEY"),
        (["--host", "no.such.host.invalid"], 1, "is no address of this computer"),
        (["--api-key", ""], 2, "the key must have printable ASCII characters"),
        (["--api-key", "a", "--no-key"], 2, "exclude each other"),
        (["--allow-origin", "*"], 2, "is not an origin"),
        (["--rows", "0"], 2, "--rows must be a whole number, 1 or more"),
        (["--time-limit", "0"], 2, "'0' is not a time"),
    ],
)
def test_wrong_use_is_one_line(model, textgen, arguments, status, message):
    done = textgen("serve", model, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("textgen: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_package_is_one_line(model):
    code = (
        "import sys; sys.modules['starlette'] = None; sys.argv[:] = ['textgen', *sys.argv[1:]]\n"
        "from textgen.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", model], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "textgen: error: starlette is not installed: pip install 'keras-textgen[serve]'\n"
    )


def test_the_key_of_the_environment_is_asked_for(model):
    with process(model, TEXTGEN_API_KEY="hush") as running:
        with httpx.Client(base_url=running.address) as client:
            assert client.get("/v1/models").status_code == 401
            client.headers["Authorization"] = "Bearer hush"
            assert client.get("/v1/models").status_code == 200
        status, lines = running.end()
        assert (status, "hush" in lines) == (0, False)


def test_the_server_loads_no_framework(model):
    code = (
        "import sys; from pathlib import Path\n"
        "from textgen.cli import program\n"
        "from textgen.serving.server import TextServer\n"
        "TextServer.run = lambda *_: 0\n"
        "program.main(['serve', sys.argv[1], '--port', '0'], standalone_mode=False)\n"
        "names = ('keras', 'tensorflow', 'jax', 'torch', 'matplotlib', 'numba', 'rich')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, model], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
