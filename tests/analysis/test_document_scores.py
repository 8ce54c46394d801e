"""Documents that are evaluated one by one, compared with sums by hand."""

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LABELS, random_model, save_model
from tests.analysis.source import source
from tests.raising import raises_settings_error
from textgen import compare_labels, evaluate, evaluate_each, inspect
from textgen.analysis.losses import UNKNOWN_BITS
from textgen.errors import CorpusError, UsageError
from textgen.sampling.context import make_reader
from textgen.sampling.scoring import score_in_order
from textgen.settings import CorpusConfig
from textgen.text.documents.document_list import documents_source
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.reading_report import ReadingReport

LINES = CorpusConfig(documents="lines")
ROWS = CorpusConfig(documents="rows", column="title", label=("genre", "author"))
NONE = CorpusConfig(documents="none")
NAMES = ("abba", "ch", "", "gad fae", "abba", "h")


def nats(trained, ids, start, label_ids=None, window=None):
    """The negative log-probabilities of ids, read from a zero state after `start`."""
    reader = make_reader(trained.network(), window)
    if label_ids is not None:
        reader.set_labels((), np.array(label_ids))
    pieces = [np.concatenate([start, ids]).astype(np.int64)]
    parts = score_in_order(reader, trained.record.vocabulary.size, pieces)
    return -np.concatenate([np.empty(0), *(logs for _, logs in parts)])


def document_nats(trained, text, label_ids=None, window=None):
    """The same for a document of a model of documents."""
    vocabulary = trained.record.vocabulary
    ids = vocabulary.encode(text)
    end = [vocabulary.document_end_id]
    return nats(trained, [*ids[ids >= 0], *end], end, label_ids, window)


@pytest.fixture
def names(tmp_path):
    trained = random_model(LINES)
    return trained, save_model(trained, tmp_path / "names")


@pytest.mark.parametrize("window", [None, 3])
def test_documents_are_predicted_one_by_one_with_their_ends(tmp_path, window):
    trained = random_model(LINES, window=window)
    model = save_model(trained, tmp_path / "model")
    evaluation = evaluate([source("\n".join(NAMES))], model)
    expected = [document_nats(trained, name, window=window) for name in NAMES if name]
    total = sum(values.sum() for values in expected)
    characters = sum(map(len, NAMES))
    assert (evaluation.documents, evaluation.ends, evaluation.characters) == (5, 5, characters)
    assert evaluation.predicted == characters + 5
    assert evaluation.loss == pytest.approx(total / (characters + 5), abs=1e-6)
    assert evaluation.bits_per_character == pytest.approx(total / characters / math.log(2))
    assert evaluation.charged_bits_per_character == pytest.approx(evaluation.bits_per_character)
    assert evaluation.nats_per_document == pytest.approx(total / 5)
    assert (evaluation.reading.documents, evaluation.reading.empty_documents) == (5, 1)


def test_each_document_has_its_own_figures_in_the_order_of_the_text(names):
    trained, model = names
    report = ReadingReport()
    scores = list(evaluate_each([source("\n".join(NAMES))], model, report=report))
    assert [score.text for score in scores] == [name for name in NAMES if name]
    for score in scores:
        total = document_nats(trained, score.text).sum()
        assert score.nats == pytest.approx(total, abs=1e-5)
        assert score.bits_per_character == pytest.approx(total / len(score.text) / math.log(2))
        assert (score.characters, score.unknown, score.labels) == (len(score.text), 0, {})
    assert (report.documents, report.empty_documents) == (5, 1)


@pytest.mark.parametrize("has_unknown", [False, True])
def test_unknown_characters_are_charged(tmp_path, has_unknown):
    trained = random_model(LINES, has_unknown=has_unknown)
    model = save_model(trained, tmp_path / "model")
    known, odd, other = evaluate_each([source("abc\nabxc\nxy")], model)
    assert (known.unknown, odd.unknown, other.unknown) == (0, 1, 2)
    vocabulary = trained.record.vocabulary
    end = [vocabulary.document_end_id]
    a, b, c = vocabulary.encode("abc")
    unknown = [] if vocabulary.unknown_id is None else [vocabulary.unknown_id]
    ids = np.array([a, b, *unknown, c, *end])
    values = nats(trained, ids, end)[~np.isin(ids, unknown)]
    assert odd.nats == pytest.approx(values.sum() + UNKNOWN_BITS * math.log(2), abs=1e-5)
    evaluation = evaluate([source("abc\nabxc\nxy")], model)
    assert (evaluation.unknown, evaluation.characters) == (3, 9)
    bits = sum(score.nats for score in (known, odd, other)) / math.log(2) / 9
    assert evaluation.charged_bits_per_character == pytest.approx(bits, abs=1e-6)
    with pytest.raises(CorpusError, match="2 of them unknown"):
        evaluate([source("xy")], save_model(random_model(LINES), tmp_path / "other"))


