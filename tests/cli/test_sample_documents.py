"""`textgen sample` with models of documents, as its users run it."""

import csv
import io
import json
import re
import shutil

import pytest

import textgen as package
from tests.cli.terminal import Terminal
from tests.sampling.document_models import NAMES, BigramModel

POEMS = ("Roses are red\n\nViolets are blue\n", "Sugar is sweet\n  \nand so are you", "So are we")
DOCUMENTS = (*NAMES, *(f"{first}{second.lower()}" for first in NAMES for second in NAMES))
GENRES = ['a, "q', "b", "c\nd"], ["x y", "z", "z"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    BigramModel(DOCUMENTS).save(folder / "names")
    BigramModel(POEMS).save(folder / "poems", mode="files")
    BigramModel(["joke a\n", "joke b\n"]).save(folder / "jokes", mode="separator", separator="%\n")
    BigramModel(*GENRES).save(folder / "rows", mode="rows")
    BigramModel(NAMES, characters="\n").save(folder / "lines")
    BigramModel(["a" * 50, "a" * 51]).save(folder / "runs")
    return folder


@pytest.fixture
def sample(textgen, models):
    def run(name, *arguments, **more):
        return textgen("sample", "--model", models / name, "--random-seed", 3, *arguments, **more)

    return run


def test_documents_that_were_lines_are_lines(sample, models):
    done = sample("names", "-n", 20, "--temperature", 1)
    assert (done.returncode, done.stderr) == (0, "")
    model = package.load(models / "names")
    documents = model.generate(n=20, temperature=1.0, random_seed=3)
    assert done.stdout == "".join(f"{document}\n" for document in documents)
    assert sample("names", "--temperature", 1).stdout == f"{documents[0]}\n"
    documents = sample("names", "-n", 5, "--seed", "Di").stdout.splitlines()
    assert len(documents) == 5 and all(text.startswith("Di") for text in documents)
    rest = sample("names", "-n", 5, "--seed", "Di", "--no-seed-text").stdout.splitlines()
    assert documents == ["Di" + text for text in rest]
    assert sample("lines", "-n", 9).stdout.count("\n") == 9  # it knows line ends, too


def test_documents_with_line_ends_can_be_split(sample, models):
    done = sample("poems", "-n", 8, "--temperature", 1)
    documents = package.load(models / "poems").generate(n=8, temperature=1.0, random_seed=3)
    assert (done.returncode, done.stderr) == (0, "") and any("\n" in text for text in documents)
    lines = [text.split("\n") for text in done.stdout.removesuffix("\n").split("\n\n")]
    split = ["\n".join(line if line.strip(" ") else line[1:] for line in text) for text in lines]
    assert split == documents
    jokes = sample("jokes", "-n", 3).stdout
    assert jokes.split("%\n")[:-1] == package.load(models / "jokes").generate(n=3, random_seed=3)
    other = sample("jokes", "-n", 3, "--separator", "\\n--\\n")
    assert other.stdout == jokes.replace("%\n", "\n--\n") and other.stderr == ""
    ambiguous = sample("jokes", "-n", 3, "--separator", "oke")
    assert ambiguous.stderr.startswith("textgen: 3 of 3 documents contain the separator")


def test_figures_of_documents(sample, models):
    options = ("rows", "-n", 30, "--temperature", 1)
    records = [
        json.loads(line) for line in sample(*options, "--format", "jsonl").stdout.split("\n")[:-1]
    ]
    model = package.load(models / "rows")
    assert [record["text"] for record in records] == model.generate(
        n=30, temperature=1.0, random_seed=3
    )
    assert {record["labels"]["kind"] for record in records} == {"x y", "z"}
    for record in records:
        logs = model.logprobs(record["text"], label=record["labels"])
        assert record["log_probability"] == pytest.approx(logs.sum(), abs=1e-4)
        assert record["mean_log_probability"] == pytest.approx(logs.mean(), abs=1e-4)
        assert record["complete"]
    done = sample(*options, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [row["kind"] for row in rows] == [record["labels"]["kind"] for record in records]
    for name in ("seed", "text", "number", "complete", "log_probability"):
        assert [row[name] for row in rows] == [
            str(record[name]).lower() if isinstance(record[name], bool) else str(record[name])
            for record in records
        ]
    labelled = sample(*options, "--format", "csv", "--label", "x y").stdout
    assert {row["text"] for row in csv.DictReader(io.StringIO(labelled))} == {'a, "q'}
    cut = sample("rows", "--label", "x y", "--length", 2, "--format", "jsonl")
    assert not json.loads(cut.stdout)["complete"]
    assert "1 of 1 documents were cut at 2 characters" in cut.stderr


def test_csv_of_a_continuous_text(textgen, trained):
    done = textgen("sample", "--model", trained, "-n", 3, "--length", 9, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [len(row["text"]) for row in rows] == [9] * 3 and all(row["seed"] for row in rows)


def test_filters(sample, models):
    new = sample("names", "-n", 40, "--unique", "--novel", "--temperature", 1)
    documents = new.stdout.splitlines()
    assert new.returncode == 0 and len({*documents}) == 40 and not {*documents} & {*DOCUMENTS}
    assert new.stderr.startswith("textgen: left out ") and " in the corpus" in new.stderr
    strict = sample(
        "names", "-n", 10, "--max-copy", 5, "--match", "^D", "--min-length", 6, "--max-length", 9,
        "--temperature", 1,
    )  # fmt: skip
    for document in strict.stdout.splitlines():
        assert document[0] == "D" and 6 <= len(document) <= 9
        runs = {document[place : place + 5] for place in range(len(document) - 4)}
        assert not any(run in known for run in runs for known in DOCUMENTS)
    several = sample("names", "-n", 9, "--unique", "--temperature", 1, "--temperature", 0.9)
    assert len({*several.stdout.splitlines()}) == 18


def test_filters_without_the_corpus(sample, models):
    shutil.copytree(models / "names", models / "alone", ignore=shutil.ignore_patterns("cache"))
    options = ("-n", 40, "--novel", "--temperature", 1)
    done = sample("alone", *options)
    assert done.stdout == sample("names", *options).stdout  # no new one seems to be known
    assert " in the corpus (one new document in " in done.stderr
    refused = sample("alone", "--max-copy", 5)
    assert refused.returncode == 1 and "which --max-copy needs; train it again" in refused.stderr


def test_when_the_tries_run_out_what_was_found_is_written(sample):
    done = sample("rows", "-n", 5, "--unique", "--tries", 30)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(
        "textgen: error: only 3 of 5 documents passed the filters; left out of 150 generated: "
        "147 repeated; raise --tries"
    )
    assert sorted(done.stdout.removesuffix("\n").split("\n\n")) == ['a, "q', "b", "c\nd"]
    none = sample("names", "--min-length", 99, "--tries", 3)
    assert (none.returncode, none.stdout) == (1, "") and "3 of fewer than 99" in none.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["names", "--label", "x"], 2, "--label cannot be chosen: the model was trained without"),
        (["rows", "--label", "kind=y"], 2, "--label kind has no value 'y'; it has x y, z"),
        (["rows", "--label", "genre=z"], 2, "--label must be kind=VALUE, not 'genre=z'"),
        (["rows", "--label", "z", "--label", "x y"], 2, "--label names a label twice: kind"),
        (["names", "--match", "("], 2, "--match is not a regular expression: missing )"),
        (["names", "--match", "x"], 2, "--match matches no text of the model's characters; the "),
        (["names", "--match", r"(n)\1"], 2, "--match refers back to a group"),
        (["names", "--match", "^A", "--seed", "Di"], 2, "--match has no match in a text that beg"),
        (["names", "--match", "^$"], 2, "--match matches no text of the characters that may be"),
        (["names", "--match", "n{30}", "--length", 20], 2, "--match needs 30 characters or more"),
        (["names", "--min-length", 5, "--max-length", 4], 2, "--min-length must be at most"),
        (["names", "--max-length", 5, "--length", 5], 2, "--max-length rejects long documents"),
        (["names", "--max-copy", 0], 2, "--max-copy must be a whole number, 1 or more"),
        (["names", "--seed", "Anna", "--max-length", 3], 1, "the seed has 4 characters, more"),
        (["names", "--seed", "An\ufffd"], 1, "the seed's character 3"),
        (["names", "--tries", 3], 2, "--tries is for filters only"),
        (["names", "--unique", "-i"], 2, "--interactive cannot be combined with --unique"),
        (["names", "--format", "csv", "--separator", "x"], 2, "--separator and --no-seed-text"),
    ],
)
def test_bad_input_is_one_clear_line(sample, arguments, status, message):
    done = sample(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"textgen: error: {message}"), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("filters", [["--unique"], ["--max-length", 5]])
