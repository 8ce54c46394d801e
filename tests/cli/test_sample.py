"""`textgen sample` as its users run it: seeds, ends, pipes, a terminal, a conversation."""

import json
import os
import re
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


def test_a_conversation_on_a_terminal(trained, tmp_path, monkeypatch):
    # As in a locale of UTF-8; Python is less strict in the C locale.
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    talk = ("sample", "--model", trained, "-i", "--length", "40")
    terminal = Terminal(*talk, cwd=tmp_path, environment={"HOME": str(tmp_path)})
    terminal.wait_for("/help lists commands.*\n.*> ")
    terminal.type("The cat\n")
    shown = terminal.wait_for("The cat\r\n.*The cat(?s:.{40,})\r\n.*> ")
    assert "\x1b[1mThe cat" in shown
    terminal.type("/temperature 0\n")
    terminal.wait_for("temperature 0, length 40, top-k all.*\n.*> ")
    terminal.type("/again\n")
    terminal.wait_for("The cat(?s:.{40,})\r\n.*> ")
    terminal.type("/length 0\n")
    terminal.wait_for("length no end.*\n.*> ")
    terminal.type("A dog\n")
    terminal.wait_for("A dog(?s:.{2000,})")
    terminal.type("\x03")  # Ctrl-C stops the text, not the conversation
    terminal.wait_for(r"\^C(?s:.*)\n> ")
    terminal.type("/length 9\n")
    terminal.wait_for("length 9,.*\n.*> ")
    terminal.type("\x1b[A\x1b[A")  # up, up: the line before the last
    terminal.wait_for("A dog")
    terminal.type("\n")
    terminal.wait_for("\r\n.*A dog(?s:.*)> ")
    os.write(terminal.screen, b"\xff\n")
    terminal.wait_for(r"the line is not UTF-8; type it again(?s:.*)> ")
    terminal.type("\x04")
    assert "Traceback" not in terminal.end()
    assert terminal.process.returncode == 0
    assert os.listdir(tmp_path) == []  # nothing that was typed is written anywhere


def test_a_conversation_is_saved_on_request(trained, tmp_path):
    history = tmp_path / "typed"
    talk = ("sample", "--model", trained, "-i", "--length", "5")
    terminal = Terminal(*talk, "--history", history, cwd=tmp_path)
    terminal.wait_for("> ")
    terminal.type("The cat\n")
    terminal.wait_for("The cat\r\n.*The cat(?s:.{5,})\r\n.*> ")
    terminal.type("\x04")
    assert "Traceback" not in terminal.end() and terminal.process.returncode == 0
    assert "The cat" in history.read_text() and history.stat().st_mode & 0o777 == 0o600
    terminal = Terminal(*talk, cwd=tmp_path, environment={"TEXTGEN_HISTORY": str(history)})
    terminal.wait_for("> ")
    terminal.type("\x1b[A\n")  # up: the line from the last time
    terminal.wait_for("The cat(?s:.{5,})\r\n.*> ")
    terminal.type("\x04")
    terminal.end()
    for wrong in (tmp_path, tmp_path / "no" / "such"):
        terminal = Terminal(*talk, "--history", wrong, cwd=tmp_path)
        shown = terminal.end()
        assert terminal.process.returncode == 1
        assert shown.startswith("textgen: error: ") and len(shown.splitlines()) == 1


def test_a_conversation_through_a_pipe(sample):
    typed = "The cat\n/length 7\nA dog\n\n/again\n/random-seed 4\n/settings\nThe é\n/top-p 3\n"
    done = sample(
        "-i", "--length", 5, stdin="/again\n" + typed + "/top-k x\n/what\n/help\n/quit\nno"
    )
    assert done.returncode == 0
    messages = iter(done.stderr.splitlines())
    for beginning in (
        "/again: nothing was generated yet",
        "temperature 0.5, length 7, top-k all, top-p 1, min-p 0, random-seed off",
        "temperature 0.5, length 7, top-k all, top-p 1, min-p 0, random-seed 4",
        "temperature 0.5, length 7, top-k all, top-p 1, min-p 0, random-seed 4",
        "the seed's character 5, 'é'",
        "/top-p ",
        "/top-k takes a number, not 'x'",
        "/what: no such command; /help lists them",
        "  Type a line",
    ):
        assert next(messages).startswith(beginning)
    settings = done.stderr.splitlines()[1].split(", ")
    for name in (setting.split()[0] for setting in settings):
        assert f"\n  /{name} " in done.stderr  # in the help
    # The model may write "A dog" by itself: what was typed has its place.
    assert re.fullmatch("The cat.{5}\n?A dog.{7}\n?.{7}\n?A dog.{7}\n?", done.stdout, re.DOTALL)
    slash = sample("-i", "--length", 5, "--unknown", "skip", stdin="//The cat\n")
    assert slash.stderr == "left out 1 character that the model does not know\n"  # the slash
    assert slash.stdout.startswith("The cat")
    never = sample("-i", "--until", "é", stdin="The cat\n")
    assert never.returncode == 2 and "--until cannot be generated" in never.stderr
    fixed = sample("-i", "--random-seed", 3, "--length", 20, stdin="The cat\nThe cat\n")
    first, second = fixed.stdout[:28], fixed.stdout[28:]
    assert first == second
    undecodable = sample("-i", "--length", 5, stdin=b"The \xff\nThe cat\n")
    assert "-: byte 0xff at offset 4 is not UTF-8" in undecodable.stderr
    assert undecodable.stdout.startswith("The cat")


def test_a_conversation_answers_before_its_input_ends(trained, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", trained, "-i", "--length", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"The cat\n")
    process.stdin.flush()
    answer = b""
    while len(answer) < len("The cat") + 5 + 1:
        answer += os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stdin.close()


def test_options_that_would_be_ignored_are_refused(sample):
    for arguments in (
        ("-i", "-n", 2),
        ("-i", "--temperature", 1, "--temperature", 2),
        ("-i", "--separator", "x"),
        ("--format", "jsonl", "--separator", "x"),
        ("--format", "jsonl", "--no-seed-text"),
        ("--history", "typed"),
    ):
        done = sample(*arguments)
        assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1


def test_a_closed_standard_input(trained, tmp_path):
    for arguments in ("-i", "--seed -", "--seeds-from -"):
        done = shell(f"TEXTGEN sample {arguments} <&-", trained, tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("textgen: error: standard input is closed")
