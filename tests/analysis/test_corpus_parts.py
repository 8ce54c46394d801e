"""The validation and test parts of the corpus in a model directory."""

import json
import shutil
from collections.abc import Sequence

import numpy as np
import pytest

from tests.analysis.models import WINDOWS, make_title, model_with_corpus
from tests.analysis.test_document_scores import document_nats, nats
from tests.optional import present
from textgen import compare_labels, evaluate
from textgen.analysis import document_reader, model_text
from textgen.analysis.evaluation import measure
from textgen.errors import ModelError
from textgen.settings import CorpusConfig
from textgen.text.documents.index import TEST, VALIDATION
from textgen.text.prepared import Prepared


def documents_of(prepared: Prepared, part: int) -> Sequence[tuple[str, Sequence[int]]]:
    """The documents of a part and their labels."""
    documents = present(prepared.documents)
    first = sum(documents.counts[:part])
    numbers = range(first, first + documents.counts[part])
    starts, label_ids = documents.starts, documents.label_ids
    return [
        (prepared.vocabulary.decode(prepared.ids[starts[n] : starts[n + 1]]), label_ids[n].tolist())
        for n in numbers
    ]


@pytest.mark.parametrize("part", [VALIDATION, TEST])
@pytest.mark.parametrize("block", [1, 50, 1 << 18])
def test_the_parts_of_documents(titles, part, block, monkeypatch):
    directory, trained, prepared = titles
    monkeypatch.setattr(document_reader, "_CACHE_BLOCK", block)
    expected = documents_of(prepared, part)
    assert 10 < len(expected) < 60
    evaluation = evaluate(model=directory, test=part == TEST)
    values = np.concatenate([document_nats(trained, *document) for document in expected])
    assert evaluation.documents == len(expected)
    assert evaluation.loss == pytest.approx(values.mean(), abs=1e-5)
    horror = trained.record.labels.fields[0].encode("horror")
    of_horror = [document for document in expected if document[1] == [horror]]
    (loss,) = [label for label in evaluation.labels if label.value == "horror"]
    assert loss.documents == len(of_horror)
    values = np.concatenate([document_nats(trained, *document) for document in of_horror])
    assert loss.loss == pytest.approx(values.mean(), abs=1e-5)
    result = compare_labels(directory, test=part == TEST)
    assert [fit.text for fit in result.fits] == [text for text, _ in expected]
    assert sum(result.matrix[0]) == len(of_horror)


def test_the_parts_of_a_continuous_text(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{make_title(number)}\n" for number in range(100)))
    directory = tmp_path / "model"
    config = CorpusConfig(documents="none")
    trained, prepared = model_with_corpus(directory, path, config, WINDOWS)
    monkeypatch.setattr(model_text, "_BLOCK", 7)
    validation, test = prepared.split(0.2)[1], prepared.test
    for ids, is_test in ((validation, False), (test, True)):
        evaluation = evaluate(model=directory, test=is_test)
        assert evaluation.characters == len(ids) > 30
        assert evaluation.loss == pytest.approx(nats(trained, ids, []).mean(), abs=1e-5)


def test_the_command(textgen, titles):
    directory, _, prepared = titles
    done = textgen("evaluate", "--test", "--model", directory, "--format", "json")
    assert json.loads(done.stdout)["documents"] == prepared.documents.counts[TEST]
    labels = textgen("compare", "--labels", "--test", "--model", directory)
    assert labels.stdout.startswith(f"{prepared.documents.counts[TEST]} documents, each under 2")
    shutil.rmtree(directory / "cache")
    with pytest.raises(ModelError, match="name a text, as in `textgen evaluate held-out"):
        evaluate(model=directory, test=True)


def test_the_beginning_of_a_part_is_read_again_and_again(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{make_title(number)}\n" for number in range(100)))
    config = CorpusConfig(documents="none")
    trained, prepared = model_with_corpus(tmp_path / "model", path, config, WINDOWS)
    whole = present(model_text.part_text(trained.record, prepared, VALIDATION))
    text = "".join(whole.read_texts())
    for length in (50, 10**6):
        short = model_text.shorten(whole, length)
        for _ in range(2):
            assert "".join(short.read_texts()) == text[:length]
            assert measure(trained, short).predicted == min(length, len(text)) - 1


def test_a_sample_of_documents_is_read_again_and_again(titles):
    _, trained, prepared = titles
    whole = present(model_text.part_text(trained.record, prepared, VALIDATION))
    short = model_text.shorten(whole, 30)
    texts = [[document.text for document in short.read_documents()] for _ in range(2)]
    assert 0 < len("".join(texts[0])) <= 30 and texts[0] == texts[1]
    known = [text for text, _ in documents_of(prepared, VALIDATION)]
    assert set(texts[0]) < set(known)
