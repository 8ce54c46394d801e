"""Speed, time left and losses of a training."""

import pytest

from tests.cli.display.example import state_after
from textgen.cli.display.state import LossHistory, Speed
from textgen.training import events


def test_speed_and_time_left():
    speed = Speed()
    steps = [events.StepDone(0, n / 100, 2.0, 50, 2.0, 9 + n / 2) for n in range(1, 51)]
    assert [speed.add(step) for step in steps] == [False] + [True] * 49
    assert speed.characters_per_second == pytest.approx(
        100
    ) and speed.seconds_left == pytest.approx(25)
    speed.restart()
    later = events.StepDone(0, 0.51, 2.0, 50, 2.0, 1000.0)
    assert not speed.add(later) and speed.characters_per_second == pytest.approx(100)
    state = state_after(*steps)
    assert state.seconds_left(5) == pytest.approx(20) and state.seconds_left(99) == 0


def test_means_of_losses():
    losses = LossHistory()
    for step in range(600):
        losses.add(step / 600, float(step >= 300))
    assert list(losses.means(4)) == [0, 0, 1, 1]
    losses = LossHistory()
    losses.add(1.0, 5.0)
    assert list(losses.means(3)) == [None, None, 5]
