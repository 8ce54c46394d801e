"""The program as its users run it: its own process, real files, real pipes."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textgen.cli import program

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


def test_from_a_text_to_new_text_in_a_pipeline(tmp_path, text):
    """A corpus on standard input, a model in the default directory, text through a pipe."""
    options = " ".join(QUICK)
    done = subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            f"gzip -c | textgen train - {options} && "
            "textgen sample -n 3 --length 500 | head -c 100",
        ],
        cwd=tmp_path,
        input=text.encode(),
        capture_output=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 100 and set(done.stdout.decode()) <= set(text)
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "textgen: reading -"
    assert lines[-1] == "next: textgen sample"
    # Nothing of the framework's: every line is one of ours or of the sample.
    ours = r"(textgen: |corpus: | {8}read as one|model: |training: |epoch \d|---|done; |next: )"
    sample = "".join(lines[lines.index("--- sample at temperature 0.5 ---") :])
    assert all(re.match(ours, line) or line in sample for line in lines)
    assert sorted(os.listdir(tmp_path / "textgen-model")) == [
        "cache",
        "history.json",
        "manifest.json",
        "model.keras",
        "seeds.json",
        "settings.json",
        "vocabulary.json",
    ]


def test_both_presets_run(textgen, corpus):
    windows = textgen("train", corpus, "--preset", "keras-example", "--epochs", 1, "--model", "a")
    assert windows.returncode == 0, windows.stderr
    temperatures = re.findall(r"--- sample at temperature (\S+) ---", windows.stderr)
    assert temperatures == ["0.2", "0.5", "1", "1.2"]
    assert (
        "LSTM 128" in windows.stderr and "windows of 40 characters, targets last" in windows.stderr
    )
    streams = textgen("train", corpus, "--preset", "min-char-rnn", "--epochs", 1, "--model", "b")
    assert streams.returncode == 0, streams.stderr
    assert "RNN 100" in streams.stderr and "1 streams of 25 characters" in streams.stderr


def test_a_training_by_time_ends_in_time(textgen, corpus, tmp_path):
    seconds = 40 if os.environ.get("KERAS_BACKEND") == "jax" else 15  # it compiles for ten
    began = time.monotonic()
    done = textgen("train", corpus, "--time", f"{seconds}s", "--units", 16)
    taken = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert 0.75 * seconds < taken < 2 * seconds  # the machine may be busy
    assert f"training: {seconds}s in all" in done.stderr
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    losses = [entry["validation_loss"] for entry in history["epochs"]]
    assert len(losses) > 1 and losses[-1] < losses[0]


def test_the_program_uses_the_arguments_that_it_is_called_with(
    tmp_path, corpus, start, monkeypatch
):
    """Not those of the Python program that calls it."""
    arguments = ["train", str(corpus), *QUICK, "--model", "m"]
    code = (
        "import sys\nfrom textgen.cli import program\n"
        f"program.main({arguments!r}, standalone_mode=False)\nsys.exit()"
    )
    process = start("other", "arguments", before=code)
    lines = process.stderr.read()
    assert process.wait(60) == 0, lines
    assert json.loads((tmp_path / "m/settings.json").read_text())["command"] == arguments
    from textgen.distributed import ray_launcher

    seen = []

    def launch(words, count, _on_line):
        seen.append((words, count))
        return 0

    monkeypatch.setattr(ray_launcher, "launch_on_ray", launch)
    arguments = ["train", "p", "--coordinator", "ray", "--processes", "2"]
    with pytest.raises(SystemExit):
        program.main(arguments, standalone_mode=False)
    assert seen == [(arguments, 2)]


def test_sampling_is_repeatable_and_described_in_json(textgen, trained):
    arguments = ["sample", "--model", trained, "--random-seed", 7, "-n", 3, "--length", 40]
    first, second = textgen(*arguments), textgen(*arguments)
    assert first.stdout == second.stdout and first.returncode == 0
    assert textgen(*arguments[:4], 8, *arguments[5:]).stdout != first.stdout
    described = textgen(*arguments, "--format", "jsonl", "--temperature", 0, "--temperature", 1)
    records = [json.loads(line) for line in described.stdout.splitlines()]
    assert [record["temperature"] for record in records] == [0, 0, 0, 1, 1, 1]
    assert all(len(record["text"]) == 40 and record["random_seed"] == 7 for record in records)
    greedy = textgen(*arguments, "--temperature", 0)
    assert greedy.stdout == "".join(f"{r['seed']}{r['text']}\n" for r in records[:3])
    assert textgen(*arguments[:3]).stdout != textgen(*arguments[:3]).stdout


def test_a_trained_model_writes_words_of_its_corpus(textgen, trained, text):
    done = textgen("sample", "--model", trained, "--temperature", 0.3, "--length", 600)
    words = done.stdout.split()[1:-1]
    known = set(text.split())
    assert sum(word in known for word in words) > 0.7 * len(words)


def test_seeds(textgen, trained):
    sample = ["sample", "--model", trained, "--length", 5]
    assert textgen(*sample, "--seed", "The cat").stdout.startswith("The cat")
    assert textgen(*sample, "--seed", "-", stdin="The king\n").stdout.startswith("The king")
    skipped = textgen(*sample, "--seed", "Thé cat", "--unknown", "skip")
    assert skipped.stdout.startswith("Th cat")
    refused = textgen(*sample, "--seed", "Thé cat")
    assert refused.returncode == 1 and "character 3, 'é' (U+00E9)" in refused.stderr


def test_files_of_a_model_directory_belong_together(textgen, trained, trained_on_windows, tmp_path):

    for name in ("model.keras", "vocabulary.json", "settings.json", "history.json", "seeds.json"):
        shutil.copytree(trained, tmp_path / "copy")
        (tmp_path / "copy" / name).unlink()
        done = textgen("sample", "--model", "copy")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"textgen: error: copy/{name}: missing")
        shutil.copy(trained_on_windows / name, tmp_path / "copy")
        mixed = textgen("sample", "--model", "copy")
        if name == "vocabulary.json":  # of the same text: the same file
            assert mixed.returncode == 0
        else:
            assert mixed.returncode == 1 and f"copy/{name}: " in mixed.stderr
        shutil.rmtree(tmp_path / "copy")


def test_a_closed_pipe_ends_quietly(tmp_path, trained):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", trained, "--length", "200000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdout is not None and process.stderr is not None
    assert len(process.stdout.read(100)) == 100
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0
