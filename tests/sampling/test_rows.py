"""Texts that come and go are read as each one alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.test_sampler import random_network
from textgen.sampling.cells import CELLS
from textgen.sampling.context import NetworkPredictor, make_reader
from textgen.sampling.readers import Reader

CAPACITY = 4
# What happens before a step: a text starts, or the one in some row ends.
EVENTS = st.lists(st.tuples(st.sampled_from(["start", "end", "none"]), st.integers(0, 99)))


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("label_sizes", [(), (3,)])
@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=15)
@given(events=EVENTS)
def test_texts_are_read_as_each_one_alone(cell, label_sizes, window, at_once, events):
    network = random_network(cell, label_sizes=label_sizes, scale=0.5)
    rows = NetworkPredictor(network, window).rows(CAPACITY, at_once=at_once)
    alone: list[Reader] = []
    for event, number in [("start", 0), *events]:
        if event == "start" and len(alone) < CAPACITY:
            rows.reset(len(alone))
            alone.append(make_reader(network, window))
            if label_sizes:
                rows.set_labels(len(alone) - 1, [number % 3])
                alone[-1].set_labels((), [number % 3])
        elif event == "end" and len(alone) > 1:
            last, place = len(alone) - 1, number % len(alone)
            rows.move(last, place)
            alone[place] = alone[last]
            alone.pop()
        ids = (number + np.arange(len(alone))) % 8
        expected = [reader.step(each) for reader, each in zip(alone, ids, strict=True)]
        np.testing.assert_allclose(rows.step(ids), expected, atol=1e-5)
