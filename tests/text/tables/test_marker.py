"""Documents and labels from tables."""

import bz2
import csv
import gzip
import io
import json
import lzma
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.documents.test_reading import read
from tests.text.reading import TINY
from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.reading import read_documents
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.tables import csv_rows
from textgen.text.tables import rows as table_rows
from textgen.text.tables.marker import table_format

TITLES = (
    'title,genre\nEmma,novel\n"Yes, please",play\n"two\nlines and a ""quote""",\n&amp; more,play\n'
)
DOCUMENTS = [
    *(("Emma", "novel"), ("Yes, please", "play"), ('two\nlines and a "quote"', "")),
    ("&amp; more", "play"),
]
CHOSEN: dict[str, Any] = {"documents": "rows", "column": "title", "label": "genre"}


def source(data: str | bytes, name: str = "titles.csv") -> Source:
    data = data.encode() if isinstance(data, str) else data
    return Source(name, partial(io.BytesIO, data), len(data))


def read_table(data: str | bytes, name: str = "titles.csv", **config: Any) -> list[Any]:
    """The documents, which do not depend on blocks."""
    config = {**CHOSEN, **config}
    config["label"] = [config["label"]] if isinstance(config["label"], str) else config["label"]
    documents = read([source(data, name)], **config)
    assert read([source(data, name)], TINY, **config) == documents
    return documents


def problem(data: str | bytes, name: str = "titles.csv", **config: Any) -> str:
    """The error, which is one line and does not depend on blocks."""
    with pytest.raises(CorpusError) as caught:
        read_table(data, name, **config)
    message = str(caught.value)
    assert "\n" not in message
    return message


def left_out(data: str, name: str = "titles.csv", **config: Any) -> tuple[list[Any], int, str]:
    """The documents without bad rows, how many these are, and which is the first."""
    report = ReadingReport()
    config = {**CHOSEN, "bad_rows": "skip", **config, "label": ()}
    blocks = read_documents([source(data, name)], CorpusConfig(**config), report)
    documents = "".join(block.text for block in blocks).split("\udfff")[:-1]
    assert read([source(data, name)], TINY, **config) == documents
    return documents, report.bad_rows, report.first_bad_row


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_detected(delimiter):
    rows = csv.reader(io.StringIO(TITLES, newline=""))
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    assert read_table(file.getvalue()) == DOCUMENTS
    assert read_table(file.getvalue(), delimiter=delimiter) == DOCUMENTS
    report = ReadingReport()
    config = CorpusConfig(documents="rows", column="title")
    list(read_documents([source(file.getvalue())], config, report))
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
    assert report.delimiter == names[delimiter]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_tables_and_several(compress):
    assert read_table(compress(TITLES.encode())) == DOCUMENTS
    other = "id;genre;title\n1;novel;Persuasion\n"
    both = [source(TITLES), source(other, "b.csv"), source("title\tgenre\na, b\tc\n", "c.tsv.gz")]
    documents = [*DOCUMENTS, ("Persuasion", "novel"), ("a, b", "c")]
    config = {**CHOSEN, "label": ["genre"]}
    assert read(both, **config) == documents
    with pytest.raises(CorpusError, match=r"d\.csv: there is no column 'title'; the columns are a"):
        read([*both, source("a,b\n1,2\n", "d.csv")], **config)


def test_formats_follow_from_names():
    names = ["a.csv", "a.CSV.gz", "a.tsv", "a.tab.xz", "a.jsonl", "b/a.ndjson.bz2", "-", "csv"]
    formats = [table_format(name, CorpusConfig()) for name in names]
    assert formats == ["csv", "csv", "tsv", "tsv", "jsonl", "jsonl", "", ""]
    assert table_format("-", CorpusConfig(input_format="tsv")) == "tsv"
    assert table_format("a.csv", CorpusConfig(input_format="text")) == ""


def test_the_errors_about_columns_show_the_columns():
    shown = "title ('Emma'), genre ('novel')"
    assert problem(TITLES, column="") == (
        "titles.csv: is a table: choose the column with the text by --column NAME; the columns are "
        + shown
    )
    assert problem(TITLES, column="titel") == (
        f"titles.csv: there is no column 'titel'; the columns are {shown}"
    )
    assert "there is no column 'author'" in problem(TITLES, label="author")
    assert problem("a,b,a\n1,2,3\n", column="a", label=()) == (
        "titles.csv: two columns have the name 'a', the columns 1 and 3; give the number of one of "
        "them and --header yes, or rename one"
    )
    assert read_table("a,b,a\n1,2,3\n", column="b", label="3") == [("2", "3")]
    wide = ",".join(f"c{n}" for n in range(30)) + "\n" + ",".join(["\x1b[31m" + "x" * 99] * 30)
    message = problem(wide, column="")
    assert "c19 (" in message and " and 10 more" in message and "\x1b" not in message
    assert len(message) < 1500