def test_filters_are_for_documents(textgen, trained, filters):
    done = textgen("sample", "--model", trained, *filters)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"{filters[0]} needs a model of documents" in done.stderr


def test_a_conversation_about_documents(sample):
    typed = "Di\n\n/again\n/label x\n/settings\n/quit\n"
    done = sample("names", "-i", stdin=typed)
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and lines[0].startswith("Di") and lines[1] == lines[2] != ""
    assert done.stderr.splitlines()[0].startswith("/label cannot be chosen")
    typed = "/label z\n\n/label kind=x y\n\n/label q\n/label off\n/again\n"
    done = sample("rows", "-i", "--label", "x y", stdin="\n" + typed)
    first, second, third, _ = done.stdout.replace("c\nd", "c/d").splitlines()
    assert (first, third) == ('a, "q', 'a, "q') and second in ("b", "c/d")
    notes = done.stderr.splitlines()
    assert [note.partition("; off")[0].rpartition(", ")[2] for note in notes] == [
        "label z", "label kind=x y", "z", "label drawn",
    ]  # fmt: skip
    assert notes[2] == "/label kind has no value 'q'; it has x y, z"


def test_documents_on_a_terminal(models, tmp_path):
    talk = ("sample", "--model", models / "rows", "-n", "3", "--random-seed", "3")
    shown = Terminal(*talk, cwd=tmp_path).end()
    assert shown.count("--- temperature 0.5, sample ") == 3 and ", kind z ---" in shown
    lines = Terminal("sample", "--model", models / "names", "-n", "3", cwd=tmp_path).end()
    assert "---" not in lines


def test_match_is_for_texts_of_all_kinds(sample, textgen, trained):
    done = sample("names", "-n", 20, "--match", "^D.*a$", "--unique", "--temperature", 1)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len({*lines}) == 20 and all(re.search("^D.*a$", line) for line in lines)
    options = ("--seed", "\\n", "--lines", 1, "--match", "^\\n.{5,9}at$", "-n", 3)
    done = textgen("sample", "--model", trained, *options)
    assert re.fullmatch("(\n.{5,9}at\n){3}", done.stdout), done.stderr
    typed = "/match ^D.*a$\n\n/match (\n/again\n/match off\n"
    done = sample("names", "-i", stdin=typed)
    assert all(re.search("^D.*a$", line) for line in done.stdout.splitlines())
    notes = done.stderr.splitlines()
    assert "match ^D.*a$" in notes[0] and notes[1].startswith("/match is not a regular expression")
    assert re.search("off: .*match", notes[2])
