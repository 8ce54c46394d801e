"""How the next character is chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.sampling.decoding import choose, probabilities

logits = st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=12).map(
    lambda values: np.array(values, np.float32)
)


@given(logits, st.floats(0.01, 100))
def test_probabilities_are_the_softmax_of_divided_logits(values, temperature):
    got = probabilities(values, temperature)
    scaled = values.astype(np.float64) / temperature
    expected = np.exp(scaled - scaled.max())
    np.testing.assert_allclose(got, expected / expected.sum(), rtol=1e-9, atol=1e-300)


@given(logits, st.sampled_from([0.0, 1e-300, 1e-30]))
def test_no_temperature_is_greedy(values, temperature):
    with np.errstate(all="raise", over="ignore", under="ignore"):
        got = probabilities(values, temperature)
    assert got.argmax() == values.argmax()
    assert got.sum() == pytest.approx(1)
    if temperature == 0:
        assert choose(values[None], 0, np.array([0.999]))[0] == values.argmax()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_draws_have_the_distribution(temperature):
    """Chi-square of 40,000 draws over six characters: five degrees of freedom."""
    values = np.array([0.0, 1.0, -1.0, 0.5, 0.2, -np.inf])
    n = 40_000
    uniforms = np.random.default_rng(7).random(n)
    counts = np.bincount(choose(np.tile(values, (n, 1)), temperature, uniforms), minlength=6)
    expected = n * probabilities(values, temperature)
    assert counts[5] == 0
    statistic = ((counts - expected)[:5] ** 2 / expected[:5]).sum()
    assert statistic < 23.5  # four degrees of freedom: exceeded once in 10,000 times by chance


def test_the_ends_of_the_unit_interval_stay_inside():
    values = np.tile(np.array([-np.inf, 0.0, 0.0, -np.inf]), (2, 1))
    assert choose(values, 1.0, np.array([0.0, np.nextafter(1, 0)])).tolist() == [1, 2]