@pytest.mark.parametrize("documents", ["lines", "paragraphs"])
def test_a_model_of_continuous_text_reads_what_is_between_documents(tmp_path, documents):
    trained = random_model(NONE)
    model = save_model(trained, tmp_path / "model")
    between = "\n" if documents == "lines" else "\n\n"
    ids = trained.record.vocabulary.encode
    expected = [nats(trained, ids(name + between), ids(between)) for name in ("abba", "ch")]
    expected = [values[len(between) - 1 :] for values in expected]
    evaluation = evaluate([source(f"abba{between}ch")], model, documents=documents)
    assert (evaluation.documents, evaluation.ends) == (2, 2 * len(between))
    assert evaluation.predicted == sum(map(len, expected))
    assert evaluation.loss == pytest.approx(np.concatenate(expected).mean(), abs=1e-6)
    scores = list(evaluate_each([source(f"abba{between}ch")], model, documents=documents))
    assert [score.nats for score in scores] == pytest.approx([v.sum() for v in expected], abs=1e-5)


def test_a_model_of_continuous_text_scores_lines_by_default(tmp_path):
    model = save_model(random_model(NONE), tmp_path / "model")
    scores = list(evaluate_each([source("abba\nch\n")], model))
    assert [score.text for score in scores] == ["abba", "ch"]
    assert evaluate([source("abba\nch\n")], model).documents == 0
    without = save_model(random_model(NONE, "abcdefgh"), tmp_path / "without-line-ends")
    scores = list(evaluate_each([source("abba\nc\n")], without))
    trained = random_model(NONE, "abcdefgh")
    expected = nats(trained, trained.record.vocabulary.encode("abba"), []).sum()
    assert [score.nats for score in scores] == pytest.approx([expected, 0], abs=1e-5)


def test_a_model_of_documents_reads_continuous_text_as_the_inside_of_one(names):
    trained, model = names
    evaluation = evaluate([source("ab\ncd")], model, documents="none")
    assert (evaluation.documents, evaluation.predicted) == (0, 5)
    vocabulary = trained.record.vocabulary
    expected = nats(trained, vocabulary.encode("ab\ncd"), [vocabulary.document_end_id])
    assert evaluation.loss == pytest.approx(expected.mean(), abs=1e-6)
    assert evaluate([source("ab\ncd")], model, documents="none", windows=2).predicted == 4
    with raises_settings_error("windows"):
        evaluate([source("ab\ncd")], model, windows=2)


def test_a_document_may_span_blocks_and_groups(names, monkeypatch):
    from textgen.analysis import document_reader, document_scores

    trained, model = names
    text = "\n".join(["ab" * 100_000, *NAMES])
    monkeypatch.setattr(document_scores, "_GROUP_TOKENS", 8)
    scores = list(evaluate_each([source(text)], model))
    assert [score.characters for score in scores] == [200_000, 4, 2, 7, 4, 1]
    assert scores[3].nats == pytest.approx(document_nats(trained, "gad fae").sum(), abs=1e-5)
    monkeypatch.setattr(document_reader, "MAX_DOCUMENT", 100_000)
    with pytest.raises(CorpusError, match="document 1 has more than 100,000 characters"):
        list(evaluate_each([source(text)], model))


def lines_of(done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_writes_a_line_for_each_document(textgen, names, tmp_path):
    _, model = names
    tmp_path.joinpath("names.txt").write_text("\n".join(NAMES))
    done = textgen("evaluate", "--each", "names.txt", "--model", model)
    assert done.returncode == 0
    scores = list(evaluate_each(tmp_path / "names.txt", model))
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [text for _, text in rows] == [score.text for score in scores]
    bits = [score.bits_per_character for score in scores]
    assert [float(value) for value, _ in rows] == pytest.approx(bits, abs=1e-4)
    by_json = textgen("evaluate", "--each", "names.txt", "--model", model, "--format", "jsonl")
    assert lines_of(by_json) == [score.to_json() for score in scores]
    by_csv = textgen("evaluate", "--each", "names.txt", "--model", model, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(by_csv.stdout)))
    assert [row["text"] for row in table] == [score.text for score in scores]
    assert [float(row["nats"]) for row in table] == [score.nats for score in scores]
    many = textgen(
        "evaluate",
        "--each",
        "--documents",
        "none",
        "-",
        stdin="ab\n",
        TEXTGEN_MODEL=str(model),
    )
    assert many.stdout.endswith("\tab\n")


