"""Runs that texts have in common with a long one, compared with a search for each."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.copied_runs import find_copied_runs

ids = st.lists(st.integers(0, 2), max_size=40)


def ngrams(values, length):
    return {tuple(values[place : place + length]) for place in range(len(values) - length + 1)}


@given(
    ids,
    st.lists(st.lists(st.integers(-1, 3), max_size=20), max_size=6),
    st.integers(1, 9),
    st.integers(1, 50),
    st.sampled_from([0, 1 << 22]),
)
def test_runs_are_those_of_a_search_for_each(corpus, texts, length, chunk, max_table):
    known = ngrams(corpus, length)
    expected = [
        any(min(run) >= 0 and run in known for run in ngrams(text, length)) for text in texts
    ]
    arrays = [np.array(text, np.int64) for text in texts]
    found = find_copied_runs(
        np.array(corpus, np.uint8), arrays, length, chunk=chunk, max_table=max_table
    )
    assert found.tolist() == expected
