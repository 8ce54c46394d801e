"""Ctrl-C, SIGTERM and SIGHUP."""

import json
import signal
import subprocess
import sys
import time

import pytest

QUICK = [
    "--units",
    "8",
    "--embedding",
    "4",
    "--maxlen",
    "10",
    "--batch-size",
    "16",
    "--epochs",
    "1",
]


def test_ctrl_c_in_the_first_epoch_keeps_that_model(textgen, start, corpus):
    process = start("train", corpus, *QUICK[:-1], "100000")
    for line in process.stderr:
        if line.startswith("training:"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert "stopped; the best model (epoch 0." in rest
    assert textgen("sample").returncode == 0


def test_ctrl_c_before_training_leaves_nothing(tmp_path, corpus):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", corpus, *QUICK],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert "Traceback" not in rest
    assert not (tmp_path / "textgen-model/manifest.json").exists()


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129)])
def test_a_signal_inside_a_callback_ends_the_program_as_well(number, status):
    """Python drops what is raised in a finalizer or in a callback of the garbage collector."""
    code = (
        "import os, signal, sys, time\nfrom textgen import cli\n"
        "class Lost:\n"
        "    def __del__(self):\n"
        f"        os.kill(os.getpid(), signal.{number})\n"
        "        time.sleep(1)\n"
        "@cli.program.command('wait')\n"
        "def wait():\n"
        "    Lost()\n"
        "    time.sleep(60)\n"
        "sys.argv[1:] = ['wait']\ncli.main()"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (status, "", "")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_that_an_import_drops_ends_the_program_as_well(
    tmp_path, corpus, start, number, status
):
    code = (
        "import os, signal, sys\n"
        "from textgen.compute import runtime as backend\n"
        "start = backend.start\n"
        "def dropping(*of, **options):\n"
        "    try:\n"
        f"        os.kill(os.getpid(), signal.{number})\n"
        "    except BaseException:\n"
        "        print('dropped', file=sys.stderr)\n"
        "    return start(*of, **options)\n"
        "backend.start = dropping\n"
    )
    process = start("train", corpus, *QUICK, before=code)
    lines = process.stderr.read().splitlines()
    assert (process.wait(60), lines.count("dropped")) == (status, 1), lines
    assert not (tmp_path / "textgen-model/manifest.json").exists()


@pytest.mark.parametrize("number", ["SIGHUP", "SIGINT"])
def test_a_signal_that_is_ignored_stays_ignored(number):
    """As by nohup, and for a program in the background."""
    code = (
        "import os, signal\nfrom textgen import cli\n"
        f"signal.signal(signal.{number}, signal.SIG_IGN)\n"
        "@cli.program.command('live')\n"
        "def live():\n"
        f"    os.kill(os.getpid(), signal.{number})\n"
        "    from textgen.cli.stop_signals import StopSignals\n"
        "    stop = StopSignals()\n"
        "    stop.listen(lambda: None)\n"
        f"    os.kill(os.getpid(), signal.{number})\n"
        "    import time; time.sleep(0.2)\n"
        "    print(stop.number)\n"
        "import sys; sys.argv[1:] = ['live']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_with_json_lines_a_signal_before_training_is_an_event(tmp_path, corpus, number, status):
    command = ["train", corpus, *QUICK, "--log-format", "json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert json.loads(process.stderr.readline())["event"] == "corpus_opened"
    process.send_signal(getattr(signal, number))
    lines = [json.loads(line) for line in process.stderr]
    assert process.wait(60) == status
    assert lines[-1] == {"event": "error", "message": f"ended by {number}", "status": status}
