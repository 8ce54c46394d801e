"""A random order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.permutation import Permutation


@given(st.integers(1, 2000), st.integers(0, 2**32))
def test_permutation_has_every_number_once(n, seed):
    assert sorted(Permutation(n, seed)[np.arange(n)].tolist()) == list(range(n))


def test_permutation_of_a_huge_range_takes_no_memory_and_stays_inside():
    n = 10**12
    numbers = Permutation(n, 5)[np.arange(1000)]
    assert len(set(numbers.tolist())) == 1000
    assert numbers.min() >= 0 and numbers.max() < n
    assert abs(numbers.mean() / n - 0.5) < 0.05


def test_permutation_is_about_uniform():
    """Chi-square over where the first of ten numbers goes, 4,000 seeds: nine degrees of freedom."""
    places = [int(Permutation(10, seed)[np.zeros(1, np.int64)][0]) for seed in range(4000)]
    counts = np.bincount(places, minlength=10)
    assert ((counts - 400) ** 2 / 400).sum() < 33.7  # exceeded once in 10,000 times by chance
