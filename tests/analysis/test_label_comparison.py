"""Which label fits each document best, compared with a score for each document and value."""

import json

import numpy as np
import pytest

from tests.analysis.models import GENRE, LABELS, random_model, save_model
from tests.analysis.test_document_scores import LINES, ROWS, TABLE, document_nats
from tests.optional import present
from tests.raising import raises_settings_error
from textgen import compare_labels
from textgen.analysis import label_comparison
from textgen.errors import CorpusError, ModelError
from textgen.settings import CorpusConfig
from textgen.text.documents.labels import LabelField, Labels

ONE = Labels((GENRE,), (((2,), 9),))
TEXTS = ("abba", "ch", "gad fae", "da", "bad", "cafe", "hag", "beach head", "fee", "bead")
OWN = ("comedy", "horror", "horror", "", "western", "comedy", "comedy", "horror", "comedy", "")


@pytest.fixture
def trained():
    return random_model(
        CorpusConfig(documents="rows", column="title", label=("genre",)), labels=ONE
    )


@pytest.fixture
def model(trained, tmp_path):
    return save_model(trained, tmp_path / "model")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    rows = "".join(f"{text},{own}\n" for text, own in zip(TEXTS, OWN, strict=True))
    path.write_text(f"title,genre\n{rows}")
    return path


def scores(trained, text):
    """The nats of a document under each value, the most frequent first."""
    return {
        value: document_nats(trained, text, [label_id]).sum()
        for value, label_id in (("horror", 2), ("comedy", 1))
    }


def test_each_document_is_read_with_every_label(trained, model, table):
    result = compare_labels(model, table)
    assert (result.label, result.values, result.other_values) == ("genre", ("horror", "comedy"), 0)
    assert (result.documents, result.total, result.labelled) == (10, 10, 7)
    for text, own, fit in zip(TEXTS, OWN, result.fits, strict=True):
        nats = scores(trained, text)
        best = min(nats, key=lambda value: nats[value])
        expected = None if own in ("", "western") else own
        assert (fit.text, fit.label, fit.best) == (text, expected, best)
        assert fit.lead == pytest.approx(max(nats.values()) - min(nats.values()), abs=1e-4)
    for row, own in zip(result.matrix, result.values, strict=True):
        fits = [fit.best for fit in result.fits if fit.label == own]
        assert row == tuple(map(fits.count, result.values))
    others = [fit.best for fit in result.fits if fit.label is None]
    assert result.unlabelled == tuple(map(others.count, result.values))
    right = [fit.label == fit.best for fit in result.fits if fit.label]
    assert result.accuracy == pytest.approx(np.mean(right))
    assert result.majority == pytest.approx(4 / 7)
    assert len({fit.best for fit in result.fits}) > 0


def test_losses_and_distances_of_labels(trained, model, table):
    result = compare_labels(model, table)
    for row, distances, own in zip(result.losses, result.distances, result.values, strict=True):
        texts = [text for text, label in zip(TEXTS, OWN, strict=True) if label == own]
        for place, value in enumerate(result.values):
            total = sum(scores(trained, text)[value] for text in texts)
            expected = total / sum(map(len, texts))
            assert present(row)[place] == pytest.approx(expected, abs=1e-5)
            lost = expected - present(row)[result.values.index(own)]
            assert present(distances)[place] == pytest.approx(lost, abs=1e-5)


