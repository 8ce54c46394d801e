"""How far a training is, when it is validated and when it ends."""

import time

import numpy as np
import pytest

from textgen.distributed.communicator import Communicator
from textgen.training.budget import Decision, EpochBudget, SynchronizedBudget, TimeBudget


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_budget_of_epochs_validates_after_each():
    budget, validations = EpochBudget(steps_per_epoch=4, epochs=3), []
    for step in range(1, 13):
        assert not budget.is_over()
        budget.step_done()
        assert budget.fraction_done() == step / 12
        if budget.validation_due():
            validations.append(step)
    assert validations == [4, 8, 12] and budget.is_over()
    resumed = EpochBudget(steps_per_epoch=4, epochs=3, steps=11)
    resumed.step_done()
    assert resumed.is_over()


def test_a_budget_of_time_leaves_time_for_the_last_validation(clock):
    budget = TimeBudget(deadline=200.0, validation_seconds=3.0)
    validations, shares = [], []
    while not budget.is_over():
        shares.append(budget.fraction_done())
        budget.step_done()
        if budget.validation_due():
            clock.now += 2.0
            budget.validated(2.0)
            validations.append(clock.now)
        clock.now += 0.5
    assert 197.0 <= clock.now <= 198.0  # two seconds for the last validation
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] > 0.98
    assert 1 <= len(validations) <= 10


def test_slow_validations_are_rare(clock):
    budget, validations = TimeBudget(deadline=1100.0, validation_seconds=3.0), 0
    while not budget.is_over():
        budget.step_done()
        clock.now += 1.0
        if budget.validation_due():
            clock.now += 8.0
            budget.validated(8.0)
            validations += 1
    assert 8 <= validations * 8 <= 0.03 * 1000


def test_a_single_process_decides_after_every_step(clock):
    stops = iter([False, False, True, True])
    budget = SynchronizedBudget(
        EpochBudget(2, 2), Communicator(), lambda: next(stops), lambda: False
    )
    decisions = []
    for _ in range(4):
        budget.step_done()
        decisions.append(budget.decide())
    assert decisions == [
        Decision(),
        Decision(due=True),
        Decision(stopped=True),
        Decision(over=True, due=True),
    ]


class Pair(Communicator):
    """This process is the second of two, and the first says what a test wants."""

    count, in_lockstep = 2, True

    def __init__(self, main):
        self.answers = np.array([main, np.zeros(6)], np.float64)

    def all_gather(self, *values):
        self.answers[1] = values
        return self.answers


def test_several_processes_follow_process_0_and_stop_if_any_does():
    pair = Pair([0, 3, 0.4, False, False, False])
    stops = [False]
    over_here = TimeBudget(time.monotonic() - 100, validation_seconds=1)  # by this process's clock
    budget = SynchronizedBudget(over_here, pair, lambda: stops[0], lambda: True)
    assert budget.fraction_done() == 0.4
    pair.answers[0] = 0, 1, 0.5, False, True, True
    for _ in range(2):
        budget.step_done()
        assert budget.decide() == Decision()  # they exchange answers at every third step
    budget.step_done()
    assert budget.decide() == Decision(due=True, checkpoint_due=True)
    assert budget.fraction_done() == 0.5
    budget.validated(1.0)
    stops[0] = True
    pair.answers[0] = 0, 1, 0.6, False, False, False
    budget.step_done()
    assert budget.decide() == Decision(stopped=True)
    pair.answers[0] = 0, 1, 1.0, True, False, False
    budget.step_done()
    assert budget.decide() == Decision(over=True, due=True)
    assert budget.to_json()["report"] == 1.0
