"""The most probable of several texts of a prompt, once all have ended."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from textgen.serving.engine import Update


class BestOf:
    """Waits for several texts, and delivers the most probable ones, the best one first.

    Args:
        wanted: How many are delivered.
        count: How many there are.
        deliver: Called with the place of each text, from 0, and an update that has all of it; or
            with 0 and an update that has an error.

    Example:
        >>> best = BestOf(1, 2, lambda place, update: print(place, update.pieces))
        >>> best.receive(0, Update(["to be"], finish="length", mean_log_probability=-2.0))
        >>> best.receive(1, Update(["to do"], finish="length", mean_log_probability=-1.0))
        0 ['to do']
    """

    def __init__(self, wanted: int, count: int, deliver: Callable[[int, Update], object]):
        self._wanted, self._deliver = wanted, deliver
        self._updates: list[list[Update]] = [[] for _ in range(count)]
        self._left = count

    def receive(self, number: int, update: Update) -> None:
        """Take an update of a text."""
        if update.error is not None:
            self._deliver(0, update)
            return
        self._updates[number].append(update)
        self._left -= update.is_last
        if self._left:
            return
        # Of equally probable texts the first one comes first: the sort is stable.
        ranked = sorted(self._updates, key=lambda updates: _rate(updates[-1]), reverse=True)
        for place, updates in enumerate(ranked[: self._wanted]):
            self._deliver(place, _join(updates))
        self._updates.clear()


def _rate(update: Update) -> float:
    """How good a text is: its mean log-probability; the lowest number if it has no character."""
    mean = update.mean_log_probability
    return -math.inf if math.isnan(mean) else mean


def _join(updates: list[Update]) -> Update:
    """All updates of a text as one."""
    last = updates[-1]
    scores = alternatives = None
    if last.log_probabilities is not None:
        scores = [score for update in updates for score in update.log_probabilities or []]
    if last.alternatives is not None:
        alternatives = [each for update in updates for each in update.alternatives or []]
    pieces = [*chain.from_iterable(update.pieces for update in updates)]
    return replace(last, pieces=pieces, log_probabilities=scores, alternatives=alternatives)
