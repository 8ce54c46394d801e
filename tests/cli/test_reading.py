"""What is read, and changed while it is read, is the same and is reported in every command."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from textgen.cli import program
from textgen.cli.display.json_lines import JsonDisplay
from textgen.cli.display.lines import LineDisplay
from textgen.text.reading_report import ReadingReport
from textgen.training.events import CorpusOpened

MODEL = Path(__file__).parents[1] / "released/0.1.0/model"
CHANGES = ReadingReport({"utf-8": 1, "cp1252": 1}, 1, 2, undecodable_replaced=1)
TOLD = [
    "encodings: cp1252 (1 file), utf-8 (1 file)",
    "1 line end added between files that lacked it",
    "2 byte order marks (U+FEFF) removed from the text",
    "1 byte sequence not text in the encoding: replaced by U+FFFD",
]
SETTINGS = ["--encoding", "auto", "--decoding-errors", "replace"]


@pytest.fixture
def texts(tmp_path):
    """Two files that are changed in every way when they are read, and what the text is then."""
    line = "the king of the café, his crown, à la maison, déjà vu, Hélène a préféré la maison"
    utf8 = "été\n".encode() * 9 + b"\xff \xef\xbb\xbf" + "und Grüße\ufeff the end".encode()
    (tmp_path / "a.txt").write_bytes(utf8)
    (tmp_path / "b.txt").write_bytes(f"{line}\n".encode("cp1252") * 6)
    text = "été\n" * 9 + "\ufffd und Grüße the end\n" + f"{line}\n" * 6
    (tmp_path / "as read.txt").write_text(text)
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], str(tmp_path / "as read.txt")


def run(*arguments: Any) -> Result:
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_evaluate_reads_files_as_training_does(texts):
    files, whole = texts
    result = run("evaluate", *files, *SETTINGS, "--model", MODEL, "--format", "json")
    same = json.loads(run("evaluate", whole, "--model", MODEL, "--format", "json").stdout)
    data = json.loads(result.stdout)
    assert {**data, "reading": same["reading"]} == same
    assert data["reading"] == CHANGES.to_json()
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in TOLD]
    assert (
        "skipped"
        in run(
            "evaluate", *files, "--encoding", "auto", "--decoding-errors", "skip", "--model", MODEL
        ).stderr
    )


def test_inspect_reads_files_as_training_does(texts):
    files, whole = texts
    result = run("inspect", *files, *SETTINGS, "--model", MODEL, "--format", "jsonl")
    assert result.stdout == run("inspect", whole, "--model", MODEL, "--format", "jsonl").stdout
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in TOLD]
    assert run("inspect", *files, *SETTINGS, "--model", MODEL, "--no-color").stdout == (
        Path(whole).read_text()
    )


def test_report_reads_files_as_training_does(texts, tmp_path):
    files, whole = texts
    result = run("report", "--model", MODEL, *files, *SETTINGS, "-o", tmp_path / "a.html")
    assert [f"textgen: {line}" for line in TOLD] == result.stderr.splitlines()[:4]
    run("report", "--model", MODEL, whole, "-o", tmp_path / "b.html")
    pages = [(tmp_path / name).read_text() for name in ("a.html", "b.html")]
    assert pages[0].replace("a.txt, b.txt", "as read.txt") == pages[1]


def test_compare_reads_files_as_training_does(texts):
    files, whole = texts
    result = run(
        "compare", "--model", MODEL, "--model", MODEL, *files, *SETTINGS, "--format", "json"
    )
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in TOLD]
    same = json.loads(run("compare", "--model", MODEL, whole, "--format", "json").stdout)
    data = json.loads(result.stdout)
    assert data[0]["loss"] == data[1]["loss"] == same[0]["loss"]
    assert data[0]["reading"] == CHANGES.to_json()


def test_novelty_reports_what_was_changed(tmp_path):
    from textgen.text.prepared import open_prepared

    cached = open_prepared(MODEL / "cache")
    text = cached.vocabulary.decode(cached.ids)
    cut = text.index("\n", 1000)
    (tmp_path / "1.txt").write_text(text[:cut])
    (tmp_path / "2.txt").write_text(text[cut + 1 :])
    files = [tmp_path / "1.txt", tmp_path / "2.txt"]
    some = ["-n", 1, "--length", 20, "--format", "json"]
    result = run("novelty", "--model", MODEL, *files, *some)
    data = json.loads(result.stdout)
    assert data["reading"]["line_ends_added"] == 1 and TOLD[1] in result.stderr
    from_cache = json.loads(run("novelty", "--model", MODEL, *some).stdout)
    assert data["by_temperature"] == from_cache["by_temperature"]
    assert from_cache["reading"]["line_ends_added"] == 0


def test_prepare_reports_what_was_changed(texts, tmp_path):
    files, _ = texts
    result = run("prepare", *files, *SETTINGS, "-o", tmp_path / "p", "--maxlen", 9)
    assert "  encodings   cp1252 (1 file), utf-8 (1 file)\n" in result.stderr
    for line in TOLD[1:]:
        assert f"  changed     {line}\n" in result.stderr
    result = run(
        "prepare", *files, *SETTINGS, "-o", tmp_path / "q", "--maxlen", 9, "--format", "json"
    )
    assert json.loads(result.stdout)["reading"] == CHANGES.to_json()


def test_train_reports_what_was_changed(capsys):
    corpus_opened = CorpusOpened(1, 1, 0, 0, 2, from_cache=False, reading=CHANGES)
    LineDisplay()(corpus_opened)
    JsonDisplay()(corpus_opened)
    *lines, event = capsys.readouterr().err.splitlines()
    assert lines[1:5] == [f"        {line}" for line in TOLD]
    assert json.loads(event)["reading"] == CHANGES.to_json()
    LineDisplay()(
        CorpusOpened(1, 1, 0, 0, 2, from_cache=False, reading=ReadingReport({"utf-8": 5}))
    )
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_one_file_in_another_encoding_is_named_and_the_hint_works(texts, tmp_path):
    Path(texts[0][0]).write_text("étés\n" * 9)
    refused = CliRunner().invoke(program, ["prepare", *texts[0], "-o", str(tmp_path / "p")])
    assert refused.exit_code == 1
    message = str(refused.exception)
    assert message.startswith(f"{texts[0][1]}: byte 0xe9 at offset 19 is not utf-8; the file looks")
    assert "looks like cp1252: add --encoding auto, which detects" in message
    result = run("prepare", *texts[0], "-o", tmp_path / "p", "--encoding", "auto")
    assert "  encodings   cp1252 (1 file), utf-8 (1 file)\n" in result.stderr