def test_the_command_says_how_a_model_reads_another_kind_of_text(textgen, names, tmp_path):
    _, model = names
    continuous = save_model(random_model(NONE), tmp_path / "continuous")
    lines = textgen("evaluate", "-", "--model", model, stdin="ab\ncd\n")
    assert "documents           2, " in lines.stdout and lines.stderr == ""
    for directory, documents, words in (
        (continuous, "lines", "it reads a line end before each document"),
        (continuous, "paragraphs", r"it reads '\n\n' before each document"),
        (model, "none", "reads this text as the inside of one"),
    ):
        done = textgen(
            "evaluate", "-", "--model", directory, "--documents", documents, stdin="ab\ncd\n"
        )
        assert words in done.stderr and "nats per character" in done.stdout


def test_wrong_use_of_the_command(textgen, names):
    _, model = names
    for arguments, words in (
        (["--each"], "no text: `textgen evaluate --each names.txt`"),
        (["--each", "-", "--format", "json"], "--format jsonl or csv"),
        (["-", "--format", "csv"], "is for --each"),
        (["-", "--test"], "is a part of the model's corpus"),
        ([], "does not hold the text that the model was trained on"),
    ):
        done = textgen("evaluate", *arguments, "--model", model, stdin="ab\n")
        assert done.returncode in (1, 2) and words in done.stderr, arguments


TABLE = """title,genre,author
abba,comedy,Ann
ch,horror,Ann
gad fae,horror,
da,western,Bob
bad,,Dan
"""


