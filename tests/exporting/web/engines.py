"""The engine in Chromium and in Node."""

import json
import shutil
import subprocess
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
import { readFileSync } from "node:fs";
const { code, argument } = JSON.parse(readFileSync(0, "utf8"));
const result = await (0, eval)(`(${code})`)(engine, argument);
process.stdout.write(JSON.stringify(result ?? null));
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
    """The engine in Node, a process for each call."""

    def __init__(self, directory: Path):
        self._directory = directory
        (directory / "textgen.mjs").write_text(engine_module(), encoding="utf-8")
        (directory / "run.mjs").write_text(_IN_NODE, encoding="utf-8")

    def run(self, code: str, argument: Any = None) -> Any:
        assert NODE is not None
        content = json.dumps({"code": code, "argument": argument})
        done = subprocess.run(
            [NODE, "run.mjs"],
            cwd=self._directory,
            input=content.encode(),
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)
