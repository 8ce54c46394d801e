"""Saves the best model so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textgen.training.callbacks.base import Callback, Validation

if TYPE_CHECKING:
    from textgen.training.loop import Loop


class ModelSaver(Callback):
    """Saves the best weights and the history: at the first validation, at the last one, and at the
    others unless saving would take more than a tenth of the time.

    Args:
        save: Called with the loop: its model, seeds and state; `state.unsaved` says whether the
            weights may have changed.
    """

    cost = 10  # times as long as saving takes, from one save to the next, where epochs are short

    def __init__(self, save: Callable[[Loop], object]):
        self._save_model = save
        self._saved_at, self._seconds = -math.inf, 0.0

    def on_validation(self, loop: Loop, validation: Validation) -> None:  # noqa: ARG002
        is_last = loop.ended or loop.decision.stopped
        if is_last or time.monotonic() - self._saved_at >= self.cost * self._seconds:
            self._save(loop)

    def on_error(self, loop: Loop) -> None:
        # What a checkpoint brought is saved at the next validation, not here.
        if loop.state.unsaved and self._seconds:
            self._save(loop)

    def _save(self, loop: Loop) -> None:
        start = time.monotonic()
        with loop.backend.translate_device_errors():
            self._save_model(loop)
        loop.state.unsaved = False
        self._saved_at = time.monotonic()
        self._seconds = self._saved_at - start
