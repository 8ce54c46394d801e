"""Documents that are scored side by side have the scores of each one alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.test_sampler import random_network
from textgen.sampling import document_scoring, scorer, window_scoring
from textgen.sampling.context import make_reader
from textgen.sampling.document_scoring import score_documents
from textgen.sampling.network import Network, weight_specs
from textgen.sampling.scoring import score_in_order
from textgen.settings import ModelConfig

SIZE = 8
IDS = st.integers(0, SIZE - 1)
DOCUMENTS = st.lists(st.lists(IDS, min_size=1, max_size=40).map(np.array), max_size=30)


def score_alone(network, document, start, window):
    """The log-probabilities of a document's tokens, read on its own from a zero state."""
    ids = np.concatenate([np.array(start, np.int64), document])
    parts = score_in_order(make_reader(network, window), SIZE, [ids])
    logs = np.concatenate([np.empty(0), *(logs for _, logs in parts)])
    return logs[max(0, len(start) - 1) :]


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@settings(max_examples=15)
@given(documents=DOCUMENTS, start=st.lists(IDS, max_size=3), rows=st.integers(1, 5))
def test_documents_have_the_scores_of_each_one_alone(cell, window, documents, start, rows):
    network = random_network(cell, SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_scoring, "MAX_ROWS", rows)
        patch.setattr(scorer, "_BLOCK", 50)
        patch.setattr(scorer, "_STEPS", 7)
        patch.setattr(window_scoring, "_CALL_TOKENS", 20)
        scores = score_documents(network, documents, start=start, window=window)
    assert len(scores) == len(documents)
    for document, logs in zip(documents, scores, strict=True):
        np.testing.assert_allclose(logs, score_alone(network, document, start, window), atol=1e-5)


def test_short_documents_do_not_wait_for_a_long_one():
    """A schedule ends when its longest document does, and has no more rows than that needs."""
    steps = np.array([3, 1000, *[10] * 150], np.int64)
    schedule = document_scoring._schedule(steps, np.arange(len(steps)), 100)
    assert (schedule.steps, schedule.rows) == (1000, 3)
    reads = np.zeros((schedule.steps, schedule.rows), np.int64)
    for number, row, step in schedule.places:
        reads[step : step + steps[number], row] += 1
    assert reads.max() == 1 and reads.sum() == steps.sum()


def test_no_documents_have_no_scores():
    assert score_documents(random_network(), [], start=[7]) == []


@pytest.mark.parametrize("window", [None, 3])
@settings(max_examples=15)
@given(documents=DOCUMENTS.filter(len), data=st.data())
def test_each_document_is_read_with_its_labels(window, documents, data):
    config = ModelConfig(units=(6,), embedding=4, label_sizes=(3, 2))
    generator = np.random.default_rng(0)
    specs = weight_specs(config, SIZE)
    weights = [generator.standard_normal(spec.shape).astype(np.float32) for spec in specs]
    network = Network(config, SIZE, weights)
    label = st.tuples(st.integers(0, 2), st.integers(0, 1))
    labels = [data.draw(label) for _ in documents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_scoring, "MAX_ROWS", 4)
        scores = score_documents(network, documents, np.array(labels), start=[7], window=window)
    for document, label_ids, logs in zip(documents, labels, scores, strict=True):
        reader = make_reader(network, window)
        reader.set_labels((), label_ids)
        parts = score_in_order(reader, SIZE, [np.append([7], document)])
        expected = np.concatenate([logs for _, logs in parts])
        np.testing.assert_allclose(logs, expected, atol=1e-5)
