"""Trainings on documents: what the saved model has learned, and the loss that was reported."""

from typing import Any

import numpy as np
import pytest

from tests.optional import present
from textgen.model import model_dir
from textgen.model.paths import cache_path
from textgen.sampling.document_scoring import score_documents
from textgen.sampling.network import Network
from textgen.text.documents.index import VALIDATION
from textgen.text.prepared import open_prepared
from textgen.training.events import Event
from textgen.training.job import Job
from textgen.training.pipeline import run_job

pytestmark = pytest.mark.framework

SYLLABLES = {"elves": ("la", "li", "re", "na"), "orcs": ("gor", "ka", "zu", "dak")}
READING = {"documents": "lines", "label_from": "file"}
OPTIONS: dict[str, Any] = {
    "units": (32,),
    "embedding": 12,
    "maxlen": 20,
    "batch_size": 8,
    "epochs": 12,
    "dropout": 0.0,
    "learning_rate": 0.02,
    "sample_length": 20,
}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Names of two kinds, each in a file, one a line."""
    folder = tmp_path_factory.mktemp("names")
    generator = np.random.default_rng(0)
    for kind, syllables in SYLLABLES.items():
        lines = ["".join(generator.choice(syllables, generator.integers(2, 5))) for _ in range(300)]
        (folder / f"{kind}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def run(names, model, labels=False, **options):
    reading = READING if labels else {"documents": "lines"}
    job = Job((names,), model, options={**OPTIONS, **options}, reading=reading)
    return run_job(job, lambda _: None, lambda: False)


def losses_of_documents(model):
    """The loss of each validation document, in NumPy, from a zero state, and their tokens."""
    trained = model_dir.read_model(model)
    record = trained.record
    corpus = open_prepared(cache_path(model))
    ids = corpus.split(record.settings.windows.validation)[1]
    part = present(corpus.documents).part(VALIDATION)
    documents = np.split(np.array(ids), part.starts)[1:-1]
    network = Network(record.settings.model, record.vocabulary.size, trained.weights)
    labels = part.label_ids if part.label_ids.shape[1] else None
    start = [present(record.vocabulary.document_end_id)]
    return part, score_documents(network, documents, labels, start=start)


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (False, {"cell": "gru", "units": (24, 20)}),
        (True, {"targets": "last", "step": 1, "epochs": 2, "batch_size": 32, "embedding": 0}),
    ],
    ids=["layers", "last with labels, one-hot"],
)
def test_the_validation_loss_is_that_of_whole_documents(tmp_path, names, labels, options):
    """Nothing of a document's loss depends on the documents before it, or on where it is cut."""
    check_validation(tmp_path / "model", run(names, tmp_path / "model", labels, **options))


def check_validation(model, finished):
    part, logs = losses_of_documents(model)
    tokens = np.concatenate(logs)
    assert len(tokens) == part.starts[-1] - 1
    assert -tokens.mean() == pytest.approx(finished.best_loss, abs=2e-3)
    assert finished.best_loss < 1.3  # the letters alone have more than 2


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, names):
    """A model with labels and what its training reported."""
    model = tmp_path_factory.mktemp("labelled") / "model"
    return model, run(names, model, labels=True)


def test_labels_say_what_to_write_and_documents_end_by_themselves(labelled):
    model, finished = labelled
    check_validation(model, finished)
    with_labels = model_dir.load(model)
    for kind, letters in (("elves", set("lairen")), ("orcs", set("gorkazud"))):
        texts = with_labels.generate(n=40, label=kind, random_seed=1, temperature=0.7)
        right = sum(set(text) <= letters for text in texts)
        assert right >= 36 and all(len(text) < 40 for text in texts)
    record = model_dir.read_model(model).record
    assert record.labels is not None and record.labels.names == ("file",)
    assert record.about["corpus"]["documents"]["training"] > 500
    assert record.about["corpus"]["settings"]["documents"] == "lines"
    assert record.seeds == ()


def test_a_stopped_training_on_documents_is_resumed(tmp_path, names):
    whole = run(names, tmp_path / "whole", labels=True, epochs=3)
    received: list[Event] = []
    job = Job((names,), tmp_path / "rest", options={**OPTIONS, "epochs": 3}, reading=READING)
    run_job(job, received.append, lambda: len(received) > 40)
    rest = run_job(Job((), tmp_path / "rest", resume=True), lambda _: None, lambda: False)
    assert (rest.reason, rest.best_loss) == ("done", whole.best_loss)


def test_a_model_of_documents_is_trained_further_on_others_and_on_continuous_text(
    tmp_path, labelled
):
    init_from, _ = labelled
    still = {"epochs": 1, "learning_rate": 1e-9, "optimizer": "sgd"}
    options = {**OPTIONS, **still}
    other = tmp_path / "other.txt"
    other.write_text("".join(f"{line}x\n\n" for line in ["lala", "lili", "rena"] * 100))
    base = model_dir.read_model(init_from).record
    assert base.labels is not None
    for number, documents in enumerate(("paragraphs", "none")):
        job = Job(
            (other,),
            tmp_path / str(number),
            options=options,
            reading={"documents": documents},
            init_from=init_from,
        )
        finished = run_job(job, lambda _: None, lambda: False)
        record = model_dir.read_model(tmp_path / str(number)).record
        assert record.vocabulary.has_document_end == (documents == "paragraphs")
        assert record.labels is None and "x" in record.vocabulary.characters
        assert finished.best_loss < 6  # x is new
