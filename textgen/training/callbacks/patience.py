"""Ends a training that no longer improves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.training.callbacks.base import Callback, Validation

if TYPE_CHECKING:
    from textgen.training.loop import Loop


class Patience(Callback):
    """Ends the training after some validations in a row without improvement.

    Args:
        validations: How many; 0 for never.
    """

    def __init__(self, validations: int):
        self._validations = validations

    def on_validation(self, loop: Loop, validation: Validation) -> None:  # noqa: ARG002
        if not self._validations or loop.decision.over or not loop.decision.due:
            return
        if loop.state.since_best >= self._validations:
            loop.state.reason, loop.ended = "patience", True