def test_the_loss_of_each_label(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    model = save_model(trained, tmp_path / "model")
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    evaluation = evaluate(table, model)
    assert evaluation.documents == 5
    losses = {(loss.name, loss.value, loss.rare): loss for loss in evaluation.labels}
    # Western is rare, and nobody knows Dan.
    ids = {"abba": (1, 1), "ch": (2, 1), "gad fae": (2, 0), "da": (3, 2), "bad": (0, 0)}
    groups = {
        ("genre", "comedy", False): ["abba"],
        ("genre", "horror", False): ["ch", "gad fae"],
        ("genre", None, True): ["da"],
        ("genre", None, False): ["bad"],
        ("author", "Ann", False): ["abba", "ch"],
        ("author", "Bob", False): ["da"],
        ("author", None, False): ["gad fae", "bad"],
    }
    assert losses.keys() == groups.keys()
    for key, texts in groups.items():
        nats = np.concatenate([document_nats(trained, text, ids[text]) for text in texts])
        assert losses[key].documents == len(texts)
        assert losses[key].characters == sum(map(len, texts))
        assert losses[key].loss == pytest.approx(nats.mean(), abs=1e-5)
        bits = nats.sum() / math.log(2) / losses[key].characters
        assert losses[key].bits_per_character == pytest.approx(bits, abs=1e-5)
    scores = {score.text: score for score in evaluate_each(table, model)}
    assert scores["gad fae"].labels == {"genre": "horror", "author": None}
    assert scores["da"].nats == pytest.approx(document_nats(trained, "da", (3, 2)).sum(), abs=1e-5)


def test_a_text_without_labels_for_a_model_with_labels(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    model = save_model(trained, tmp_path / "model")
    scores = list(evaluate_each([source("abba\nch\n")], model))
    assert [score.labels for score in scores] == [{}, {}]
    assert scores[0].nats == pytest.approx(document_nats(trained, "abba", (0, 0)).sum(), abs=1e-5)
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    assert next(evaluate_each(table, model, label=())).nats == scores[0].nats
    genre = next(evaluate_each(table, model, label="genre"))
    assert genre.labels == {"genre": "comedy"}
    assert genre.nats == pytest.approx(document_nats(trained, "abba", (1, 0)).sum(), abs=1e-5)
    swapped = next(evaluate_each(table, model, label=("author", "genre")))
    assert swapped.nats == next(evaluate_each(table, model)).nats
    with raises_settings_error("label"):
        evaluate(table, model, label=("title",))
    other = table.rename(tmp_path / "other.csv")
    other.write_text(TABLE.replace("genre", "kind").replace("title", "name"))
    renamed = evaluate(other, model, column="name", label=("kind", "author"))
    assert {loss.name for loss in renamed.labels} == {"genre", "author"}


def test_documents_of_python_code(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    model = save_model(trained, tmp_path / "model")
    texts = documents_source(["abba", "ch"], {"genre": ["comedy", "horror"]})
    scores = list(evaluate_each(texts, model))
    assert [score.labels for score in scores] == [{"genre": "comedy"}, {"genre": "horror"}]
    assert scores[1].nats == pytest.approx(document_nats(trained, "ch", (2, 0)).sum(), abs=1e-5)
    lists: dict[str, Any] = {
        "documents": ["abba", "ch"],
        "labels": {"genre": ["comedy", "horror"]},
    }
    assert list(evaluate_each(model=model, **lists)) == scores
    assert evaluate(model=model, **lists).documents == 2
    assert compare_labels(model, label="genre", **lists).labelled == 2
    assert len([*inspect(model=model, **lists)]) == len("abba") + len("ch") + 2
    with_gap: list[Any] = ["abba", None, "ch"]
    skipped = evaluate(model=model, documents=with_gap, bad_rows="skip")
    assert (skipped.documents, skipped.reading.bad_rows) == (2, 1)
    with pytest.raises(UsageError, match="labels belong to documents"):
        evaluate(model=model, labels=["comedy"])


def test_labels_from_folders(tmp_path):
    folder = CorpusConfig(documents="lines", label_from="folder")
    genre = Labels((LabelField("folder", ("comedy", "horror"), (7, 9)),), (((2,), 9),))
    trained = random_model(folder, labels=genre)
    model = save_model(trained, tmp_path / "model")
    for name in ("comedy", "horror", "western"):
        path = tmp_path / "texts" / name / "text.txt"
        path.parent.mkdir(parents=True)
        path.write_text("abba\n")
    scores = list(evaluate_each(tmp_path / "texts", model))
    assert [score.labels["folder"] for score in scores] == ["comedy", "horror", "western"]
    expected = [document_nats(trained, "abba", [label_id]).sum() for label_id in (1, 2, 0)]
    assert [score.nats for score in scores] == pytest.approx(expected, abs=1e-5)
    assert next(evaluate_each([source("abba")], model)).labels == {}
    for read in (evaluate, evaluate_each):
        with raises_settings_error("label_from"):
            read([source("abba")], model, label_from="folder")
    assert evaluate(tmp_path / "texts", model, documents="none").documents == 0


def test_a_table_for_a_model_of_lines_and_the_reverse(textgen, names, tmp_path):
    _, model = names
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    of_rows = save_model(random_model(ROWS, labels=LABELS), tmp_path / "rows")
    scores = list(evaluate_each(table, model, column="title", label="genre"))
    assert [score.text for score in scores] == ["abba", "ch", "gad fae", "da", "bad"]
    assert scores[1].labels == {"genre": "horror"}
    assert [score.text for score in evaluate_each([source("abba\nch")], of_rows)] == ["abba", "ch"]
    for arguments, words in (
        (["--column", "title", "-"], "--column is for tables"),
        (["--separator", "%", "-"], "the separator '%' never occurs"),
    ):
        done = textgen("evaluate", *arguments, "--model", of_rows, stdin="abba\n")
        assert done.returncode in (1, 2) and words in done.stderr, done.stderr


def test_a_model_of_continuous_text_scores_a_column(tmp_path):
    model = save_model(random_model(NONE), tmp_path / "model")
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    scores = list(evaluate_each(table, model, column="title", label="genre"))
    assert [score.text for score in scores] == ["abba", "ch", "gad fae", "da", "bad"]
    assert [score.labels["genre"] for score in scores][2:] == ["horror", "western", None]


def test_the_command_shows_a_table_for_each_kind_of_label(textgen, tmp_path):
    model = save_model(random_model(ROWS, labels=LABELS), tmp_path / "model")
    tmp_path.joinpath("table.csv").write_text(TABLE)
    done = textgen("evaluate", "table.csv", "--model", model)
    assert done.returncode == 0, done.stderr
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    assert ["genre", "documents"] in [
        line[:1] + [x.strip() for x in line[1:] if x][:1] for line in lines
    ]
    assert "(rare labels)" in done.stdout and "(no label)" in done.stdout
    assert "textgen: 1 label left out, which the model does not know\n" in done.stderr
    figures = json.loads(
        textgen("evaluate", "table.csv", "--model", model, "--format", "json").stdout
    )
    assert figures["labels"][0]["value"] == "horror"
    assert figures["reading"]["unknown_labels"] == 1
    by_csv = textgen("evaluate", "--each", "table.csv", "--model", model, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(by_csv.stdout)))
    assert [row["author"] for row in rows] == ["Ann", "Ann", "", "Bob", "Dan"]
