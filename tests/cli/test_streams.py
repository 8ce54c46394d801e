"""Standard streams that are lost, full, closed or a terminal."""

import io
import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from textgen.cli import streams

QUICK = ("--units", "8", "--batch-size", "16", "--maxlen", "10", "--sample-length", "20")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("stdin", "stderr", "options"),
    [
        ("/dev/null", "/dev/full", [[], ["--log-format", "json"]]),
        ("/dev/null", None, [["--log-format", "json"], ["--quiet"]]),
        (None, None, [[]]),
    ],
    ids=["full", "closed", "all closed"],
)
def test_work_continues_if_the_log_cannot_be_written(
    corpus, tmp_path, forks, stdin, stderr, options
):
    def run(*words, stdout=None):
        with ExitStack() as files:
            streams = [
                path and files.enter_context(Path(path).open("rb+", buffering=0)).fileno()
                for path in (stdin, stdout, stderr)
            ]
            return forks.start(words, tmp_path, os.environ, streams).wait(120)

    assert run("prepare", str(corpus), "-o", "p") == 0
    for number, more in enumerate(options):
        model = ("--model", str(number), "--epochs", "2")
        assert run("train", "p", *QUICK, *model, *more) == 0
        assert (tmp_path / str(number) / "model.keras").exists()
    output = tmp_path / "output"
    output.touch()
    assert run("sample", "--model", "0", "--length", "9", stdout=output) == 0
    assert len(output.read_text()) > 9
    assert run("train", "nothing.txt") == 1


def test_a_training_continues_without_its_terminal(corpus, tmp_path):
    terminal = Terminal(  # the shell's job does not hear of the end
        "-c",
        f"trap '' HUP; {sys.executable} -m textgen train {corpus} {' '.join(QUICK)} --epochs 30",
        cwd=tmp_path,
        program=("bash",),
    )
    terminal.wait_for("sample at epoch 2")
    os.close(terminal.screen)
    assert terminal.process.wait(60) == 0
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    assert history["epochs"][-1]["epoch"] == 30


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
