"""The learning rate of each step."""

import pytest

from textgen.settings import TrainConfig
from textgen.training.schedule import learning_rate


def test_the_learning_rate_warms_up_and_decays():
    config = TrainConfig(learning_rate=1.0)
    rates = [learning_rate(config, step, step / 1000) for step in range(1001)]
    assert rates[0] < 0.02 and max(rates) > 0.9 and rates[-1] == pytest.approx(0.01, rel=0.01)
    assert rates.index(max(rates)) < 150
    assert rates[200:] == sorted(rates[200:], reverse=True)
    assert len(set(rates)) < 600  # each change takes time
    short = [learning_rate(config, step, step / 40) for step in range(41)]
    assert max(short) > 0.9 and short.index(max(short)) < 8
    constant = TrainConfig(learning_rate=1.0, schedule="constant")
    assert learning_rate(constant, 0, 0.9) == 1.0
