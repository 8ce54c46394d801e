"""What the clocks of several processes agree on."""

import time

import numpy as np

from textgen.training.budget import ByEpochs, ByTime, HeardClock


def test_the_heard_clock_is_that_of_process_0():
    """Both go by what process 0 says, and end where the other one is asked to."""
    said = np.zeros((2, 6))

    def exchange(*mine):
        said[1] = mine
        return said

    said[0] = 0, 3, 0.4, False, False, False
    stops = [False]
    late = ByTime(time.monotonic() - 100, report=1)  # over long ago, by this process's clock
    clock = HeardClock(late, exchange, lambda: stops[0], lambda: True)
    assert clock.done(7) == 0.4 and not clock.over(7)
    said[0] = 0, 1, 0.5, False, True, True
    clock.stepped()
    clock.stepped()
    assert not clock.report_due(7)  # heard at every third step
    clock.stepped()
    assert clock.report_due(7) and clock.done(7) == 0.5 and clock.keep_due
    clock.reported(1.0)
    assert [clock.report_due(7), clock.stopped] == [False, False]
    said[0] = 0, 1, 1.0, True, False, False
    stops[0] = True
    clock.stepped()
    assert [clock.over(7), clock.stopped] == [True, True] and clock.state()["report"] == 1.0
    exact = HeardClock(ByEpochs(10, 2), exchange, lambda: False, lambda: False)
    assert exact.done(5) == 0.25 and exact.report_due(10) and not exact.over(19)
