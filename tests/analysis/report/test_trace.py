"""Traces of texts, compared with `inspect`."""

import numpy as np
import pytest

from tests.analysis.source import source
from textgen import inspect
from textgen.analysis.report.trace import max_trace_length, trace_text
from textgen.model import model_dir


@pytest.fixture(params=["trained", "trained_on_windows"])
def model(request):
    return request.getfixturevalue(request.param)


def test_surprises_are_those_of_inspect(model, text):
    part = text[500:900]
    trained = model_dir.read_model(model)
    record, network = trained.record, trained.network()
    vocabulary = record.vocabulary
    trace = trace_text(network, vocabulary.encode(part), vocabulary, record.window())
    ours = list(trace.surprises(vocabulary, 300))
    theirs = list(inspect([source(part)], model))[:300]
    assert [surprise.rank for surprise in ours] == [surprise.rank for surprise in theirs]
    assert [surprise.character for surprise in ours] == list(part[:300])
    assert [surprise.bits or 0 for surprise in ours] == pytest.approx(
        [surprise.bits or 0 for surprise in theirs], abs=1e-5
    )
    units = record.settings.model.units
    assert [layer.shape for layer in trace.activations] == [(400, count) for count in units]
    assert all(0.05 < np.abs(layer).max() <= 1 for layer in trace.activations)


def test_large_networks_and_long_windows_have_shorter_traces(trained):
    network = model_dir.read_model(trained).network()
    assert max_trace_length(network, 1000, None) == 20_000
    assert max_trace_length(network, 10**8, None) == 1500
    assert max_trace_length(network, 10**8, 40) == 37
    assert max_trace_length(network, 10**12, 40) == 2