def test_headers():
    assert read_table("Emma,novel\nIvanhoe,novel\n", column="1", label="2") == [
        ("Emma", "novel"),
        ("Ivanhoe", "novel"),
    ]
    years = "title,year\nEmma,1815\nIvanhoe,1819\n"
    assert read_table(years, column="1", label="2") == [("Emma", "1815"), ("Ivanhoe", "1819")]
    assert len(read_table(years, column="1", label="2", header="no")) == 3
    titles = "title,genre\nThe first of all my titles,x\n" + "One more of all my titles,x\n" * 20
    assert len(read_table(titles, column="1", label=())) == 21
    names = "Anna,f\nBen,m\n"
    assert read_table(names, column="1", label=(), header="yes") == ["Ben"]
    assert problem(names, column="name", header="no").endswith(
        "the columns are 1 ('Anna'), 2 ('f')"
    )
    assert read_table('1,"2"\nx,y\n', column="2", label="1") == [("y", "x")]
    # A data frame writes no name above the numbers of rows, a spreadsheet none above nothing.
    frame = ",title\n" + "".join(f"{number},Emma\n" for number in range(9))
    assert read_table(frame, column="2", label=()) == ["Emma"] * 9
    assert problem(frame, column="").endswith("the columns are 1 ('0'), title ('Emma')")
    assert problem("title,year,\nEmma,1815,\n", column="").endswith("year ('1815'), 3 ('')")


@pytest.mark.parametrize(
    ("rows", "reason", "documents"),
    [
        ("Emma,a,b\nIda,x", "row 1 (line 2) has 3 fields, not 2", ["Ida"]),
        ("Emma\nIda,x", "row 1 (line 2) has 1 field, not 2", ["Ida"]),
        ("Em\0ma,x\nIda,x", "row 1 (line 2) has a NUL, which no text has", ["Ida"]),
        ('"Emma" said,x\nIda,x', "row 1 (line 2) has text after the closing quote", ["Ida"]),
        ('"a\nb",x\n\n"Emma,x\nIda,x\n', "row 2 (line 5) has a quote that is not", ["a\nb", "Ida"]),
        ('"Emma,x\n"Ida",x\n', "row 1 (line 2) has text after the closing quote", ["Ida"]),
    ],
)
def test_bad_rows(rows, reason, documents):
    data = "title,genre\n" + rows
    message = problem(data)
    assert message.startswith(f"titles.csv: {reason}")
    assert message.endswith("; correct it, or leave such rows out by --bad-rows skip")
    found, count, first = left_out(data)
    assert (found, count) == (documents, 1) and first.startswith(f"titles.csv: {reason}")


def test_a_header_in_the_middle_is_left_out_and_counted():
    data = TITLES + TITLES
    assert read_table(data) == DOCUMENTS * 2
    documents, count, first = left_out(data, bad_rows="error")
    assert len(documents) == 8 and count == 1
    assert first == "titles.csv: row 5 (line 7) is the header again"


def test_rows_and_lines_are_limited(monkeypatch):
    monkeypatch.setattr(csv_rows, "LONGEST_ROW", 1 << 20)
    monkeypatch.setattr(table_rows, "LONGEST_ROW", 1 << 20)
    limit = csv.field_size_limit()
    many = "Emma,novel\n" * 200_000
    data = 'title,genre\nIda,x\n"not closed,y\n' + many
    with pytest.raises(CorpusError, match=r"row 2 \(line 3\) has a (field of|quote)"):
        read([source(data)], **{**CHOSEN, "label": ()})
    documents = read([source(data)], **{**CHOSEN, "label": (), "bad_rows": "skip"})
    assert documents == ["Ida", *["Emma"] * 200_000]
    data = "title,genre\nIda,x\n" + "x" * (3 << 20) + ",y\nEmma,z\n"
    with pytest.raises(CorpusError, match=r"row 2 \(line 3\) has a line of more than 1 MB"):
        read([source(data)], **{**CHOSEN, "label": ()})
    assert read([source(data)], **{**CHOSEN, "label": (), "bad_rows": "skip"}) == ["Ida", "Emma"]
    long = "title,genre\n" + f'"{"x" * 500_000}\n",y\n' * 5
    assert [len(text) for text in read([source(long)], **{**CHOSEN, "label": ()})] == [500_001] * 5
    assert csv.field_size_limit() == limit


