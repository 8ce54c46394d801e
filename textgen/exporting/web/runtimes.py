"""Programs on this machine that can run JavaScript: Node, or a browser without a window."""

import contextlib
import html
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 120.0  # seconds for a script; 500 tokens of LSTM 512,512 take one
_OLDEST_NODE = 18
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_APPLICATIONS = ("Google Chrome", "Chromium")  # on macOS
_QUIET = (
    *("--headless", "--disable-gpu", "--disable-extensions", "--disable-sync", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    # The page may take this many milliseconds, of a clock that jumps over the time without work.
    "--virtual-time-budget=600000",
)
_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>textgen</title>
<script type="module">
const report = (text) => {{
  const result = document.createElement("pre");
  result.id = "textgen-result";
  result.textContent = text;
  document.body.append(result);
}};
{script}
</script>
"""
_RESULT = re.compile(r'<pre id="textgen-result">(.*?)</pre>', re.DOTALL)


@dataclass(frozen=True)
class Runtime:
    """A program that runs JavaScript.

    Attributes:
        name: Its name in messages, `Node 20.1.0` or `chromium`.
        run: Runs the source of a module and returns the text that it calls `report` with; None if
            the program fails, or takes too long, before that.
    """

    name: str
    run: Callable[[str], str | None]


def find_runtimes() -> Iterator[Runtime]:
    """The programs on this machine that can run JavaScript, the quickest to start first."""
    if (node := shutil.which("node")) and (version := _node_version(node)):
        yield Runtime(f"Node {version}", lambda script: _run_in_node(node, script))
    if browser := _find_browser():
        yield Runtime(Path(browser).name, lambda script: _run_in_browser(browser, script))


def _node_version(node: str) -> str | None:
    """The version of Node; None if it is too old, or is another program of this name."""
    match = re.match(rb"v(\d+)\.\S+", _output([node, "--version"]) or b"")
    if match is None or int(match[1]) < _OLDEST_NODE:
        return None
    return match[0][1:].decode("ascii", "replace")


def _find_browser() -> str | None:
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    for folder in (Path("/Applications"), Path.home() / "Applications"):
        for name in _APPLICATIONS:
            application = folder / f"{name}.app/Contents/MacOS/{name}"
            if application.exists():
                return str(application)
    return None


def _run_in_node(node: str, script: str) -> str | None:
    source = f"const report = (text) => process.stdout.write(text);\n{script}"
    output = _output([node, "--input-type=module"], source.encode())
    return output.decode() if output else None


def _run_in_browser(browser: str, script: str) -> str | None:
    # Else a text in the script could end it.
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    with tempfile.TemporaryDirectory(prefix="textgen-", ignore_cleanup_errors=True) as folder:
        page = Path(folder, "page.html")
        page.write_text(_PAGE.format(script=script), encoding="utf-8")
        # The superuser, as in a container, has no sandbox to start it in.
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [browser, *_QUIET, *sandbox, f"--user-data-dir={folder}/profile"]
        output = _output([*command, "--dump-dom", page.as_uri()])
    match = _RESULT.search((output or b"").decode("utf-8", "replace"))
    return html.unescape(match[1]) if match else None


def _output(command: Sequence[str], data: bytes = b"") -> bytes | None:
    """What a program writes to its standard output; None if it fails or takes too long."""
    try:
        process = subprocess.Popen(  # noqa: S603  the program that the user's PATH names
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a browser has many processes, which end together
        )
    except OSError:
        return None
    with process:
        try:
            output, _ = process.communicate(data, timeout=TIMEOUT)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
    return output if process.returncode == 0 else None


def as_literal(value: object) -> str:
    """A value of JSON as an expression of JavaScript, in ASCII, that is safe within a page."""
    return json.dumps(value).replace("<", "\\u003c")
