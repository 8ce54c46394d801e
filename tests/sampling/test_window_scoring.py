"""Windows that are read side by side have the scores of each one alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.test_sampler import random_network
from textgen.sampling import window_scoring
from textgen.sampling.context import make_reader
from textgen.sampling.scoring import score_in_order
from textgen.sampling.window_scoring import score_by_windows, score_from_windows

SIZE = 8
TEXTS = st.lists(st.integers(0, SIZE - 1), max_size=60).map(lambda ids: np.array(ids, np.int64))


def pieces_of(ids, size):
    return [ids[first : first + size] for first in range(0, len(ids), size)]


def joined(scores):
    parts = [(targets.reshape(-1), logs.reshape(-1)) for targets, logs in scores]
    parts.append((np.empty(0, np.int64), np.empty(0)))
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def in_order(network, ids, window):
    return joined(score_in_order(make_reader(network, window), SIZE, [ids]))


@pytest.mark.parametrize("block", [1, 12, 1 << 20])
@settings(max_examples=20)
@given(ids=TEXTS, maxlen=st.integers(1, 9), size=st.integers(1, 20))
def test_each_window_is_read_from_a_zero_state(block, ids, maxlen, size):
    network, scored = random_network("lstm", SIZE), list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_scoring, "_BLOCK_TOKENS", block)
        targets, logs = joined(
            score_by_windows(network, maxlen, pieces_of(ids, size), scored.append)
        )
    span = min(maxlen, max(1, len(ids) - 1))
    starts = range(0, len(ids) - span, span)
    windows = [in_order(network, ids[start : start + span + 1], None) for start in starts]
    np.testing.assert_array_equal(targets, np.concatenate([[], *(each for each, _ in windows)]))
    expected = np.concatenate([np.empty(0), *(each for _, each in windows)])
    np.testing.assert_allclose(logs, expected, atol=1e-5)
    assert sum(scored) == len(logs)


@pytest.mark.parametrize("block", [1, 12, 1 << 20])
@settings(max_examples=20)
@given(ids=TEXTS, maxlen=st.integers(1, 9), size=st.integers(1, 20))
def test_each_token_is_predicted_from_exactly_the_last_ones(block, ids, maxlen, size):
    network = random_network("gru", SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_scoring, "_BLOCK_TOKENS", block)
        targets, logs = joined(score_from_windows(network, maxlen, pieces_of(ids, size)))
    expected_targets, expected = in_order(network, ids, maxlen)
    np.testing.assert_array_equal(targets, expected_targets)
    np.testing.assert_allclose(logs, expected, atol=1e-5)
