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
CHANGE_LINES = [
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
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in CHANGE_LINES]
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
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in CHANGE_LINES]
    assert run("inspect", *files, *SETTINGS, "--model", MODEL, "--no-color").stdout == (
        Path(whole).read_text()
    )


def test_report_reads_files_as_training_does(texts, tmp_path):
    files, whole = texts
    result = run("report", "--model", MODEL, *files, *SETTINGS, "-o", tmp_path / "a.html")
    assert [f"textgen: {line}" for line in CHANGE_LINES] == result.stderr.splitlines()[:4]
    run("report", "--model", MODEL, whole, "-o", tmp_path / "b.html")
    pages = [(tmp_path / name).read_text() for name in ("a.html", "b.html")]
    assert pages[0].replace("a.txt, b.txt", "as read.txt") == pages[1]


def test_compare_reads_files_as_training_does(texts):
    files, whole = texts
    result = run(
        "compare", "--model", MODEL, "--model", MODEL, *files, *SETTINGS, "--format", "json"
    )
    assert result.stderr.splitlines() == [f"textgen: {line}" for line in CHANGE_LINES]
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
    assert data["reading"]["line_ends_added"] == 1 and CHANGE_LINES[1] in result.stderr
    from_cache = json.loads(run("novelty", "--model", MODEL, *some).stdout)
    assert data["by_temperature"] == from_cache["by_temperature"]
    assert from_cache["reading"]["line_ends_added"] == 0


def test_prepare_reports_what_was_changed(texts, tmp_path):
    files, _ = texts
    how = [*SETTINGS, "--documents", "none", "--maxlen", 9]
    result = run("prepare", *files, *how, "-o", tmp_path / "p")
    assert "  encodings   cp1252 (1 file), utf-8 (1 file)\n" in result.stderr
    for line in CHANGE_LINES[1:]:
        assert f"  changed     {line}\n" in result.stderr
    result = run("prepare", *files, *how, "-o", tmp_path / "q", "--format", "json")
    changes = {**CHANGES.to_json(), "mode": "one continuous text"}
    assert json.loads(result.stdout)["reading"] == changes


def test_train_reports_what_was_changed(capsys):
    corpus_opened = CorpusOpened(1, 1, 0, 0, 2, from_cache=False, reading=CHANGES)
    LineDisplay()(corpus_opened)
    JsonDisplay()(corpus_opened)
    *lines, event = capsys.readouterr().err.splitlines()
    assert lines[1:5] == [f"        {line}" for line in CHANGE_LINES]
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


ROWS = [("Emma", "novel"), ("Hamlet, Prince of Denmark", "play"), ("Persuasion", "novel")]
TABLE = "title,genre\n" + "".join(
    f'"{title} {n}",{genre}\n' for n in range(9) for title, genre in ROWS
)


def prepare(tmp_path: Path, *arguments: Any, stdin: str | None = None) -> Any:
    """The lines that `textgen prepare` writes, and what it reads."""
    from textgen.text.prepared import open_prepared

    command = ["prepare", *map(str, arguments), "-o", str(tmp_path / "p"), "--maxlen", "5"]
    result = CliRunner().invoke(program, [*command, "--force"], input=stdin)
    if result.exit_code:
        return str(result.exception or result.output)
    prepared = open_prepared(tmp_path / "p")
    assert prepared.documents is None or len(prepared.documents) == prepared.reading.documents
    return result.stderr.splitlines(), prepared


@pytest.mark.parametrize(
    ("name", "options", "mode"),
    [
        ("a.csv", ["--column", "title"], "27 documents: rows of a.csv, column title"),
        (
            "a.csv",
            ["--column", "1", "--label", "genre"],
            "27 documents: rows of a.csv, column 1, label genre",
        ),
        (
            "a.txt",
            ["--input-format", "csv", "--column", "2", "--header", "no", "--delimiter", ","],
            "28 documents: rows of a.txt, column 2",
        ),
        ("a.txt", ["--documents", "lines"], "28 documents: lines of a.txt"),
        ("a.txt", ["--separator", r"l\n"], "18 documents: between separators 'l\\n' in a.txt"),
        ("a.csv", ["--input-format", "text"], "one continuous text"),
        (
            "a.txt",
            ["--documents", "lines", "--label-from", "file"],
            "28 documents: lines of a.txt, label file",
        ),
    ],
)
def test_prepare_says_how_it_reads(tmp_path, name, options, mode):
    (tmp_path / name).write_text(TABLE)
    lines, _ = prepare(tmp_path, tmp_path / name, *options)
    assert f"  documents   read as {mode}" in lines


