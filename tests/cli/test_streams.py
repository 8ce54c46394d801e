"""Standard streams that are lost, full, closed or a terminal."""

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from textgen.cli import streams

QUICK = ("--units", "8", "--batch-size", "16", "--maxlen", "10", "--sample-length", "20")


# Each command in a process of its own; importing Keras takes seconds, so it is done once.
COMMANDS = """
import json, os, sys
import keras
from textgen import cli

for command in json.loads(sys.argv.pop(1)):
    if (number := os.fork()) == 0:
        sys.argv[1:] = command
        cli.main()
    if status := os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]):
        sys.exit(status)
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("log", "options"),
    [
        ("2> /dev/full", [[], ["--log-format", "json"]]),
        ("2>&-", [["--log-format", "json"], ["--quiet"]]),
        ("<&- 2>&-", [[]]),
    ],
)
def test_work_continues_if_the_log_cannot_be_written(corpus, tmp_path, log, options):
    def run(log, *words):
        line = f"{shlex.join([sys.executable, *words])} {log}"
        return subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)

    commands = [["prepare", str(corpus), "-o", "p"]]
    for number, more in enumerate(options):
        model = ("--model", str(number), "--epochs", "2")
        commands.append(["train", "p", *QUICK, *model, *more])
    done = run(f">&- {log}", "-c", COMMANDS, json.dumps(commands))
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("p/ids.npy", *(f"{number}/model.keras" for number in range(len(options)))):
        assert (tmp_path / name).exists()
    done = run(log, "-m", "textgen", "sample", "--model", "0", "--length", "9")
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout) > 9
    assert run(log, "-m", "textgen", "train", "nothing.txt").returncode == 1


def test_a_training_continues_without_its_terminal(corpus, tmp_path):
    terminal = Terminal(  # the shell's job does not hear of the end
        "-c",
        f"trap '' HUP; {sys.executable} -m textgen train {corpus} {' '.join(QUICK)} --epochs 6",
        cwd=tmp_path,
        program=("bash",),
    )
    terminal.wait_for("sample at epoch 2")
    os.close(terminal.screen)
    assert terminal.process.wait(60) == 0
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    assert history["epochs"][-1]["epoch"] == 6


def test_names_move_no_cursor(textgen, corpus, tmp_path):
    shutil.copy(corpus, tmp_path / "\x1b]0;x\x07a.txt")
    done = textgen("train", "\x1b]0;x\x07a.txt", *QUICK, "--epochs", 1, "--model", "\x1bm")
    assert done.returncode == 0 and "reading \ufffd]0;x\ufffda.txt" in done.stderr
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr


def test_one_end_of_file_ends_what_is_typed(tmp_path):
    terminal = Terminal("prepare", "-", "-o", "p", "--maxlen", "3", cwd=tmp_path)
    terminal.type("abcdefgh ijklmnop qrstuvw\n" * 4)
    terminal.type("\x04")
    assert "prepared corpus" in terminal.wait_for("prepared corpus")
    terminal.end()
    assert terminal.process.returncode == 0


def test_where_text_can_be_redrawn(monkeypatch):
    class Tty(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Tty())
    for term, redraws in (("xterm", True), ("dumb", False)):
        monkeypatch.setenv("TERM", term)
        assert streams.can_redraw() is redraws
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not streams.can_redraw()
