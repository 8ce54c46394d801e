"""`textgen novelty`, as its users run it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

LITTLE = ("-n", 4, "--length", 120)


@pytest.fixture
def bare(trained, tmp_path):
    """A model directory whose cache was deleted."""
    shutil.copytree(trained, tmp_path / "bare", ignore=shutil.ignore_patterns("cache"))
    return tmp_path / "bare"


def test_tables_for_people(textgen, trained):
    done = textgen("novelty", "--model", trained, *LITTLE)
    assert (done.returncode, done.stderr) == (0, "")
    verdict, table, *passages = done.stdout.rstrip("\n").split("\n\n")
    assert "copying" in verdict and len(verdict.splitlines()) == 1
    heading, columns, *rows = table.splitlines()
    assert "characters of training text" in heading
    assert columns.split() == ["temperature", "0.5", "temperature", "1", "unseen", "text"]
    assert [row.split()[0] for row in rows] == ["4", "8", "16", "32", "64", "128", "longest"]
    assert len({len(row) for row in rows}) == 1
    assert 1 <= len(passages) <= 10
    for passage in passages:
        first, *lines = passage.splitlines()
        assert "characters of sample" in first and "corpus.txt" in first and " line " in first
        assert all(line.startswith("    | ") for line in lines)


def test_an_object_for_scripts(textgen, trained, text, tmp_path):
    arguments = (*LITTLE, "--temperature", "0.5", "--random-seed", 3, "--format", "json")
    done = textgen("novelty", *arguments, TEXTGEN_MODEL=str(trained))
    record = json.loads(done.stdout)
    assert record == json.loads(textgen("novelty", "--model", trained, *arguments).stdout)
    assert (record["samples"], record["length"], record["random_seed"]) == (4, 120, 3)
    fields = {"temperature", "characters", "shares", "longest_copy", "exact_copies"}
    fields |= {"starter_copies"}
    assert record["by_temperature"][0].keys() == fields
    assert record["passages"] and record["verdict"]
    # The samples are those of `textgen sample`.
    described = textgen(
        *("sample", "--model", trained, *LITTLE, "--random-seed", 3, "--format", "jsonl")
    )
    written = [json.loads(line)["text"] for line in described.stdout.splitlines()]
    for passage in record["passages"]:
        start, length = passage["start"], len(passage["text"])
        assert written[passage["sample"]][start : start + length] == passage["text"]
        assert text[passage["offset"] :].startswith(passage["text"])


def test_a_name_that_is_not_utf_8_is_shown(textgen, trained, text, tmp_path):
    name = b"caf\xe9.txt"
    (tmp_path / os.fsdecode(name)).write_text(text)
    arguments = (*LITTLE, os.fsdecode(name), "--format", "json")
    passages = json.loads(textgen("novelty", "--model", trained, *arguments).stdout)["passages"]
    assert {os.fsencode(passage["source"]) for passage in passages} == {name}


def test_the_text_is_named_where_the_cache_is_gone(textgen, trained, bare, corpus):
    refused = textgen("novelty", "--model", bare, *LITTLE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "its cache is not there" in refused.stderr and "textgen novelty" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    named = textgen("novelty", "--model", bare, *LITTLE, corpus, "--format", "json")
    cached = textgen("novelty", "--model", trained, *LITTLE, "--format", "json")
    assert json.loads(named.stdout)["by_temperature"] == json.loads(cached.stdout)["by_temperature"]
    piped = textgen(
        *("novelty", "--model", bare, *LITTLE, "-", "--format", "json"), stdin=corpus.read_bytes()
    )
    record = json.loads(piped.stdout)
    assert record["by_temperature"] == json.loads(cached.stdout)["by_temperature"]
    assert {passage["source"] for passage in record["passages"]} == {None}


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--model", "nowhere"], 1, "nowhere: no such model directory"),
        ([], 1, "textgen-model: no such model directory"),
        (
            ["--model", "MODEL", "--length", "0"],
            2,
            "--length ",
        ),
        (["--model", "MODEL", "-n", "0"], 2, "--samples "),
        (
            ["--model", "MODEL", "--temperature", "-1"],
            2,
            "--temperature ",
        ),
        (
            ["--model", "MODEL", "--temperature", "nan"],
            2,
            "--temperature ",
        ),
        (["--model", "MODEL", "-n", "9999999"], 2, "--samples "),
        (["--model", "MODEL", "nothing.txt"], 1, "nothing.txt: No such file or directory"),
        (["--model", "MODEL", "other.txt"], 1, "other.txt: has characters that the model does"),
        (["--model", "MODEL", "part.txt"], 1, "part.txt: has 3,000 characters, and the text that"),
    ],
)
def test_wrong_uses_are_one_clear_line(textgen, trained, tmp_path, text, arguments, status, line):
    (tmp_path / "other.txt").write_text("Größe und Güte\n" * 100, encoding="utf-8")
    (tmp_path / "part.txt").write_text(text[:3000], encoding="utf-8")
    done = textgen(
        "novelty", *(trained if argument == "MODEL" else argument for argument in arguments)
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert line in done.stderr and len(done.stderr.splitlines()) == 1


def test_no_framework_is_loaded_and_the_model_directory_is_left_as_it_is(trained):
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    code = (
        "import sys; from textgen.cli import program\n"
        "program.main(['novelty', '--model', sys.argv[1], '-n', '2'], standalone_mode=False)\n"
        "print([name for name in ('keras', 'tensorflow', 'jax', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(trained)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before
