"""Wrong use and unreadable input: one clear line, an exit status, and nothing left behind."""

import json
import re

import pytest

BAD = [
    # arguments, exit status, what the line says
    (["train"], 2, "no corpus: `textgen train corpus.txt`, or `textgen train --demo`"),
    (["prepare", "-o", "p"], 2, "no corpus: `textgen prepare corpus.txt -o p"),
    (["prepare", "corpus.txt"], 2, "Missing option '-o'"),
    (["train", "nowhere.txt"], 1, "nowhere.txt: No such file or directory"),
    (["train", "empty.txt"], 1, "the corpus is empty"),
    (["train", "binary"], 1, "binary: byte 0x89 at offset 0 is not utf-8"),
    (["train", "zeros"], 1, "zeros: byte 0x00 at offset 0 is NUL"),
    (["train", "corpus.txt", "latin1.txt"], 1, "looks like cp1252: add --encoding auto"),
    (["prepare", "-", "-", "-o", "p"], 2, "- is named twice, but a pipe can be read only once"),
    (["train", "latin1.txt"], 1, "latin1.txt: byte 0xfc at offset 2 is not utf-8"),
    (["train", "ones.txt"], 1, "one distinct character ('1')"),
    (["train", "short.txt"], 1, "the text is too short: it has"),
    (
        ["train", "corpus.txt", "--validation", "0.001"],
        1,
        " or --validation 0.01 or --validation 0",
    ),
    (["train", "corpus.txt", "--batch-size", "9999"], 1, "or add --batch-size "),
    (["train", "emptydir"], 1, "no file in this directory matches *"),
    (["prepare", "short.txt", "-o", "p"], 1, "give a text of 401 characters or more"),
    (["prepare", "corpus.txt", "-o", "corpus.txt"], 1, "exists and is not a directory"),
    (["prepare", "corpus.txt", "-o", "thesis", "--force"], 1, "is not a prepared corpus"),
    (["prepare", "corpus.txt", "-o", "corpus.txt/p"], 1, "cannot be written"),
    (["prepare", "corpus.txt", "-o", "/proc/p"], 1, "cannot be written"),
    (["train", "corpus.txt", "--model", "thesis"], 1, "is not a model directory"),
    (["train", "corpus.txt", "--model", "corpus.txt"], 1, "is not a model directory"),
    (["train", "corpus.txt", "--model", "/proc/m"], 1, "cannot be written"),
    (["prepare", "corpus.txt", "-o", "p", "--step", "0"], 2, "--step "),
    (["prepare", "corpus.txt", "-o", "p", "--maxlen", "x"], 2, "'x' is not a valid integer"),
    (["prepare", "corpus.txt", "-o", "p", "--encoding", "latin-99"], 2, "--encoding "),
    (["prepare", "corpus.txt", "-o", "p", "--min-count", "9999"], 1, "smaller --min-count"),
    (
        ["train", "corpus.txt", "--preset", "gpt"],
        2,
        "--preset ",
    ),
    (["train", "corpus.txt", "--units", "big"], 2, "'big' is not a number of units"),
    (["train", "corpus.txt", "--units", "0"], 2, "--units "),
    (["train", "corpus.txt", "--learning-rate", "nan"], 2, "--learning-rate "),
    (["train", "corpus.txt", "--targets", "last", "--carry-state"], 2, "--carry-state "),
    (["train", "corpus.txt", "--no-such"], 2, "No such option"),
    (["train", "corpus.txt", "--time", "soon"], 2, "'soon' is not a time, such as 90s"),
    (["train", "corpus.txt", "--time", "0"], 2, "'0' is not a time, such as 90s"),
    (
        ["train", "corpus.txt", "--time", "1s"],
        1,
        "--time 1s is too short: starting and finishing take",
    ),
    (["train", "corpus.txt", "--time", "1m", "--epochs", "2"], 2, "--epochs and time exclude"),
    (["evaluate"], 1, "textgen-model: no such model directory"),
    (["evaluate", "--each"], 2, "no text: `textgen evaluate --each names.txt`"),
    (["evaluate", "corpus.txt"], 1, "textgen-model: no such model directory"),
    (["sample"], 1, "textgen-model: no such model directory; make one with `textgen train"),
    (["sample", "--model", "thesis"], 1, "no trained model in this directory"),
    (["sample", "--temperature", "-1"], 2, "--temperature "),
    (["sample", "--temperature", "nan"], 2, "--temperature "),
    (["sample", "--temperature", "warm"], 2, "--temperature must be a number, or from:to"),
    (["sample", "--temperature", "1:0.5/verse"], 2, "or 1.0:0.5/word, not '1:0.5/verse'"),
    (["sample", "--temperature", "1:-1"], 2, "--temperature "),
    (["sample", "--length", "-1"], 2, "--length "),
    (["sample", "--top-p", "0"], 2, "--top-p "),
    (["sample", "--top-p", "2"], 2, "--top-p "),
    (["sample", "--top-k", "-1"], 2, "--top-k "),
    (["sample", "--min-p", "nan"], 2, "--min-p "),
    (["sample", "--ban", "z-a"], 2, "--ban has the range z-a, which is empty"),
    (["sample", "--only", ""], 2, "--only must be one or more characters"),
    (["sample", "--no-repeat", "-1"], 2, "--no-repeat "),
    (["sample", "--repetition-penalty", "0.5"], 2, "--repetition-penalty "),
    (["sample", "--context", "both"], 2, "'both' is not one of 'carry', 'window'"),
    (["sample", "--until", ""], 2, "--until "),
    (["sample", "--seed", "a", "--seeds-from", "-"], 2, "--seed and --seeds-from exclude"),
    (["sample", "-i", "--format", "jsonl"], 2, "--interactive cannot be combined with --format"),
]


