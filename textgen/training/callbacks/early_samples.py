"""Draws samples before the first validation, while the text emerges from noise."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from textgen.training import events
from textgen.training.callbacks.base import Callback

if TYPE_CHECKING:
    from textgen.training.loop import Loop

# Shares of a training after which a sample is drawn without a validation: text emerges from noise
# long before the first one. Each takes some milliseconds, or is left out.
_SHARES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
_MULTIPLICATIONS_AT_MOST = 2e9


class EarlySamples(Callback):
    """Draws a sample after certain shares of a training, until the first validation."""

    def on_step(self, loop: Loop) -> None:
        state = loop.state
        due = bisect_right(_SHARES, loop.budget.fraction_done())
        if due <= state.early_samples or state.history["epochs"] or not self._is_wanted(loop):
            return
        state.early_samples = due
        loop.settle()
        for sample in loop.draw_samples(loop.weights()):
            early = events.EarlySample(loop.epoch(), state.loss_curve.loss, **vars(sample))
            state.history["samples"].append(vars(early))
            loop.on_event(early)

    def _is_wanted(self, loop: Loop) -> bool:
        """Whether this process draws samples, and they are quick to draw."""
        config = loop.settings.training
        window = 1 if config.carry_state else loop.settings.windows.maxlen
        characters = (window + config.sample_length) * len(config.sample_temperatures)
        multiplications = characters * window * loop.model.parameters
        return loop.communicator.is_main and multiplications <= _MULTIPLICATIONS_AT_MOST
