"""How the next character is chosen."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.sampling import decoding as decoding_module
from textgen.sampling.choosing import make_chooser
from textgen.sampling.decoding import (
    FILTERS,
    log_probabilities,
    min_p,
    probabilities,
    top_k,
    top_p,
)
from textgen.settings import Decoding, Filters

finite = st.floats(-30, 30, width=32)
rows = st.lists(finite, min_size=2, max_size=12).map(lambda values: np.array(values, np.float32))


def test_every_setting_is_a_filter():
    assert list(FILTERS) == [field.name for field in fields(Filters)]


@given(rows)
def test_probabilities_are_the_softmax_of_logits(logits):
    weights = np.exp(logits.astype(np.float64))
    expected = weights / weights.sum()
    np.testing.assert_allclose(probabilities(logits), expected, rtol=1e-9)
    np.testing.assert_allclose(np.exp(log_probabilities(logits)), expected, rtol=1e-9)


@given(rows, st.integers(1, 15))
def test_top_k_keeps_the_k_likeliest(logits, k):
    filtered = top_k(logits, k)
    best = np.sort(logits)[::-1][:k]
    np.testing.assert_array_equal(filtered > -np.inf, np.isin(logits, best))
    np.testing.assert_array_equal(filtered[filtered > -np.inf], logits[filtered > -np.inf])


@given(rows, st.floats(0.001, 1))
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    allowed = top_p(logits, p) > -np.inf
    each = probabilities(logits)
    assert allowed[logits.argmax()]
    assert each[allowed].sum() >= p - 1e-9
    if allowed.sum() > 1:  # without the least likely one they would not reach it
        assert each[allowed].sum() - each[allowed].min() < p + 1e-9
    if not allowed.all():
        assert each[~allowed].max() <= each[allowed].min()


@given(rows, st.floats(0.001, 1))
def test_min_p_keeps_characters_almost_as_likely_as_the_likeliest(logits, p):
    each = probabilities(logits)
    clear = np.abs(each / each.max() - p) > 1e-5 * p  # apart from where rounding decides
    allowed = min_p(logits, p) > -np.inf
    np.testing.assert_array_equal(allowed[clear], (each >= p * each.max())[clear])
    assert allowed[logits.argmax()]


@pytest.mark.parametrize(("function", "value"), [(top_k, 2), (top_p, 0.7), (min_p, 0.3)])
def test_filters_work_on_many_rows_at_once(function, value):
    many = np.random.default_rng(0).standard_normal((3, 5, 7))
    each = np.array([[function(row, value) for row in rows] for rows in many])
    np.testing.assert_array_equal(function(many, value), each)


LOGITS = np.array([2.0, 1.0, 0.0, 0.9, 0.4, -1.0])
UNKNOWN = 5


def expected_probabilities(decoding: Decoding, *, unknown: bool) -> np.ndarray:
    """The distribution to draw from, by the definitions, character by character."""
    weights = np.exp(LOGITS / decoding.temperature)
    if unknown:
        weights[UNKNOWN] = 0
    order = sorted(range(6), key=lambda index: -weights[index])
    if decoding.top_k:
        weights[order[decoding.top_k :]] = 0
    total, so_far = weights.sum(), 0.0
    for index in order:
        if so_far >= decoding.top_p * total:
            weights[index] = 0
        so_far += weights[index]
    weights[weights < decoding.min_p * weights.max()] = 0
    return np.asarray(weights / weights.sum())


# The statistic is exceeded once in 100,000 times by chance, by degrees of freedom.
BOUND = {1: 19.5, 2: 23.0, 3: 25.9, 4: 28.5, 5: 30.9}


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(0.3),
        Decoding(1.0),
        Decoding(2.5),
        Decoding(1.0, top_k=3),
        Decoding(0.7, top_p=0.8),
        Decoding(1.5, min_p=0.3),
        Decoding(1.2, top_k=4, top_p=0.95, min_p=0.2),
    ],
    ids=str,
)
def test_draws_have_the_distribution(decoding, unknown):
    """Chi-square of 60,000 draws over six characters."""
    n = 60_000
    choose = make_chooser(decoding, [UNKNOWN] if unknown else [])
    numbers = np.random.default_rng(11).random(n)
    counts = np.bincount(choose(np.tile(LOGITS, (n, 1)).astype(np.float32), numbers), minlength=6)
    check_counts(counts, n * expected_probabilities(decoding, unknown=unknown))


def check_counts(counts, expected):
    """Chi-square."""
    assert not counts[expected == 0].any()
    some = expected > 0
    statistic = ((counts - expected)[some] ** 2 / expected[some]).sum()
    assert some.sum() > 1 and statistic < BOUND[some.sum() - 1]


@given(rows, st.sampled_from([0.0, 1e-300]), st.floats(0, 1, exclude_max=True), st.integers(0, 5))
def test_no_temperature_is_greedy(logits, temperature, number, k):
    choose = make_chooser(Decoding(temperature, top_k=k))
    assert logits[choose(logits, number)] == logits.max()


def test_the_unknown_id_is_never_chosen_however_likely():
    logits = np.array([0.0, 3.0, 1.0, 900.0], np.float32)
    for temperature in (0, 1e-308, 1e-3):
        for number in (0.0, 0.5, np.nextafter(1, 0)):
            assert make_chooser(Decoding(temperature, top_k=2), [3])(logits, number) == 1


def test_one_row_is_chosen_as_in_many():
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((50, 9)).astype(np.float32)
    drawn = generator.random(50)
    for decoding in (Decoding(0.8), Decoding(0.8, top_p=0.6), replace(Decoding(), top_k=1)):
        choose = make_chooser(decoding, [3])
        one_by_one = [int(choose(*pair)) for pair in zip(logits, drawn, strict=True)]
        assert choose(logits, drawn).tolist() == one_by_one
        assert 3 not in one_by_one


@given(st.integers(1, 300), st.integers(0, 99), st.sampled_from([0, 0.3, 1.0]), st.data())
def test_many_tokens_are_chosen_side_by_side_as_alone(size, seed, temperature, data):
    """By inverting the cumulative distribution, in float64 and one by one."""
    filters = data.draw(st.sampled_from([{}, {"top_k": 9}, {"top_p": 0.7}, {"min_p": 0.2}]))
    excluded = data.draw(st.lists(st.integers(0, size - 1), max_size=size - 1, unique=True))
    generator = np.random.default_rng(seed)
    logits = (3 * generator.standard_normal((4, 5, size))).astype(np.float32)
    logits[0, 0, ::2] = -np.inf if size > 2 * len(excluded) + 2 else 0
    numbers = generator.random(20).reshape(4, 5)
    decoding = Decoding(temperature, **filters)
    choose = make_chooser(decoding, excluded)
    chosen = choose(logits, numbers)
    for row in np.ndindex(4, 5):
        assert choose(logits[row], numbers[row]) == chosen[row]
        allowed = logits[row].astype(np.float64)
        allowed[excluded] = -np.inf
        for name, value in filters.items() if temperature else ():
            allowed = FILTERS[name](allowed / temperature, value) * temperature
        weights = probabilities(allowed / (temperature or 1e-9))
        expected = np.searchsorted(weights.cumsum(), numbers[row] * weights.sum(), "right")
        if not temperature:  # of equal ones the first, whatever the number
            expected = allowed.argmax()
        assert chosen[row] == expected and weights[expected] > 0


def test_the_most_extreme_numbers_choose_possible_tokens():
    logits = np.full((2, 100), -np.inf, np.float32)
    logits[:, [40, 70]] = 0
    for decoding in (Decoding(1.0), Decoding(1e-308), Decoding(0.0)):
        choose = make_chooser(decoding)
        assert choose(logits, np.array([0.0, np.nextafter(1, 0)])).tolist() in ([40, 70], [40, 40])
        assert choose(logits[0], 0.0) == 40 and choose(logits[0], np.nextafter(1, 0)) in (40, 70)


@given(st.integers(300, 700), st.integers(0, 99), st.floats(0.001, 1))
def test_top_p_of_many_tokens_is_that_of_few(size, seed, p):
    logits = 3 * np.random.default_rng(seed).standard_normal((2, size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding_module, "_FEW", size)
        expected = top_p(logits, p)
    np.testing.assert_array_equal(top_p(logits, p), expected)


@pytest.mark.parametrize("size", [5, 700])
@pytest.mark.parametrize("filters", [{}, {"top_p": 0.5}])
def test_logits_that_are_no_numbers_give_an_id(size, filters):
    logits = np.full((2, size), np.nan, np.float32)
    choose = make_chooser(Decoding(1.0, **filters))
    with np.errstate(invalid="ignore"):
        chosen = [*choose(logits, np.array([0.1, 0.9])).tolist(), int(choose(logits[0], 0.5))]
    assert all(0 <= token < size for token in chosen)
