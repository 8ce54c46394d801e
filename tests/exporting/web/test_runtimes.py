"""Programs that run JavaScript: found, run, and ended in time."""

import os
import re
import shutil
import time
from pathlib import Path

import psutil
import pytest

from textgen.exporting.web import runtimes
from textgen.exporting.web.runtimes import Runtime, as_literal, find_runtimes

FOUND = {"node" if each.name.startswith("Node ") else "browser": each for each in find_runtimes()}
TEXT = 'é </script><!-- & "quoted" \u2028 <pre id="textgen-result">'


@pytest.fixture(params=["node", "browser"])
def runtime(request) -> Runtime:
    if request.param not in FOUND:
        pytest.skip(f"no {request.param} here")
    return FOUND[request.param]


def running_programs() -> set[int]:
    """The processes of Node and browsers that this process has started."""
    children = psutil.Process().children(recursive=True)
    running = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return {child.pid for child in running if re.search("node|chrom", child.name())}


def test_a_browser_is_found_where_the_tests_need_one():
    assert "browser" in FOUND or not os.environ.get("CI")


def test_a_module_reports_a_text(runtime):
    script = (
        f"const text = await Promise.resolve({as_literal(TEXT)});\n"
        "await new Promise((resolve) => setTimeout(resolve, 50));\n"
        "report(text);\n"
    )
    assert runtime.run(script) == TEXT


@pytest.mark.parametrize("script", ["throw new Error('no')", "this is not JavaScript", ""])
def test_without_a_report_there_is_none(script, runtime):
    assert runtime.run(script) is None


def test_a_script_without_end_is_ended_with_all_its_processes(runtime, monkeypatch):
    monkeypatch.setattr(runtimes, "TIMEOUT", 2.0)
    before = running_programs()
    started = time.monotonic()
    assert runtime.run("for (;;);") is None
    assert time.monotonic() - started < 20
    assert running_programs() <= before


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put programs, and no others, on the PATH."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("says", ["echo v12.22.0", "echo hello", "exit 1"])
def test_an_old_node_or_another_program_of_that_name_is_not_used(says, tmp_path, monkeypatch):
    programs(tmp_path, monkeypatch, node=says)
    assert list(find_runtimes()) == []


def test_browsers_have_several_names(tmp_path, monkeypatch):
    programs(tmp_path, monkeypatch, **{"google-chrome": "exit 1"})
    (browser,) = find_runtimes()
    assert browser.name == "google-chrome" and browser.run("report('')") is None


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here")
def test_node_comes_first():
    assert next(find_runtimes()).name.startswith("Node ")
