"""How a corpus is read where the user leaves that open, and what is said about it."""

import csv
import io
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.raising import raises_settings_error
from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.document_list import documents_source
from textgen.text.documents.modes import resolve_documents
from textgen.text.prepare import prepare
from textgen.text.prepared import Prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source, find_sources

SMALL: dict[str, Any] = {"maxlen": 3, "step": 2}
NAMES = [f"{first}{last}" for first in ("An", "Be", "Ca", "Do") for last in ("na", "n", "rla", "x")]


def source(name: str, data: str = "") -> Source:
    return Source(name, partial(io.BytesIO, data.encode()), len(data.encode()))


@pytest.mark.parametrize(
    ("names", "config", "mode"),
    [
        (["a.txt"], {}, "none"),
        (["-"], {}, "none"),
        (["a.txt", "b.txt"], {}, "files"),
        (["a.txt", "b.csv"], {}, "files"),
        (["a.csv"], {}, "rows"),
        (["a.csv.gz", "b.jsonl"], {}, "rows"),
        (["-"], {"input_format": "csv"}, "rows"),
        (["a.csv"], {"input_format": "text"}, "none"),
        (["a.csv"], {"documents": "lines"}, "lines"),
        (["a.csv"], {"documents": "none"}, "none"),
        (["a.txt", "b.txt"], {"documents": "none"}, "none"),
        (["a.txt", "b.txt"], {"separator": "%"}, "separator"),
        (["a.txt"], {"documents": "paragraphs"}, "paragraphs"),
    ],
)
def test_the_mode_follows_from_the_sources(names, config, mode):
    sources = [source(name) for name in names]
    resolved = resolve_documents(sources, CorpusConfig(**config))
    assert resolved.documents == mode
    assert resolve_documents(sources, resolved) == resolved


@pytest.mark.parametrize(
    ("names", "config", "option"),
    [
        (["a.txt"], {"column": "title"}, "column"),
        (["a.txt", "b.csv"], {"column": "title"}, "column"),
        (["a.csv"], {"column": "title", "documents": "lines"}, "column"),
        (["a.csv"], {"column": "title", "separator": "%"}, "column"),
        (["a.txt"], {"label": ("genre",), "documents": "lines"}, "label"),
        (["a.txt"], {"bad_rows": "skip"}, "bad_rows"),
        (["a.txt"], {"header": "no"}, "header"),
        (["a.txt"], {"delimiter": ";"}, "delimiter"),
        (["a.txt"], {"label_from": "folder"}, "label_from"),
        (["-"], {"label_from": "folder", "documents": "lines"}, "label_from"),
    ],
)
def test_settings_that_do_not_fit(names, config, option):
    with raises_settings_error(option):
        resolve_documents([source(name) for name in names], CorpusConfig(**config))


def report_of(tmp_path: Any, corpora: Any, **options: Any) -> ReadingReport:
    prepared: Prepared = prepare(corpora, tmp_path / "p", force=True, **SMALL, **options)
    assert ReadingReport.from_json(prepared.reading.to_json()) == prepared.reading
    return prepared.reading


def suggestion(tmp_path: Any, text: str, **options: Any) -> str:
    (tmp_path / "it.txt").write_text(text, encoding="utf-8")
    from_file = report_of(tmp_path, tmp_path / "it.txt", **options).suggestion
    assert report_of(tmp_path, source("-", text), **options).suggestion == from_file
    return from_file


def prose(words: int = 3000) -> str:
    some = [
        "the",
        "of",
        "a",
        "king",
        "dog",
        "went",
        "walked",
        "saw",
        "because",
        "under",
        "marvellous",
        "questions",
        "people",
    ]
    return " ".join(some[n * n % 13 if n % 3 else n % 13] for n in range(words))


def test_lists_and_paragraphs_are_suggested(tmp_path):
    names = "".join(f"{name}\n" for name in NAMES * 4)
    lines = "64 short lines: --documents lines would read them as 64 documents"
    assert suggestion(tmp_path, names) == lines
    assert suggestion(tmp_path, names.lower()) == lines
    titles = prose().replace(" king", ".\nA king").replace(" people", "?\nPeople")
    assert "short lines" in suggestion(tmp_path, titles)
    poems = "\n\n".join(["Roses are red,\n  violets are blue"] * 40)
    assert suggestion(tmp_path, poems) == (
        "40 paragraphs: --documents paragraphs would read them as 40 documents"
    )
    assert suggestion(tmp_path, names, documents="none") == ""
    assert suggestion(tmp_path, names, documents="lines") == ""


