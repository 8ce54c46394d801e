"""What a training on documents plans: settings that follow from them, and what resumes it."""

import numpy as np
import pytest

from textgen.errors import OutputError
from textgen.model.paths import checkpoint_path
from textgen.text.documents.index import TRAINING, VALIDATION
from textgen.training import checkpoint
from textgen.training.automatic import Pace
from textgen.training.checkpoint import Checkpoint, Snapshot
from textgen.training.job import Job
from textgen.training.plan import create_plan


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("".join(f"name{number:04}\n" for number in range(400)))
    return path


@pytest.fixture
def titles(tmp_path):
    for number in range(40):
        path = tmp_path / "titles" / ("cats", "dogs")[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"title number {number}")
    return tmp_path / "titles"


def plan(corpus, directory, reading=None, **options):
    reading = {"documents": "lines"} if reading is None else reading
    job = Job(corpora=(corpus,), model=directory, options=options, reading=reading)
    return create_plan(job, None, lambda _: None)


FILES = {"documents": "files", "label_from": "folder"}


def test_the_network_follows_from_the_corpus(tmp_path, names, titles):
    planned = plan(names, tmp_path / "m")
    model = planned.identity.settings.model
    assert model.has_document_end and model.label_sizes == ()
    assert planned.identity.vocabulary.has_document_end
    labelled = plan(titles, tmp_path / "n", FILES)
    assert labelled.identity.settings.model.label_sizes == (3,)
    continuous = plan(names, tmp_path / "o", {"documents": "none"})
    assert not continuous.identity.settings.model.has_document_end
    for each in (planned, labelled, continuous):
        assert not {"has_document_end", "label_sizes"} & set(each.identity.automatic)
        if each.settings_for is not None:
            other = each.settings_for(Pace(50.0, gpu=True)).model
            recorded = each.identity.settings.model
            assert other.has_document_end == recorded.has_document_end
            assert other.label_sizes == recorded.label_sizes


def test_its_data_are_the_documents_of_each_part(tmp_path, titles):
    planned = plan(titles, tmp_path / "m", FILES)
    data, documents = planned.data(), planned.corpus.documents
    assert data.documents is not None and data.validation_documents is not None
    assert len(data.documents) + len(data.validation_documents) == 40
    assert data.labels == documents.labels
    end = planned.identity.vocabulary.document_end_id
    for ids, part, number in (
        (data.train, data.documents, TRAINING),
        (data.validation, data.validation_documents, VALIDATION),
    ):
        assert ids[0] == end and len(ids) == part.starts[-1]
        np.testing.assert_array_equal(np.flatnonzero(ids[:] == end) + 1, part.starts)
        np.testing.assert_array_equal(part.label_ids, documents.part(number).label_ids)


def test_state_resets_are_for_long_documents_alone(tmp_path, names):
    short = plan(names, tmp_path / "m", time=30.0)
    assert short.identity.settings.training.state_reset == 0
    assert short.settings_for is not None
    assert (
        plan(names, tmp_path / "n", state_reset=0.2).identity.settings.training.state_reset == 0.2
    )
    names.write_text("".join("ab" * 1000 + f"{n}\n" for n in range(30)))
    assert plan(names, tmp_path / "o").identity.settings.training.state_reset > 0
    windows = plan(names, tmp_path / "p", carry_state=False)
    assert windows.identity.settings.training.state_reset > 0


@pytest.mark.parametrize("count", [8, 20, 60])
@pytest.mark.parametrize("targets", ["sequence", "last"])
def test_a_corpus_of_a_few_names_is_enough(tmp_path, names, count, targets):
    names.write_text("".join(names.read_text().splitlines(keepends=True)[:count]))
    planned = plan(names, tmp_path / "m", targets=targets)
    settings = planned.identity.settings
    assert settings.windows.maxlen == 40
    if settings.training.carry_state:
        assert settings.training.batch_size == max(1, (len(planned.data().train) - 1) // 160)


def test_other_documents_are_another_training(tmp_path, names):
    first = plan(names, tmp_path / "m").identity
    assert checkpoint.difference(plan(names, tmp_path / "n").identity, first) is None
    continuous = plan(names, tmp_path / "o", {"documents": "none"}).identity
    assert checkpoint.difference(continuous, first) == "corpus"
    names.write_text(names.read_text() + "one more\n")
    assert checkpoint.difference(plan(names, tmp_path / "p").identity, first) == "corpus"


def test_the_corpus_of_an_unfinished_training_is_not_replaced(tmp_path, names):
    identity = plan(names, tmp_path / "m").identity
    unfinished = Checkpoint(identity, None, {"versions": {}}, Snapshot(1.0, {}, {}))
    checkpoint_path(tmp_path / "m").write_bytes(b"one")
    job = Job(corpora=(names,), model=tmp_path / "m", reading={"documents": "lines"})
    assert create_plan(job, unfinished, lambda _: None).identity == identity
    other = Job(corpora=(names,), model=tmp_path / "m", reading={"documents": "none"})
    with pytest.raises(OutputError, match="another corpus"):
        create_plan(other, unfinished, lambda _: None)
