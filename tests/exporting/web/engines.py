"""The engine in Chromium and in Node."""

import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser

from textgen.exporting.web.bundle import engine_module

NODE = shutil.which("node")

_IN_PAGE = """async ([source, code, argument]) => {
  if (!window.engine) {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    window.engine = await import(address);
  }
  const result = await (0, eval)(`(${code})`)(window.engine, argument);
  return JSON.stringify(result ?? null);
}"""

_IN_NODE = """
import * as engine from "./textgen.mjs";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { code, argument } = JSON.parse(line);
  const result = await (0, eval)(`(${code})`)(engine, argument);
  process.stdout.write(`${JSON.stringify(result ?? null)}\\n`);
}
"""


class Engine(Protocol):
    """Runs the engine."""

    def run(self, code: str, argument: Any = None) -> Any:
        """The result of an asynchronous function of JavaScript, as JSON has it.

        Args:
            code: The function; it takes the engine's module and the argument.
            argument: Values that JSON has.
        """


class ChromiumEngine:
    """The engine in a separate page."""

    def __init__(self, browser: Browser):
        self._page = browser.new_page()
        self._source = engine_module()

    def run(self, code: str, argument: Any = None) -> Any:
        return json.loads(self._page.evaluate(_IN_PAGE, [self._source, code, argument]))


class NodeEngine:
    """The engine in Node; the process starts with the first call, or the next after an error."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "textgen.mjs").write_text(engine_module(), encoding="utf-8")
        (directory / "run.mjs").write_text(_IN_NODE, encoding="utf-8")

    def run(self, code: str, argument: Any = None) -> Any:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None and self._process.stdout is not None
        content = json.dumps({"code": code, "argument": argument})
        with suppress(BrokenPipeError):
            self._process.stdin.write(content.encode() + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise AssertionError((self._directory / "errors").read_text(encoding="utf-8"))
        return json.loads(line)

    def _start(self) -> subprocess.Popen[bytes]:
        assert NODE is not None
        with (self._directory / "errors").open("wb") as errors:
            return subprocess.Popen(
                [NODE, "run.mjs"],
                cwd=self._directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