def test_the_number_is_estimated_from_the_beginning_of_a_large_text(tmp_path):
    (tmp_path / "it.txt").write_text("Anna Maria\n" * 300_000)
    report = report_of(tmp_path, tmp_path / "it.txt")
    assert report.suggestion.startswith("about 300,000 short lines: --documents lines would read")
    report = report_of(tmp_path, replace(find_sources(tmp_path / "it.txt")[0], size=None))
    assert report.suggestion.startswith("more than 95,3")


def test_prose_and_code_are_not_taken_for_lists(tmp_path):
    assert suggestion(tmp_path, "\n".join(textwrap.wrap(prose(), 72))) == ""
    assert suggestion(tmp_path, prose()) == ""
    code = "def double(number):\n    return 2 * number\n\n\nprint(double(21))\n" * 30
    assert suggestion(tmp_path, code) == ""
    assert suggestion(tmp_path, Path(csv.__file__).read_text(encoding="utf-8")) == ""


def test_a_directory_of_lists_is_noticed(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in ("girls.txt", "boys.txt", "others.txt"):
        (folder / name).write_text("".join(f"{name}{n}\n" for n in range(50)))
    report = report_of(tmp_path, folder)
    assert report.mode == "3 documents: files"
    assert report.suggestion == (
        f"{folder}/boys.txt has short lines: --documents lines would read each as a document"
    )


def test_tables_among_other_files_are_noticed(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a.txt", "b.csv", "c.txt"):
        (folder / name).write_text("title\n" + "".join(f"{name}{n}\n" for n in range(50)))
    advice = "read as text like the other files; to read rows, give tables only, and --column"
    report = report_of(tmp_path, folder)
    assert report.mode == "3 documents: files"
    assert report.suggestion == f"{folder}/b.csv is a table, but {advice}"
    (folder / "d.jsonl").write_text("{}\n")
    expected = f"2 tables, such as {folder}/b.csv, are {advice}"
    assert report_of(tmp_path, folder).suggestion == expected
    for options in ({"input_format": "text"}, {"documents": "files"}):
        assert "read as text" not in report_of(tmp_path, folder, **options).suggestion


def test_the_mode_is_described(tmp_path):
    text = source("names.txt", "".join(f"{name}\n" for name in NAMES))
    assert report_of(tmp_path, text).mode == "one continuous text"
    assert report_of(tmp_path, text, documents="lines").mode == "16 documents: lines of names.txt"
    table = source("t.csv", "name,sex\n" + "".join(f"{name},f\n" for name in NAMES))
    report = report_of(tmp_path, table, column="name", label=["sex"])
    assert (report.mode, report.delimiter) == (
        "16 documents: rows of t.csv, column name, label sex",
        "comma",
    )
    report = report_of(tmp_path, [text, text], separator="a\n")
    assert report.mode == "18 documents: between separators 'a\\n' in 2 files"


def test_lines_of_prose_are_noticed(tmp_path):
    text = "\n".join(prose(900)[n * 1500 : n * 1500 + 1500] for n in range(3))
    report = report_of(tmp_path, source("it", text), documents="lines")
    assert report.suggestion.startswith("only 3 lines, of 1,5")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("a\nb\n", {"separator": "%"}, "it.csv: the separator '%' never occurs; give another"),
        ("a,b\n,1\n,2\n", {"column": "a"}, "it.csv: the column 'a' is empty in all 2 rows; give"),
        ("a\n", {"documents": "lines"}, "the corpus has one document"),
        ("a,b\nx,1\n", {"column": "a"}, "the corpus has one document"),
    ],
)
def test_documents_that_are_not_there(tmp_path, data, options, message):
    with pytest.raises(CorpusError, match=message):
        report_of(tmp_path, source("it.csv", data), **options)
    assert not (tmp_path / "p").exists()


def test_documents_of_python_code_are_not_mixed_with_files():
    documents = documents_source(["a", "b"], ["x", "y"])
    resolved = resolve_documents([documents], CorpusConfig())
    assert (resolved.documents, resolved.label) == ("rows", ("label",))
    assert resolve_documents([documents], resolved) == resolved
    with raises_settings_error("documents"):
        resolve_documents([documents, source("a.txt")], CorpusConfig())
    with raises_settings_error("column"):
        resolve_documents([documents], CorpusConfig(column="a"))
    with raises_settings_error("separator"):
        resolve_documents(find_sources([documents]), CorpusConfig(separator="a"))