@given(
    rows=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab,"\n é;'), max_size=6)] * 3), min_size=1, max_size=8
    ),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
@settings(deadline=None)
def test_what_the_csv_module_writes_is_read(rows, delimiter, line_end):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([("title", "genre", "other one"), *rows])
    found = read_table(file.getvalue(), delimiter=delimiter)
    assert found == [(text, label.strip()) for text, label, _ in rows]


def test_quotes_in_tables_with_tabs_may_be_text():
    data = 'title\tgenre\n"Stop" she said\tnovel\n"Why?\tplay\nEmma\tnovel\n'
    assert read_table(data, "a.tsv") == [
        *(('"Stop" she said', "novel"), ('"Why?', "play"), ("Emma", "novel"))
    ]
    quoted = 'title\tgenre\n"Stop"\tnovel\n"Why,\nshe said"\tplay\n'
    assert read_table(quoted, "a.tsv") == [("Stop", "novel"), ("Why,\nshe said", "play")]


def test_only_the_text_is_normalized():
    data = "TITLE,GENRE\nEMMA,NOVEL\n"
    assert read_table(data, column="TITLE", label="GENRE", lowercase=True, normalize="NFC") == [
        ("emma", "NOVEL")
    ]


def test_tables_without_rows():
    assert read_table("") == [] and read_table("title,genre\n") == []
    assert read_table("\n\ntitle,genre\n\nEmma,x\n\n") == [("Emma", "x")]
    assert read_table("title,genre\n,x\n,\n", label=()) == ["", ""]


def jsonl(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def test_json_lines():
    data = jsonl(
        {"title": "Emma", "genre": "novel"},
        " ",
        {"genre": 7, "title": "a \U0001f600\nb\r\nc"},
        {"title": "x", "genre": None},
        {"title": "y", "genre": True},
        '  {"title": "z", "other": [1]}  ',
    )
    assert read_table(data, "a.jsonl") == [
        *(("Emma", "novel"), ("a \U0001f600\nb\nc", "7"), ("x", ""), ("y", "true"), ("z", ""))
    ]
    assert read_table(data.splitlines()[0], "a.jsonl") == [("Emma", "novel")]
    assert "choose the column" in problem(data, "a.jsonl", column="")
    message = problem(data, "a.jsonl", column="name")
    assert message == (
        "a.jsonl: there is no column 'name'; the columns are title ('Emma'), genre ('novel'), "
        "other ('[1]')"
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"title": "Emma"', "is not JSON: "),
        ("[1]", "is not a JSON object; write each document as an object on its own line"),
        ({"genre": "a"}, "has no key 'title'"),
        ({"title": 7}, "has no text in 'title', but 7"),
        ({"title": None}, "has no text in 'title', but null"),
        ({"title": "a\0b"}, "has a NUL, which no text has"),
        ('{"title": "a\0b"}', "has a NUL, which no text has"),
        ({"title": "a\ud800b"}, "has U+D800, half of a surrogate pair"),
        ({"title": "a", "genre": "\udfff"}, "has U+DFFF, half of a surrogate pair"),
        ({"title": "a", "genre": ["b"]}, "has a label that is neither a text nor a number"),
        ("[" * 100_000, "is not JSON: nested too deeply"),
        ('{"title": "a", "n": %s}' % ("9" * 5000), "is not JSON: too long a number"),
    ],
)
def test_bad_lines_of_json(row, reason):
    good = {"title": "Ida", "genre": ""}
    data = jsonl(good, "", row, good)
    assert problem(data, "a.jsonl").startswith(f"a.jsonl: row 2 (line 3) {reason}")
    report = ReadingReport()
    config = CorpusConfig(documents="rows", column="title", label=("genre",), bad_rows="skip")
    blocks = [*read_documents([source(data, "a.jsonl")], config, report)]
    assert "".join(block.text for block in blocks) == "Ida\udfff" * 2
    assert report.bad_rows == 1 and reason in report.first_bad_row
