"""The page of a model of documents."""

import html as html_module
import re

import numpy as np
import pytest

from tests.analysis.models import LABELS, random_model, save_model
from tests.analysis.test_document_scores import LINES, ROWS, TABLE, document_nats
from tests.optional import present
from textgen import compare_labels, evaluate, report
from textgen.analysis.report import document_values
from textgen.analysis.report.trace import trace_text
from textgen.settings import CorpusConfig

SECTIONS = ["samples", "labels", "surprise", "confusions", "context", "units", "settings"]


def section(page: str, name: str) -> str:
    """The text of a section, its elements separated by spaces."""
    found = present(re.search(rf'<section id="{name}">.*?</section>', page, re.S))
    return " ".join(html_module.unescape(re.sub(r"<[^>]*>", " ", found[0])).split())


def test_the_page_has_its_documents_and_labels(titles):
    directory, *_ = titles
    page = report(directory)
    assert re.findall(r'<section id="(\w+)"', page.html) == SECTIONS
    assert page == report(directory)
    test = evaluate(model=directory, test=True)
    assert f"loss {test.loss:.4f} nats" in page.html
    assert f"on {test.documents} documents that were used for nothing else" in page.html
    assert "genre: horror 100, comedy 50, none 50" in page.html
    labels = section(page.html, "labels")
    for loss in evaluate(model=directory).labels:
        assert f"{loss.title} {loss.documents} {loss.characters} {loss.loss:.4f}" in labels
    comparison = compare_labels(directory)
    for value, row in zip(comparison.values, comparison.distances, strict=True):
        assert f"{value} {' '.join(f'{nats:.3f}' for nats in present(row))}" in labels
    assert f"{comparison.accuracy:.1%}" in labels and f"{comparison.majority:.1%}" in labels
    assert '<span class="level' in page.html and "document-end" in page.html
    assert "each document from a zero state" in page.html


def test_documents_are_written_with_each_label(titles):
    directory, trained, _ = titles
    samples = section(report(directory).html, "samples")
    sampler = trained.sampler()
    expected = sampler.generate(n=5, temperature=0.8, length=1000, random_seed=1, label="horror")
    assert "genre: horror " + " ".join("\n".join(expected).split()) in samples
    for heading in ("Temperature 0.5", "Temperature 1", "genre: comedy"):
        assert heading in samples
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_values, "_MAX_SAMPLE_WORK", 1)
        assert document_values.generate_samples(trained) == []


def test_a_page_for_a_named_table(tmp_path):
    model = save_model(random_model(ROWS, labels=LABELS), tmp_path / "model")
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    page = report(model, table)
    labels = section(page.html, "labels")
    assert "On table.csv: 5 documents" in labels and "author" in labels
    assert "5 documents are too few" in section(page.html, "context")
    shown = re.search(r'id="surprises".*?</div>', page.html, re.S)
    text = re.sub("<.*?>", "", present(shown)[0].split(">", 1)[1])
    assert sorted(text.split("\n")) == ["", "abba", "bad", "ch", "da", "gad fae"]


def test_a_page_without_labels_or_corpus(tmp_path):
    model = save_model(random_model(LINES), tmp_path / "model")
    page = report(model)
    assert "samples" in re.findall(r'<section id="(\w+)"', page.html)
    assert 'id="labels"' not in page.html and 'href="#labels"' not in page.html
    assert "has no text" in " ".join(page.notes)
    lines = tmp_path / "lines.txt"
    lines.write_text("abba\nch\n" * 30)
    places = section(report(model, lines).html, "context")
    assert "Where documents are hard to predict" in places
    assert "means over 60 documents" in places


def test_long_documents_are_shown_one_by_one(tmp_path):
    files = CorpusConfig(documents="files")
    page = report(save_model(random_model(files, "\nab"), tmp_path / "model"))
    groups = document_values.generate_samples(random_model(files, "\nab"))
    assert any(not group.are_lines for group in groups)
    assert page.html.count('<pre class="sample">') >= sum(
        1 if group.are_lines else len(group.documents) for group in groups
    )


def test_a_trace_reads_each_document_from_its_beginning(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    vocabulary = trained.record.vocabulary
    end = vocabulary.document_end_id
    ids = np.array([end, *vocabulary.encode("abba"), end, *vocabulary.encode("ch"), end])
    labels = [np.array([1, 2]), np.array([2, 0])]
    trace = trace_text(trained.network(), ids, vocabulary, None, labels)
    surprises = list(trace.surprises(vocabulary, 99))
    assert [surprise.character for surprise in surprises] == [*"abba", "", *"ch", ""]
    expected = [*document_nats(trained, "abba", [1, 2]), *document_nats(trained, "ch", [2, 0])]
    bits = [surprise.bits * np.log(2) for surprise in surprises]
    assert bits == pytest.approx(expected, abs=1e-5)
