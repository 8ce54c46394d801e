"""A text's logits are the same to the last bit, whatever other texts are in the batch."""

from typing import Any

import numpy as np
import pytest

from tests.sampling.fake_networks import FakeNetwork
from tests.sampling.test_sampler import random_network
from textgen.sampling.batch_sizes import find_batch_sizes
from textgen.sampling.cells import CELLS
from textgen.sampling.context import NetworkPredictor
from textgen.sampling.readers import Reader

CAPACITY = 64


class Imprecise(FakeNetwork):
    """A network whose logits have other last bits in small batches."""

    def __init__(self, least_rows: int):
        self.least_rows = least_rows

    def make_reader(self, allocate):
        read = allocate(1)

        def step(ids: Any) -> Any:
            read[:, 0] += ids
            error = 2**-20 if len(read) < self.least_rows else 0
            return np.repeat(read, 3, axis=1) + np.float32(error)

        def reset(index: Any) -> None:
            read[index] = 0

        return Reader(step, reset, list)


@pytest.mark.parametrize("least_rows", [1, 2, 5, 63, 64])
def test_sizes_with_other_bits_are_left_out(least_rows):
    found = find_batch_sizes(Imprecise(least_rows).rows(CAPACITY), 3)
    tried = (1, 2, 3, 4, 8, 16, 24, 32, 40, 48, 56, 64)
    assert found == tuple(size for size in tried if size >= least_rows)


@pytest.mark.parametrize("capacity", [1, 2, 3, 9])
def test_the_capacity_is_always_a_size(capacity):
    found = find_batch_sizes(Imprecise(1).rows(capacity), 3)
    assert found == (*(size for size in (1, 2, 3, 4, 8) if size < capacity), capacity)


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_logits_are_those_of_a_full_batch(cell, window):
    """LSTM 64 with 65 tokens: here OpenBLAS changes its kernel between 47 and 48 rows."""
    network = random_network(cell, size=65, units=(64, 30), scale=0.1)
    sizes = find_batch_sizes(NetworkPredictor(network, window).rows(CAPACITY), 65)
    ids = np.random.default_rng(1).integers(0, 65, (9, CAPACITY))
    full = NetworkPredictor(network, window).rows(CAPACITY)
    for count in sizes:
        order = np.random.default_rng(count).permutation(CAPACITY)[:count]
        few = NetworkPredictor(network, window).rows(CAPACITY)
        full.reset(slice(CAPACITY))
        for step in ids:
            np.testing.assert_array_equal(few.step(step[order]), full.step(step)[order])
