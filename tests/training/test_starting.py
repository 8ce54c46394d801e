"""Trainings that begin with a starter: what they learn from it, and what is recorded of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.name_starter import MODEL, save_starter, write_names
from textgen import evaluate, load, novelty
from textgen.analysis.report.page import report
from textgen.api import train
from textgen.model.known_documents import KnownDocuments
from textgen.model.model_dir import read_model
from textgen.settings import NoveltyConfig
from textgen.training import events

pytestmark = pytest.mark.framework

# A rate of almost nothing leaves the weights alone.
OPTIONS: dict[str, Any] = {"epochs": 1, "learning_rate": 1e-9, "optimizer": "sgd"}
SMALL: dict[str, Any] = {"batch_size": 4, "maxlen": 10, "sample_length": 0}


@pytest.fixture
def english(tmp_path, monkeypatch):
    return save_starter(tmp_path, monkeypatch)


def test_a_training_begins_with_a_starter_and_knows_its_documents(english, tmp_path):
    corpus = write_names(tmp_path)
    received: list[events.Event] = []
    options = {**OPTIONS, **SMALL, "documents": "lines", "init_from": "auto"}
    train(corpus, model="names", on_event=received.append, **options)
    (check,) = (event for event in received if isinstance(event, events.StarterChecked))
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert check.knows_language and started.init_from == "english"
    trained = read_model("names")
    assert evaluate(corpus, "names").loss == pytest.approx(check.loss, abs=0.1)
    assert trained.record.init_from == "english"
    assert trained.record.about["init_from"]["starter"] == "english"
    known = KnownDocuments(Path("names"), trained.record)
    assert known.find_documents(["AnnaIan", "Zoë", "Xyz"]).tolist() == [True, True, False]
    assert 0 < known.false_positives < 0.01
    assert not {*load("names").generate(n=20, novel=True)} & {*MODEL.documents}
    found = novelty("names", config=NoveltyConfig(samples=600, temperatures=(1.0,)))
    assert found.by_temperature[0].starter_copies and "its starter was trained on" in found.verdict
    page = report("names", [])
    assert "Initialised from" in page.html

    # What descends from it knows them, too: a continuous text, whose training is resumed.
    options = {**options, **SMALL, "documents": "none", "init_from": "names", "epochs": 2}
    train(corpus, model="text", stop=lambda: True, **options)
    for path in Path("names").iterdir():
        if path.is_file():
            path.unlink()
    train(model="text", resume=True)
    record = read_model("text").record
    assert record.about["init_from"]["starter"] == "english" and record.init_from == "names"
    assert not record.vocabulary.has_document_end
    assert KnownDocuments(Path("text"), record).find_starter_documents(["Zoë"]) == [True]
    config = NoveltyConfig(samples=5, length=200, temperatures=(1.0,))
    assert novelty("text", config=config).by_temperature[0].starter_copies is not None