@pytest.fixture
def bad_corpora(tmp_path, corpus):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "zeros").write_bytes(bytes(500))
    (tmp_path / "latin1.txt").write_bytes("grün".encode("latin-1") * 100)
    (tmp_path / "ones.txt").write_text("1" * 1000)
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "emptydir").mkdir()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter").write_text("years of work")


def tree(directory):
    """All files except the cache, which a failed training may leave."""
    paths = sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))
    return [path for path in paths if not path.startswith("textgen-model")]


@pytest.mark.parametrize(("arguments", "status", "line"), BAD, ids=lambda value: str(value)[:50])
def test_bad_input_is_one_clear_line(textgen, tmp_path, bad_corpora, arguments, status, line):
    before = tree(tmp_path)
    done = textgen(*arguments)
    *before_it, last = done.stderr.splitlines()
    assert all(
        re.match("textgen: reading|corpus: | {8}read as|model: |training: ", message)
        for message in before_it
    )
    assert last.startswith("textgen: error: ") and line in last
    assert (done.returncode, done.stdout) == (status, "")
    assert tree(tmp_path) == before


def test_a_debug_traceback_for_those_who_ask(textgen, corpus):
    assert "Traceback" in textgen("sample", "--debug").stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing.txt"], 1, "nothing.txt: No such file"),
        (["corpus.txt", "--epochs", "many"], 2, "'many' is not a valid integer; see"),
        (["corpus.txt", "--epochs", "-1"], 2, "--epochs "),
        (["corpus.txt", "--no-such-option"], 2, "No such option"),
        ([], 2, "no corpus: "),
    ],
)
def test_with_json_lines_the_last_line_after_an_error_is_an_event(
    textgen, corpus, arguments, status, message
):
    for command in (["--log-format", "json", *arguments], [*arguments, "--log-format=json"]):
        done = textgen("train", *command)
        assert (done.returncode, done.stdout) == (status, "")
        event = json.loads(done.stderr.splitlines()[-1])
        assert event.keys() == {"event", "message", "status"}
        assert (event["event"], event["status"]) == ("error", status)
        assert message in event["message"]
    plain = textgen("train", *arguments).stderr.splitlines()[-1]
    assert plain == f"textgen: error: {event['message']}"