def test_the_other_labels_are_not_read(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    model = save_model(trained, tmp_path / "model")
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    result = compare_labels(model, path, label="author")
    assert result.values == ("Cy", "Bob", "Ann")
    (first, *_) = result.fits
    nats = [document_nats(trained, "abba", [0, label_id]).sum() for label_id in (3, 2, 1)]
    assert (first.label, first.best) == ("Ann", result.values[int(np.argmin(nats))])
    for wrong in (None, "title"):
        with raises_settings_error("label"):
            compare_labels(model, path, label=wrong)


def test_random_documents_where_all_would_take_too_long(model, table, monkeypatch):
    everything = compare_labels(model, table)
    some = compare_labels(model, table, limit=4)
    assert (some.documents, some.total) == (4, 10)
    assert some == compare_labels(model, table, limit=4)
    assert [fit for fit in everything.fits if fit in some.fits] == list(some.fits)
    assert compare_labels(model, table, limit=11).documents == 10
    monkeypatch.setattr(label_comparison, "_MAX_WORK", 1)
    assert compare_labels(model, table).documents == 1
    monkeypatch.setattr(label_comparison, "_MAX_WORK", 1e12)
    monkeypatch.setattr(label_comparison, "_MAX_SCORES", 6)
    assert compare_labels(model, table).documents == 3
    with raises_settings_error("limit"):
        compare_labels(model, table, limit=0)


def test_the_most_frequent_of_many_labels(model, table, monkeypatch, tmp_path):
    many = LabelField("genre", ("a", "comedy", "d", "horror"), (6, 9, 5, 7))
    trained = random_model(
        CorpusConfig(documents="rows", column="title", label=("genre",)),
        labels=Labels((many,), (((2,), 9),)),
    )
    monkeypatch.setattr(label_comparison, "MAX_VALUES", 2)
    result = compare_labels(save_model(trained, tmp_path / "many"), table)
    assert (result.values, result.other_values) == (("comedy", "horror"), 2)


def test_models_without_labels_and_texts_without_documents(model, table, tmp_path):
    plain = save_model(random_model(LINES), tmp_path / "plain")
    with pytest.raises(ModelError, match="was trained without labels"):
        compare_labels(plain, table)
    single = Labels((LabelField("genre", ("horror",), (7,), unlabelled=3),), (((1,), 7),))
    one = random_model(LINES, labels=single)
    with raises_settings_error("label"):
        compare_labels(save_model(one, tmp_path / "one"), table)
    empty = tmp_path / "empty.csv"
    empty.write_text("title,genre\n")
    with pytest.raises(CorpusError, match="has no documents"):
        compare_labels(model, empty)
    with raises_settings_error("test"):
        compare_labels(model, table, test=True)


def test_the_command(textgen, model, table):
    done = textgen("compare", "--labels", "--model", model, table)
    assert done.returncode == 0, done.stderr
    result = compare_labels(model, table)
    lines = done.stdout.splitlines()
    assert lines[0] == "10 documents, each under 2 values of genre"
    assert f"fits best       {result.accuracy:.1%} of 7\n" in done.stdout
    (row,) = [line.split() for line in lines if line.startswith("comedy")]
    assert row[1:] == [str(count) for count in result.matrix[1]]
    assert "(another, or none)" in done.stdout and "beach head" in done.stdout
    figures = json.loads(
        textgen("compare", "--labels", "--model", model, table, "--format", "json").stdout
    )
    assert figures["matrix"] == [list(row) for row in result.matrix]
    assert figures["accuracy"] == pytest.approx(result.accuracy)
    few = textgen("compare", "--labels", table, "--limit", 3, TEXTGEN_MODEL=str(model))
    assert few.stdout.startswith("3 documents of 10, chosen at random, each under")


def test_a_text_without_labels(textgen, model):
    done = textgen("compare", "--labels", "--model", model, "-", stdin="abba\n")
    assert done.returncode == 0, done.stderr
    assert "own label" not in done.stdout and "abba" in done.stdout


def test_wrong_use_of_the_command(textgen, model):
    for arguments, words in (
        (["--labels", "--model", model, "--model", model], "labels of one model"),
        (["--labels", "--model", model, "-o", "page.html"], "makes no page"),
        (["--model", model, "--limit", "3"], "are for --labels"),
        (["--labels", "--model", model], "does not hold the text"),
    ):
        done = textgen("compare", *arguments)
        assert done.returncode in (1, 2) and words in done.stderr, arguments
