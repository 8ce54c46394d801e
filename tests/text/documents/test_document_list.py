"""Documents that Python code gives."""

from typing import Any

import numpy as np
import pytest

from tests.text.documents.test_reading import read
from textgen.errors import CorpusError, UsageError
from textgen.settings import CorpusConfig
from textgen.text.documents.document_list import documents_source
from textgen.text.documents.reading import read_documents
from textgen.text.prepare import prepare
from textgen.text.reading_report import ReadingReport


class Missing:
    """What a data frame has for no value."""


Missing.__name__ = "NAType"
TEXTS = ["Emma", "two\r\nlines", "", "x"]


def read_list(documents: Any, labels: Any = None, **config: Any) -> list[Any]:
    source = documents_source(documents, labels)
    return read([source], documents="rows", label=source.label_names, **config)


def test_lists_generators_and_labels():
    texts = ["Emma", "two\nlines", "", "x"]
    assert read_list(TEXTS) == texts
    assert read_list((text for text in TEXTS), iter(["a", None, Missing(), float("nan")])) == [
        *zip(texts, ["a", "", "", ""], strict=True)
    ]
    genres = ["a", "b", "a", "c"]
    labels = {"genre": genres, "year": [1815, True, 1.5, None]}
    expected = [*zip(texts, genres, ["1815", "true", "1.5", ""], strict=True)]
    assert read_list(TEXTS, labels) == expected
    assert read_list(["ÄB c"], lowercase=True, normalize="NFC") == ["äb c"]
    assert read_list([]) == []


def test_columns_of_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["Emma", "Ida", None], "year": [1815, None, 7]})
    found = read_list(frame["text"], frame["year"], bad_rows="skip")
    assert found == [("Emma", "1815.0"), ("Ida", "")]


def test_they_are_read_as_they_are_needed():
    taken = 0

    def documents() -> Any:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield "text"

    source = documents_source(documents(), (str(n % 3) for n in range(10_000)))
    config = CorpusConfig(documents="rows", label=("label",))
    blocks = read_documents([source], config)
    next(blocks)
    assert taken < 1000
    assert sum(len(block.labels[0]) for block in blocks) + 256 == 10_000


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "is no text, but NoneType"),
        (float("nan"), "is no text, but float"),
        (7, "is no text, but int"),
        ("a\0b", "has a NUL, which no text has"),
        ("a\udfffb", "has U+DFFF, half of a surrogate pair, which is no character"),
    ],
)
def test_what_is_no_text(bad, reason):
    with pytest.raises(CorpusError) as caught:
        read_list(["a", bad, "b"])
    assert str(caught.value).startswith(f"documents: row 2 {reason}; correct it")
    report = ReadingReport()
    config = CorpusConfig(documents="rows", label=("label",), bad_rows="skip")
    source = documents_source(["a", bad, "b"], ["x", "y", "z"])
    (block,) = read_documents([source], config, report)
    assert (block.text, block.labels) == ("a\udfffb\udfff", (["x", "z"],))
    assert (report.bad_rows, report.first_bad_row) == (1, f"documents: row 2 {reason}")


def test_labels_for_all_documents():
    with pytest.raises(CorpusError, match="label has fewer items"):
        read_list(["a"] * 1000, ["x"] * 999)
    with pytest.raises(CorpusError, match="documents has fewer items"):
        read_list(["a"] * 256, {"genre": ["x"] * 257})


@pytest.mark.parametrize(
    "wrong", ["one text", b"bytes", 7, {"a": "text"}, np.array([["a", "b"]])], ids=type
)
def test_one_text_is_no_list(wrong):
    with pytest.raises(UsageError, match="documents must be a list of texts, not"):
        documents_source(wrong)
    with pytest.raises(UsageError, match="label must be a list of texts, not"):
        documents_source(["a"], {"label": wrong})


def test_they_are_prepared(tmp_path):
    source = documents_source((f"text {n}" for n in range(60)), ["a", "b", "c"] * 20)
    prepared = prepare(source, tmp_path / "p", maxlen=3)
    assert prepared.documents is not None and len(prepared.documents) == 60
    assert prepared.reading.mode == "60 documents: given by Python code, label label"


def test_prepare_takes_a_list_of_documents_with_labels(tmp_path):
    texts = [f"a title with number {number}" for number in range(40)]
    labels = ["even", "odd"] * 20
    prepared = prepare(documents=texts, labels=labels, output=tmp_path / "p", maxlen=4)
    assert prepared.documents is not None and prepared.documents.labels is not None
    assert len(prepared.documents) == 40
    assert prepared.documents.labels.fields[0].values == ("even", "odd")


def test_documents_and_corpora_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="exclude each other"):
        prepare("corpus.txt", tmp_path / "p", documents=["a", "b"])
    with pytest.raises(UsageError, match="labels belong to documents"):
        prepare("corpus.txt", tmp_path / "p", labels=["a", "b"])
    with pytest.raises(UsageError, match="no output"):
        prepare(documents=["a", "b"])
