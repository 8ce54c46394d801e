"""Documents on disk: each is in its part, with its labels, whatever the blocks and processes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen import storage
from textgen.errors import CorpusError, PreparedError
from textgen.settings import WindowOptions
from textgen.text.documents import label_collector
from textgen.text.documents.hashes import hash_texts
from textgen.text.documents.labels import Labels
from textgen.text.prepare import Preparation, prepare, write_prepared
from textgen.text.prepared import PREPARED_KIND, Prepared, open_prepared
from textgen.text.sizes import ReadingSizes, WorkSizes
from textgen.text.sources import Source

SMALL: WindowOptions = {"maxlen": 3, "validation": 0.1, "test": 0.2}
# Many tasks and parts, and processes for each.
SIZES = WorkSizes(
    task=700,
    part=500,
    documents=20,
    file=100,
    read_per_process=1,
    encode_per_process=1,
    reading=ReadingSizes(block=64),
)
LINES = [f"{name} {number % 61}" for number in range(90) for name in ("Grüße", "世界", "İ")]
LINES[50:50] = ["", "", "x" * 2000, "y", "", "z" * 600]  # longer than a part of the work


def source(text: str, name: str = "it") -> Source:
    data = text.encode()
    return Source(name, lambda: io.BytesIO(data), len(data), modified=1)


def texts_of(prepared: Prepared) -> list[list[str]]:
    """The documents of each part."""
    assert prepared.documents is not None
    parts = []
    for number, ids in enumerate((*prepared.split(0.5), prepared.test)):
        part, end = prepared.documents.part(number), prepared.vocabulary.document_end_id
        if len(part):
            assert ids[0] == end and part.starts[0] == 1 and part.starts[-1] == len(ids)
        texts = []
        for first, last in zip(part.starts, part.starts[1:], strict=False):
            document = ids[first:last]
            assert document[-1] == end and end not in document[:-1]
            texts.append(prepared.vocabulary.decode(document))
        parts.append(texts)
    return parts


def check_parts(parts: list[list[str]], documents: list[str], shares: tuple[float, float]) -> None:
    """The parts are the documents, in order of reading, and equal ones are together."""
    assert Counter(chain(*parts)) == Counter(documents)
    for n, part in enumerate(parts):
        assert part == [text for text in documents if text in set(part)]
        assert not any(set(part) & set(other) for other in parts[n + 1 :])
    for part, share in zip(parts[1:], shares, strict=True):
        assert abs(len(part) - share * len(documents)) < 1


@pytest.mark.parametrize("final", ["", "\n"])
def test_any_number_of_jobs_writes_the_same_documents(tmp_path, final):
    path = tmp_path / "it.txt"
    path.write_text("\n".join(LINES) + final)
    results = []
    for jobs in (1, 2, 3):
        preparation = Preparation.build({"documents": "lines", "min_count": 3}, SMALL)
        preparation = replace(preparation, sizes=replace(SIZES, jobs=jobs))
        folder = tmp_path / f"by {jobs}"
        prepared = write_prepared([str(path)], folder, preparation, lambda *_: None)
        results.append({file.name: file.read_bytes() for file in folder.iterdir()})
        open_prepared(folder)
    assert results[0] == results[1] == results[2]
    documents = [line for line in LINES if line]
    assert prepared.unknown == 1  # the y
    documents[documents.index("y")] = "\ufffd"
    check_parts(texts_of(prepared), documents, (0.1, 0.2))
    report = prepared.reading
    assert (report.documents, report.empty_documents) == (len(documents), 3)
    assert report.duplicate_documents == len(documents) - len(set(documents))
    assert prepared.vocabulary.document_end_id == prepared.vocabulary.size - 1 == prepared.ids[0]
    counts = prepared.documents.counts if prepared.documents else ()
    summary = prepared.summary()
    assert (
        tuple(summary[f"{part}_documents"] for part in ("training", "validation", "test")) == counts
    )


@settings(max_examples=15)
@given(
    st.lists(st.text("ab\u0301c", max_size=9), min_size=5, max_size=40),
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(1, 9),
)
def test_documents_do_not_depend_on_blocks_and_parts(tmp_path_factory, texts, block, part, number):
    directory = tmp_path_factory.mktemp("documents") / "p"
    sizes = replace(SIZES, reading=ReadingSizes(block=block), part=part, documents=number)
    preparation = replace(Preparation.build({"documents": "lines"}, {"maxlen": 1}), sizes=sizes)
    documents = [text for text in texts if text]
    try:
        corpus = [source("\n".join([*texts, ""]))]
        prepared = write_prepared(corpus, directory, preparation, lambda *_: None)
    except CorpusError:
        assert len(set(documents)) < 2
        return
    parts = texts_of(prepared)
    assert Counter(chain(*parts)) == Counter(documents)
    # The split is by the hashes alone.
    validation = set(hash_texts(parts[1]).tolist())
    training = set(hash_texts(parts[0]).tolist())
    if len(set(documents)) == len(documents):
        assert max(validation) < min(training)


def test_the_same_documents_in_another_order_are_split_alike(tmp_path):
    parts = []
    for number, lines in enumerate((LINES, LINES[::-1])):
        prepared = prepare(source("\n".join(lines)), tmp_path / str(number), documents="lines")
        parts.append([set(part) for part in texts_of(prepared)])
    assert parts[0] == parts[1] and parts[0][1]


def test_the_order_does_not_matter_with_labels_either(tmp_path):
    rows = [(f"text {number * 7 % 250}", f"genre {number % 7}") for number in range(300)]
    parts, labels = [], []
    for number, some in enumerate((rows, rows[::-1], rows[100:] + rows[:100])):
        texts, genres = zip(*some, strict=True)
        folder = tmp_path / str(number)
        prepared = prepare(documents=texts, labels=genres, output=folder, test=0.2)
        parts.append([set(part) for part in texts_of(prepared)])
        labels.append((folder / "labels.json").read_bytes())
    assert parts[0] == parts[1] == parts[2] and parts[0][1]
    assert labels[0] == labels[1] == labels[2]


def write_table(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "genre", "by"), *rows])


def rows_of(prepared: Prepared) -> list[tuple[str, ...]]:
    """The documents with the values of their labels."""
    documents = prepared.documents
    assert documents is not None and documents.labels is not None
    rows = []
    for text, label_ids in zip(chain(*texts_of(prepared)), documents.label_ids, strict=True):
        values = documents.labels.decode(label_ids.tolist())
        rows.append((text, *(values.get(name, "") for name in documents.labels.names)))
    return rows


def test_labels_stay_with_their_documents(tmp_path):
    genres = ["novel", "poem", "poem", "play", ""]
    rows = [
        (f"text\n{number}" if number % 13 else "", genres[number % 5], f"by {number // 40}")
        for number in range(450)
    ]
    rows[7] = ("a rare one", "essay", "by 0")
    rows += [("the same", "novel", "x"), ("the same", "poem", "x")] * 3
    write_table(tmp_path / "it.csv", rows)
    options: dict[str, Any] = {"column": "text", "label": ("genre", "by"), "documents": "rows"}
    results = []
    for jobs in (1, 2):
        preparation = replace(Preparation.build(options, SMALL), sizes=replace(SIZES, jobs=jobs))
        folder = tmp_path / f"by {jobs}"
        write_prepared([str(tmp_path / "it.csv")], folder, preparation, lambda *_: None)
        results.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert results[0] == results[1]
    prepared = open_prepared(tmp_path / "by 1")
    assert prepared.documents is not None and prepared.documents.labels is not None
    kept = [row for row in rows if row[0]]
    known = [(text, genre if genre != "essay" else "", by) for text, genre, by in kept]
    assert Counter(rows_of(prepared)) == Counter(known)
    genre, by = prepared.documents.labels.fields
    assert genre.values == ("novel", "play", "poem") and (genre.rare, genre.rare_values) == (1, 1)
    assert genre.unlabelled == sum(row[1] == "" for row in kept)
    assert by.counts == tuple(sum(row[2] == value for row in kept) for value in by.values)
    assert 4 in prepared.documents.label_ids[:, 0]  # the rare one
    # Each label has its share of each part, and equal documents are together whatever theirs are.
    check_parts(texts_of(prepared), [row[0] for row in kept], (0.1, 0.2))
    for value in range(4):
        total = (prepared.documents.label_ids[:, 0] == value).sum()
        for number, share in ((1, 0.1), (2, 0.2)):
            held_out = (prepared.documents.part(number).label_ids[:, 0] == value).sum()
            assert abs(held_out - share * total) <= 6
    training = Counter(tuple(row.tolist()) for row in prepared.documents.part(0).label_ids)
    assert dict(prepared.documents.labels.combinations) == dict(training)
    counts = [count for _, count in prepared.documents.labels.combinations]
    assert counts == sorted(counts, reverse=True)


def test_more_combinations_than_are_distinguished(tmp_path, monkeypatch):
    monkeypatch.setattr(label_collector, "_MOST_GROUPS", 2)
    rows = [(f"text {number}", f"genre {number % 4}", "x") for number in range(100)]
    write_table(tmp_path / "it.csv", rows)
    prepared = prepare(
        tmp_path / "it.csv",
        tmp_path / "p",
        documents="rows",
        column="text",
        label="genre",
        maxlen=3,
    )
    assert Counter(rows_of(prepared)) == Counter((text, genre) for text, genre, _ in rows)
    assert prepared.documents is not None and prepared.documents.labels is not None
    assert len(prepared.documents.labels.combinations) == 2
    assert prepared.documents.counts == (90, 10, 0)


def test_labels_of_folders(tmp_path):
    for folder in ("b", "a"):
        for number in range(6):
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / folder / f"{number}.txt").write_text(f"{folder} and {number}\n")
    prepared = prepare(
        tmp_path / "in", tmp_path / "p", documents="files", label_from="folder", maxlen=3
    )
    assert {label: text[0] for text, label in rows_of(prepared)} == {"a": "a", "b": "b"}
    assert prepared.documents is not None and prepared.documents.labels is not None
    assert prepared.documents.labels.names == ("folder",)


@pytest.mark.parametrize(
    ("genres", "message"),
    [
        (["", ""], "the label 'genre' is empty in every document; leave it out"),
        (
            ["a", "b", "", "c"],
            "every value of the label 'genre' is rare: none of 3 has 5 documents",
        ),
    ],
)
def test_labels_from_which_nothing_can_be_learned(tmp_path, genres, message):
    write_table(tmp_path / "it.csv", [(f"text {n}", genre, "") for n, genre in enumerate(genres)])
    with pytest.raises(CorpusError, match=message):
        prepare(tmp_path / "it.csv", tmp_path / "p", documents="rows", column="text", label="genre")
    assert [path.name for path in tmp_path.iterdir()] == ["it.csv"]


def test_too_many_different_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(label_collector, "_MOST_VALUES", 3)
    write_table(tmp_path / "it.csv", [(f"text {n}", f"{n}", "") for n in range(9)])
    with pytest.raises(CorpusError, match="the label 'genre' has more than 3 different values"):
        prepare(tmp_path / "it.csv", tmp_path / "p", documents="rows", column="text", label="genre")


@pytest.mark.parametrize(
    ("lines", "windows", "message"),
    [
        ("", {}, "the corpus is empty"),
        ("\n\n", {}, "the corpus is empty"),
        ("a single one", {}, "the corpus has one document; give several"),
        ("the same\nthe same\n", {}, "too few documents to hold some out: 2, of which 1 are"),
        ("one\ntwo\n", {"test": 0.1}, "2, of which 2 are different; give more .*--validation 0"),
        ("one\n" * 9, {"validation": 0.0, "test": 0.1}, "of which 1 .*or leave out --test"),
        ("ab\ncd\n", {}, "have 4 characters, with their ends, and need 41 .*or add --maxlen 3$"),
    ],
)
def test_too_few_documents(tmp_path, lines, windows, message):
    with pytest.raises(CorpusError, match=message):
        prepare(source(lines), tmp_path / "p", documents="lines", **windows)
    assert not list(tmp_path.iterdir())


def test_a_column_that_is_empty(tmp_path):
    write_table(tmp_path / "it.csv", [("", "a", "b")] * 9)
    with pytest.raises(CorpusError, match="the column 'text' is empty in all 9 rows; give another"):
        prepare(tmp_path / "it.csv", tmp_path / "p", documents="rows", column="text")


@pytest.fixture
def labelled(tmp_path):
    """A prepared corpus with labels."""
    rows = [(f"text {n}", "ab"[n % 2], "") for n in range(40)]
    write_table(tmp_path / "it.csv", rows)
    prepare(
        tmp_path / "it.csv",
        tmp_path / "p",
        documents="rows",
        column="text",
        label="genre",
        maxlen=3,
    )
    return tmp_path / "p"


FILES = ["documents.npy", "labels.npy", "labels.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "truncated", "edited"])
def test_damaged_files_are_refused(labelled, name, damage):
    content = bytearray((labelled / name).read_bytes())
    if damage == "missing":
        (labelled / name).unlink()
    else:
        content[-3] ^= 1
        (labelled / name).write_bytes(content[:-7] if damage == "truncated" else content)
    with pytest.raises(PreparedError, match=f"{name}.*make it again with `textgen prepare`$"):
        open_prepared(labelled, check=False)


def sign(directory: Path, *names: str) -> None:
    entries = storage.read_manifest(directory, PREPARED_KIND)
    for name in names:
        entries[name] = storage.describe_file(directory / name)
    storage.write_manifest(directory, PREPARED_KIND, entries)


def change(starts: Any, place: int, value: int) -> Any:
    starts = starts.copy()
    starts[place] = value
    return starts


@pytest.mark.parametrize(
    "edit",
    [
        lambda starts: starts[:-1],
        lambda starts: starts[:, None],
        lambda starts: starts.astype(np.float64),
        lambda starts: starts.astype(np.int32),
        lambda starts: starts.astype(">i8"),
        lambda starts: change(starts, 0, 0),
        lambda starts: change(starts, -1, starts[-1] + 1),
        lambda starts: change(starts, 5, starts[4]),
        lambda starts: change(starts, 5, starts[6]),
        lambda starts: change(starts, 5, -1),
    ],
)
def test_starts_that_are_not_those_of_documents(labelled, edit):
    starts = np.load(labelled / "documents.npy")
    np.save(labelled / "documents.npy", edit(starts))
    sign(labelled, "documents.npy")
    with pytest.raises(PreparedError, match=r"documents.npy: damaged \(.*make it again"):
        open_prepared(labelled, check=False)


def test_starts_elsewhere_than_at_document_ends(labelled):
    starts = np.load(labelled / "documents.npy")
    np.save(labelled / "documents.npy", change(starts, 5, starts[5] + 1))
    sign(labelled, "documents.npy")
    corpus = open_prepared(labelled, check=False)
    with pytest.raises(PreparedError, match=r"ids.npy: document ends elsewhere than in documents"):
        open_prepared(labelled)
    with pytest.raises(PreparedError, match="document ends elsewhere"):
        corpus.verify([slice(0, 20)])


@pytest.mark.parametrize(
    "edit",
    [
        lambda ids: ids[:-1],
        lambda ids: ids[:, :0],
        lambda ids: ids.astype(np.int8),
        lambda ids: ids.astype(np.float32),
        lambda ids: ids + 3,
    ],
)
def test_labels_that_do_not_exist(labelled, edit):
    np.save(labelled / "labels.npy", edit(np.load(labelled / "labels.npy")))
    sign(labelled, "labels.npy")
    with pytest.raises(PreparedError, match=r"labels.npy: damaged \("):
        open_prepared(labelled, check=False)


@pytest.mark.parametrize(
    ("name", "edit", "problem"),
    [
        ("prepared.json", lambda data: data.pop("documents"), "documents is missing"),
        ("prepared.json", lambda data: data.update(documents=[1, 2]), "three numbers"),
        ("prepared.json", lambda data: data.update(documents=[40, -1, 1]), "documents "),
        ("labels.json", lambda data: data.update(fields=[], combinations=[]), "no labels"),
        ("labels.json", lambda data: data["fields"][0].update(values=["b", "a"]), "sorted"),
    ],
)
def test_settings_of_documents_that_are_damaged(labelled, name, edit, problem):
    data = json.loads((labelled / name).read_text())
    edit(data)
    (labelled / name).write_text(json.dumps(data))
    sign(labelled, name)
    with pytest.raises(PreparedError, match=rf"{name}: damaged \(.*{problem}"):
        open_prepared(labelled, check=False)


def test_counts_that_are_not_those_of_the_documents(labelled):
    data = json.loads((labelled / "prepared.json").read_text())
    data["documents"] = [36, 4, 1]
    (labelled / "prepared.json").write_text(json.dumps(data))
    sign(labelled, "prepared.json")
    with pytest.raises(PreparedError, match=r"documents.npy: damaged"):
        open_prepared(labelled, check=False)


def test_the_digest_knows_documents_and_labels(labelled):
    digest = open_prepared(labelled).digest
    labels = Labels.from_bytes((labelled / "labels.json").read_bytes())
    (labelled / "labels.json").write_bytes(replace(labels, combinations=(((1,), 1),)).to_bytes())
    sign(labelled, "labels.json")
    assert open_prepared(labelled).digest != digest