def test_tables_with_bad_rows(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE + "one,two,three\n")
    (tmp_path / "b.jsonl").write_text('{"title": "Ida"}\n{"title"\n')
    both = [tmp_path / "a.csv", tmp_path / "b.jsonl", "--column", "title"]
    message = prepare(tmp_path, *both)
    assert message == (
        f"{tmp_path / 'a.csv'}: row 28 (line 29) has 3 fields, not 2; correct it, or leave such "
        "rows out by --bad-rows skip"
    )
    assert not (tmp_path / "p").exists()
    lines, prepared = prepare(tmp_path, *both, "--bad-rows", "skip")
    assert prepared.reading.documents == 28 and prepared.reading.bad_rows == 2
    assert any("row 28 (line 29) has 3 fields, not 2" in line for line in lines)


def test_a_suggestion_works(tmp_path):
    names = "".join(f"Anna{n % 7}{n}\n" for n in range(90))
    (tmp_path / "names.txt").write_text(names)
    lines, prepared = prepare(tmp_path, tmp_path / "names.txt")
    suggestion = "90 short lines: --documents lines would read them as 90 documents"
    assert f"  documents   {suggestion}" in lines and prepared.documents is None
    lines, prepared = prepare(
        tmp_path, tmp_path / "names.txt", "--documents", "lines", "--test", 0.2
    )
    assert "short lines" not in " ".join(lines)
    training, validation, test = prepared.documents.counts
    assert training + validation + test == 90 and validation and test


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "titel"], "there is no column 'titel'; the columns are title ('Emma 0')"),
        ([], "is a table: choose the column with the text by --column NAME; the columns are title"),
        (["--separator", "%"], "the separator '%' never occurs"),
        (["--documents", "lines", "--separator", "%"], "exclude each other"),
        (["--documents", "lines", "--label", "genre"], "label is for tables; leave it out, or"),
        (["--column", "title", "--label-from", "folder", "--delimiter", "::"], "one character"),
    ],
)
def test_options_that_do_not_fit_the_corpus(tmp_path, options, message):
    (tmp_path / "a.csv").write_text(TABLE)
    result = prepare(tmp_path, tmp_path / "a.csv", *options)
    assert message in result and "\n" not in result
    assert not (tmp_path / "p").exists()


def test_prepare_says_how_documents_are_split_and_which_labels_they_have(tmp_path):
    table = TABLE + "".join(f"Ode {n},{genre}\n" for n, genre in enumerate(["poem", "", "poem"]))
    (tmp_path / "a.csv").write_text(table + "Ode 1,novel\n\n,play\n")
    lines, prepared = prepare(
        tmp_path, tmp_path / "a.csv", "--column", "title", "--label", "genre", "--test", 0.1
    )
    assert "  split       25 documents for training, 3 for validation, 3 for a test" in lines
    assert "  labels      genre: novel 19, play 9, rare ones 2, none 1" in lines
    rare = "genre: 1 value of fewer than 5 documents learned as one: 'poem' (2 documents)"
    assert f"  documents   rare labels: {rare}" in lines
    assert "  documents   1 document equal to an earlier one, and kept" in lines
    assert "  changed     1 empty document left out" in lines
    assert any(line.endswith(", with the ends of documents") for line in lines)
    summary = prepared.summary()
    assert summary["test_documents"] == 3 and summary["labels"][0]["counts"] == (19, 9)
    assert summary["reading"]["rare_labels"] == rare
