"""`textgen sample` as its users run it: seeds, ends, pipes, a terminal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal


@pytest.fixture
def sample(textgen, trained):
    def run(*arguments, **more):
        return textgen("sample", "--model", trained, *arguments, **more)

    return run


def shell(line: str, model: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("TEXTGEN ", '"$PYTHON" -m textgen ')],
        cwd=cwd,
        env={**os.environ, "PYTHON": sys.executable, "TEXTGEN_MODEL": str(model)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_seeds_one_on_each_line(sample, tmp_path):
    (tmp_path / "seeds.txt").write_text("The cat\nA dog\nMy aunt sang\n")
    done = sample("--seeds-from", "seeds.txt", "-n", 2, "--length", 4, "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["seed"] for record in records] == [
        seed for seed in ("The cat", "A dog", "My aunt sang") for _ in range(2)
    ]
    piped = sample("--seeds-from", "-", "--length", 4, stdin="The cat\nA dog\n")
    assert piped.stdout.startswith("The cat") and "\nA dog" in piped.stdout
    refused = sample("--seeds-from", "-", stdin="\n\n")
    assert refused.returncode == 1 and "-: has no seed" in refused.stderr
    refused = sample("--seeds-from", "-", stdin=b"The c\xfft\n")
    assert refused.returncode == 1 and "byte 0xff at offset 5 is not UTF-8" in refused.stderr
    refused = sample("--seeds-from", "-", stdin="The cat\n\nThe é\n")
    assert "-: line 3: the seed's character 5" in refused.stderr
    skipped = sample("--seeds-from", "-", "--unknown", "skip", stdin="The cat\néThe éa\n")
    assert "left out 2 characters" in skipped.stderr and "The a" in skipped.stdout
    refused = sample("--seeds-from", "nowhere.txt")
    assert refused.returncode == 1 and "nowhere.txt: No such file" in refused.stderr


def test_lines_that_are_no_seed_are_left_out_and_counted(sample):
    short = ("--seeds-from", "-", "--length", 4, "--format", "jsonl")
    done = sample(*short, stdin="\nThe cat\n\nA dog\n\n")
    assert [json.loads(line)["seed"] for line in done.stdout.splitlines()] == ["The cat", "A dog"]
    assert (done.returncode, done.stderr) == (0, "textgen: -: left out 3 empty lines\n")
    done = sample(*short, stdin="The cat\n\n")
    assert done.returncode == 0 and done.stderr == "textgen: -: left out 1 empty line\n"
    done = sample(*short, "--unknown", "skip", stdin="The cat\nЖЖЖ\nA dog\n")
    assert [json.loads(line)["seed"] for line in done.stdout.splitlines()] == ["The cat", "A dog"]
    assert done.stderr == (
        "textgen: left out 3 characters that the model does not know, and with them 1 seed\n"
    )
    refused = sample(*short, "--unknown", "skip", stdin="ЖЖЖ\n")
    assert refused.returncode == 1 and "has no character of the model's" in refused.stderr


def test_escapes_are_the_same_in_seeds_and_ends(sample):
    options = ("--random-seed", 3, "--length", 40)
    typed = sample(*options, "--seed", r"The cat\nA dog")
    assert typed.stdout.startswith("The cat\nA dog") and typed.stderr == ""
    assert typed.stdout == sample(*options, "--seed", "The cat\nA dog").stdout
    assert sample(*options, "--seed", r"\n").stdout == sample(*options, "--seed", "\n").stdout
    refused = sample("--seed", r"\\n")
    assert refused.returncode == 1 and r"'\\' (U+005C)" in refused.stderr
    for option, stdin in (("--seed", r"\n"), ("--seeds-from", r"\n")):  # files are as they are
        refused = sample(option, "-", stdin=stdin)
        assert refused.returncode == 1 and "(U+005C)" in refused.stderr
    spoken = sample("-i", *options, stdin="The cat\\nA dog\n")
    assert spoken.stdout == typed.stdout
    slash = sample("-i", *options, stdin="\\\\n\n")
    assert r"'\\' (U+005C)" in slash.stderr


def test_a_line_end_alone_is_a_seed(sample):
    options = ("--random-seed", 3, "--length", 40)
    for data in ("\n", "\r\n"):
        done = sample(*options, "--seed", "-", stdin=data)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == sample(*options, "--seed", "\n").stdout
    empty = sample("--seed", "-", stdin="")
    assert empty.returncode == 1 and "the seed is empty" in empty.stderr


def test_texts_end_at_the_requested_end(sample):
    lines = sample("-n", 40, "--lines", 1, "--no-seed-text", "--temperature", 0.3)
    assert lines.stdout.count("\n") == 40 and lines.stderr == ""
    until = sample("-n", 5, "--until", "!", "--until", ".\\n", "--separator", "|\\0")
    texts = until.stdout.split("|\0")
    assert texts.pop() == "" and len(texts) == 5
    assert all(text.endswith(("!", ".\n")) for text in texts)
    bounded = sample("--until", "!", "--length", 3, "--seed", "The cat")
    assert len(bounded.stdout) == len("The cat") + 3 + 1
    assert "1 of 1 texts were cut at 3 characters; raise --length" in bounded.stderr
    never = sample("--until", "§")
    assert never.returncode == 2 and "--until cannot be generated" in never.stderr


def test_figures_in_json_can_be_recomputed(sample, trained):
    import textgen

    options = ("--format", "jsonl", "--temperature", 0.7, "--top-p", 0.9)
    done = sample("-n", 3, "--length", 30, *options)
    model = textgen.load(trained)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        logprobs = model.logprobs(record["seed"] + record["text"])[-30:]
        assert record["mean_log_probability"] == pytest.approx(logprobs.mean(), abs=1e-5)
    alone = ("--random-seed", 3, "--seed", "The cat", "--length", 50)
    in_json = json.loads(sample(*alone, "--format", "jsonl").stdout)
    assert sample(*alone).stdout == f"The cat{in_json['text']}\n"
    assert model.generate("The cat", length=50, random_seed=3) == "The cat" + in_json["text"]


def test_json_marks_texts_that_reached_their_end(sample, trained):
    import textgen
    from textgen.settings import Decoding

    options = ("--format", "jsonl", "-n", 20, "--seed", "The", "--random-seed", 1)
    done = sample(*options, "--until", "!", "--length", 90)
    model = textgen.load(trained)
    ending = model.stop_condition(90, ["!"])
    texts = list(model.generate_batch(["The"] * 20, Decoding(), ending, 1))
    complete = [json.loads(line)["complete"] for line in done.stdout.splitlines()]
    assert complete == [text.complete for text in texts] and {*complete} == {True, False}
    by_length = sample(*options, "--length", 3)
    assert all(json.loads(line)["complete"] for line in by_length.stdout.splitlines())


def test_both_contexts(sample, trained_on_windows, textgen):
    greedy = ("--seed", "The cat sat on", "--temperature", 0, "--length", 60)
    assert sample(*greedy, "--context", "carry").stdout == sample(*greedy).stdout
    windows = [
        textgen("sample", "--model", trained_on_windows, *greedy, *context).stdout
        for context in ((), ("--context", "window"), ("--context", "carry"))
    ]
    assert windows[0] == windows[1] != windows[2]


def test_without_an_end(sample, trained, tmp_path):
    done = shell("TEXTGEN sample --length 0 | head -c 3000", trained, tmp_path)
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 3000, "")
    done = shell("TEXTGEN sample -n 500 --length 100 | head -c 100", trained, tmp_path)
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 100, "")
    for arguments in (("-n", 2), ("--format", "jsonl")):
        refused = sample("--length", 0, *arguments)
        assert refused.returncode == 2 and "--length 0 has no end" in refused.stderr


def test_bytes_between_texts(trained):
    command = [sys.executable, "-m", "textgen", "sample", "-n", "2", "--length", "3"]
    done = subprocess.run(
        [*command, "--separator", b"\xff"],
        capture_output=True,
        env={**os.environ, "TEXTGEN_MODEL": str(trained)},
    )
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout.count(b"\xff") == 2


def test_many_texts_begin_at_once(trained, tmp_path):
    done = shell("TEXTGEN sample -n 100000000 --length 20 | head -c 100", trained, tmp_path)
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 100, "")


def test_an_output_that_cannot_be_written(trained, tmp_path):
    for line in (
        "TEXTGEN sample >&-",
        "echo The cat | TEXTGEN evaluate - >&-",
        "TEXTGEN compare --model $TEXTGEN_MODEL >&-",
        "echo The cat | TEXTGEN prepare - -o prepared --format json >&-",
    ):
        closed = shell(line, trained, tmp_path)
        assert closed.returncode == 1
        assert closed.stderr.startswith("textgen: error: standard output is closed")
    assert os.listdir(tmp_path) == []
    if Path("/dev/full").exists():
        full = shell("TEXTGEN sample > /dev/full", trained, tmp_path)
        assert full.returncode == 1
        assert full.stderr == (
            "textgen: error: No space left on device; fix that, then run the same command again\n"
        )


def test_a_terminal_is_shown_each_character(trained, tmp_path):
    terminal = Terminal("sample", "--model", trained, "--length", "0", cwd=tmp_path)
    pieces = [terminal.read() for _ in range(20)]
    assert max(len(piece) for piece in pieces) < 4000
    terminal.process.send_signal(signal.SIGINT)
    assert "Traceback" not in terminal.end()
    assert terminal.process.returncode == 130


def test_options_that_would_be_ignored_are_refused(sample):
    for arguments in (
        ("-i", "-n", 2),
        ("-i", "--temperature", 1, "--temperature", 2),
        ("-i", "--separator", "x"),
        ("--format", "jsonl", "--separator", "x"),
        ("--format", "jsonl", "--no-seed-text"),
        ("--history", "typed"),
        ("--transcript", "run"),
    ):
        done = sample(*arguments)
        assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1


def test_a_closed_standard_input(trained, tmp_path):
    for arguments in ("-i", "--seed -", "--seeds-from -"):
        done = shell(f"TEXTGEN sample {arguments} <&-", trained, tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("textgen: error: standard input is closed")
