"""Confusions in a small text, compared with sums by hand."""

import numpy as np
import pytest

from textgen.analysis.report.confusions import find_confusions
from textgen.analysis.report.trace import Trace
from textgen.text.vocabulary import Vocabulary


def test_pairs_are_in_the_order_of_lost_probability():
    vocabulary = Vocabulary("abc")
    shares = np.array([[0.5, 0.4, 0.1], [0.2, 0.2, 0.6], [0.3, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3]])
    ids = np.array([0, 0, 1, 0])  # the next characters: a, b, a
    trace = Trace("aaba", ids, np.log(shares).astype(np.float32), [])
    confusions = find_confusions(trace, vocabulary, 3)
    assert [
        (confusion.actual, confusion.expected, confusion.times) for confusion in confusions
    ] == [
        ("a", "b", 2),
        ("b", "c", 1),
        ("a", "c", 2),
    ]
    assert confusions[0].share == pytest.approx((0.4 + 0.3) / 2)
    assert confusions[1].share == pytest.approx(0.6)
