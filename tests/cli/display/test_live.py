"""The display of a training on a terminal, also when the training is stopped."""

import shlex
import shutil
import sys
import time

import pytest

from tests.cli.terminal import Screen, Terminal

pytestmark = pytest.mark.framework
QUICK = ("--units", "8", "--embedding", "4", "--maxlen", "10", "--batch-size", "16")


def test_a_display_on_a_terminal_leaves_lines(corpus, tmp_path, forks):
    terminal = Terminal("train", corpus, *QUICK, "--epochs", "12", cwd=tmp_path, forks=forks)
    bytes_shown = terminal.end()
    assert terminal.process.returncode == 0, bytes_shown
    for figure in ("characters/s", "bits/character", "best so far", "epoch 12/12", " 100%"):
        assert figure in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor
    lines = [line for line in screen.lines if line]
    assert "        read as one continuous text" in lines
    lines = [line for line in lines if not line.startswith(" ")]
    assert lines[0].startswith("textgen: reading ") and lines[1].startswith("corpus: ")
    assert lines[2].startswith("model: LSTM 8, ") and lines[3].startswith("training: 12 epochs")
    assert [line.split(":")[0] for line in lines[4:-2]] == [f"epoch {n}/12" for n in range(1, 13)]
    assert lines[-2].startswith("done; the best model (epoch ")
    assert lines[-1] == "next: textgen sample"


def test_ctrl_c_restores_the_terminal(corpus, tmp_path, forks):
    terminal = Terminal(
        *("train", corpus, *QUICK, "--epochs", "100000"),
        cwd=tmp_path,
        columns=120,
        rows=40,
        forks=forks,
    )
    bytes_shown = terminal.wait_for("sample at epoch 2")
    screen = Screen().show(bytes_shown)
    assert not screen.cursor
    terminal.type("\x03")
    bytes_shown += terminal.end()
    assert terminal.process.returncode == 130 and "Traceback" not in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor
    lines = [line for line in screen.lines if line]
    assert lines[-3].startswith("stopped; the best model (epoch ")
    assert not any("Ctrl-C again" in line for line in lines)


def test_a_second_ctrl_c_restores_the_terminal_as_well(corpus, tmp_path, forks):
    script = """
import sys, time
from textgen.compute import runtime

def step(*_):
    print("in a step", file=sys.stderr)
    time.sleep(60)

def start(*arguments, **options):
    backend = start_backend(*arguments, **options)
    from textgen.compute.backends.keras_networks import KerasTrainer
    KerasTrainer.step = step
    return backend

start_backend, runtime.start = runtime.start, start
"""
    arguments = ("train", corpus, *QUICK, "--epochs", "1")
    terminal = Terminal(*arguments, cwd=tmp_path, forks=forks, before=script)
    bytes_shown = terminal.wait_for("in a step")
    assert not Screen().show(bytes_shown).cursor
    terminal.type("\x03")
    time.sleep(1)
    assert terminal.process.poll() is None
    terminal.type("\x03")
    bytes_shown += terminal.end()
    assert terminal.process.returncode == 130 and "Traceback" not in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor and any(line.startswith("training: ") for line in screen.lines)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs a shell that knows jobs")
def test_ctrl_z_restores_the_terminal_until_fg(corpus, tmp_path):
    terminal = Terminal("--norc", "-i", cwd=tmp_path, program=("bash",))
    command = shlex.join([sys.executable, "-m", "textgen", "train", corpus.name, *map(str, QUICK)])
    terminal.type(f"{command} --epochs 100000\n")
    assert not Screen().show(terminal.wait_for("sample at epoch 2")).cursor
    terminal.type("\x1a")
    assert Screen().show("\x1b[?25l" + terminal.wait_for("Stopped")).cursor
    terminal.type("bg\n")
    time.sleep(1)
    terminal.type("echo un''disturbed\n")
    assert "bits/character" not in terminal.wait_for("undisturbed")
    terminal.type("fg\n")
    assert not Screen().show(terminal.wait_for("sample at epoch")).cursor
    terminal.type("\x03")
    terminal.wait_for("stopped; the best model")
    terminal.type("exit\n")
    assert Screen().show(terminal.end()).cursor
