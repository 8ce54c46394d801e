"""How far a training is, when it is validated and when it ends."""

import time

import numpy as np
import pytest

from textgen.distributed.communicator import Communicator
from textgen.training.budget import EpochBudget, SynchronizedBudget, TimeBudget


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_budget_of_epochs_validates_after_each():
    budget = EpochBudget(steps_per_epoch=4, epochs=3)
    assert [step for step in range(1, 13) if budget.validation_due(step)] == [4, 8, 12]
    assert [budget.is_over(11), budget.is_over(12)] == [False, True]
    assert budget.share_done(6) == 0.5


def test_a_budget_of_time_leaves_time_for_the_last_validation(clock):
    budget = TimeBudget(deadline=200.0, report=3.0)
    validations, shares, steps = [], [], 0
    while not budget.is_over(steps):
        shares.append(budget.share_done(steps))
        budget.step_done()
        if budget.validation_due(steps):
            clock.now += 2.0
            budget.validated(2.0)
            validations.append(clock.now)
        clock.now += 0.5
        steps += 1
    assert 197.0 <= clock.now <= 198.0  # two seconds for the last validation
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] > 0.98
    assert 1 <= len(validations) <= 10


def test_slow_validations_are_rare(clock):
    budget, validations = TimeBudget(deadline=1100.0, report=3.0), 0
    while not budget.is_over(1):
        budget.step_done()
        clock.now += 1.0
        if budget.validation_due(1):
            clock.now += 8.0
            budget.validated(8.0)
            validations += 1
    assert 8 <= validations * 8 <= 0.03 * 1000


def test_a_single_process_answers_after_every_step(clock):
    stops = iter([False, False, True])
    budget = SynchronizedBudget(
        EpochBudget(2, 4), Communicator(), lambda: next(stops), lambda: False
    )
    for _ in range(2):
        budget.step_done()
        assert not budget.stop_requested
    budget.step_done()
    assert budget.stop_requested and not budget.checkpoint_due
    assert budget.validation_due(2) and not budget.is_over(7) and budget.is_over(8)


class Pair(Communicator):
    """This process is the second of two, and the first says what a test wants."""

    count, in_lockstep = 2, True

    def __init__(self, main):
        self.answers = np.array([main, np.zeros(6)], np.float64)

    def all_gather(self, *values):
        self.answers[1] = values
        return self.answers


def test_several_processes_follow_process_0_and_stop_where_any_is_asked_to():
    pair = Pair([0, 3, 0.4, False, False, False])
    stops = [False]
    over_here = TimeBudget(time.monotonic() - 100, report=1)  # by this process's clock
    budget = SynchronizedBudget(over_here, pair, lambda: stops[0], lambda: True)
    assert budget.share_done(7) == 0.4 and not budget.is_over(7)
    pair.answers[0] = 0, 9, 0.5, False, True, True
    budget.step_done()
    budget.step_done()
    assert not budget.validation_due(7)  # they exchange answers at every third step
    budget.step_done()
    assert budget.validation_due(7) and budget.share_done(7) == 0.5 and budget.checkpoint_due
    budget.validated(1.0)
    assert [budget.validation_due(7), budget.stop_requested] == [False, False]
    stops[0] = True
    pair.answers[0] = 0, 1, 0.6, True, False, False
    budget.step_done()
    assert [budget.is_over(7), budget.stop_requested] == [True, True]
    assert budget.to_json()["report"] == 1.0
