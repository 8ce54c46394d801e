"""What reading a text tells, beside evaluate and sums by hand."""

import math

import numpy as np
import pytest

from tests.test_evaluation import source
from textgen import evaluate, inspect, model_dir
from textgen.reporting import findings
from textgen.reporting.findings import Reading
from textgen.vocabulary import Vocabulary


@pytest.fixture(params=["trained", "trained_on_windows"])
def model(request):
    return request.getfixturevalue(request.param)


def test_a_text_is_read_as_inspect_reads_it(model, text):
    part = text[500:900]
    trained = model_dir.read(model)
    record, network = trained.record, trained.network()
    vocabulary = record.vocabulary
    reading = findings.read(network, vocabulary.ids(part), vocabulary, record.window())
    ours = list(reading.surprises(vocabulary, 300))
    theirs = list(inspect([source(part)], model))[:300]
    assert [one.rank for one in ours] == [one.rank for one in theirs]
    assert [one.character for one in ours] == list(part[:300])
    assert [one.bits or 0 for one in ours] == pytest.approx(
        [one.bits or 0 for one in theirs], abs=1e-5
    )
    units = record.settings.model.units
    assert [held.shape for held in reading.activations] == [(400, count) for count in units]
    assert all(0.05 < np.abs(held).max() <= 1 for held in reading.activations)


def test_positions_come_to_the_loss_of_windows(trained, text):
    part = text[:5121]
    found = model_dir.read(trained)
    ids = found.record.vocabulary.ids(part)
    bits = findings.by_position(found.network(), found.parameters, ids, 40)
    assert bits.shape == (40,)
    loss = evaluate([source(part)], trained, windows=40).loss
    assert bits.mean() * math.log(2) == pytest.approx(loss, abs=1e-6)
    assert bits[0] > bits[20:].mean() + 0.5
    few = findings.by_position(found.network(), found.parameters, ids[:10], None)
    assert few.shape == (9,)


def test_what_takes_most_from_what_stands_there_comes_first():
    vocabulary = Vocabulary("abc")
    shares = np.array([[0.5, 0.4, 0.1], [0.2, 0.2, 0.6], [0.3, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3]])
    ids = np.array([0, 0, 1, 0])  # what stands after each: a, b, a
    reading = Reading("aaba", ids, np.log(shares).astype(np.float32), [])
    found = findings.confusions(reading, vocabulary, 3)
    assert [(one.stands, one.expected, one.times) for one in found] == [
        ("a", "b", 2),
        ("b", "c", 1),
        ("a", "c", 2),
    ]
    assert found[0].share == pytest.approx((0.4 + 0.3) / 2)
    assert found[1].share == pytest.approx(0.6)


def test_points_near_each_other_become_one():
    values = np.arange(1.0, 257.0)
    points = findings.thinned(values)
    assert points[:3] == [(1, 1), (2, 2), (3, 3)] and len(points) < 45
    assert all(place == value for place, value in points)
    assert points[-1][0] > 240


def test_large_networks_and_long_windows_read_less(trained):
    network = model_dir.read(trained).network()
    assert findings.at_most(network, 1000, None) == 20_000
    assert findings.at_most(network, 10**8, None) == 1500
    assert findings.at_most(network, 10**8, 40) == 37
    assert findings.at_most(network, 10**12, 40) == 2
