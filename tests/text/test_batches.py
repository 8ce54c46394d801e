"""Random changes to batches."""

import numpy as np
import pytest

from textgen.text.batches import add_noise


def test_noise_replaces_a_share_by_characters_of_the_same_row():
    x = np.arange(64 * 500, dtype=np.int32).reshape(64, 500)
    noised = add_noise(x, 0.1, random_seed=(3, 1, 2), count=64)
    assert noised.dtype == np.int32
    assert np.mean(noised != x) == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(noised // 500, x // 500)
    assert len(np.unique(noised[noised != x] % 500)) > 490  # from all over the row
    assert not np.array_equal(noised, add_noise(x, 0.1, random_seed=(3, 1, 3), count=64))


def test_rows_of_a_batch_have_the_noise_that_they_have_in_the_whole():
    x = np.arange(48, dtype=np.int32).reshape(6, 8)
    whole = add_noise(x, 0.4, random_seed=5, count=6)
    for rows in (slice(0, 3), slice(3, 6)):
        np.testing.assert_array_equal(add_noise(x[rows], 0.4, 5, 6, rows), whole[rows])


def test_noise_leaves_the_ends_of_documents_as_they_are():
    x = np.random.default_rng(2).integers(0, 4, (50, 40)).astype(np.int32)
    noised = add_noise(x, 0.5, random_seed=1, count=50, document_end=3)
    assert (noised != x).mean() > 0.1
    np.testing.assert_array_equal(noised == 3, x == 3)
