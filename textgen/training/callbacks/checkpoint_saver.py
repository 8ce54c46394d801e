"""Writes checkpoints that a training can be resumed from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textgen.training.callbacks.base import Callback, Validation
from textgen.training.checkpoint import Snapshot

if TYPE_CHECKING:
    from textgen.training.loop import Loop

_COST = 10  # times as long as a checkpoint takes, from one to the next between validations
_COST_AFTER_EPOCH = 60  # the same after an epoch


class CheckpointSaver(Callback):
    """Writes a checkpoint every so many seconds, when training is stopped, and after validations.

    In a training by time a checkpoint is written after every validation, before the model: no two
    such trainings take the same steps, so a training that is killed between the two must know the
    loss that it has reached, and must not save a worse model when it is resumed. In a training by
    epochs one is written after an epoch if the last one is not too recent.

    Args:
        write: Called with what to write.
        interval: Seconds from one checkpoint to the next; more where writing takes more than a
            tenth of the time.
        deadline: When a training by time ends, in seconds of time.monotonic().
    """

    def __init__(self, write: Callable[[Snapshot], object], interval: float, deadline: float):
        self._write, self._interval, self._deadline = write, interval, deadline
        self._written_at, self._seconds = time.monotonic(), 0.0

    def is_due(self) -> bool:
        """Whether this process wants to write one now."""
        since = time.monotonic() - self._written_at
        return since >= max(self._interval, _COST * self._seconds)

    def on_step(self, loop: Loop) -> None:
        if loop.decision.checkpoint_due:
            self._save(loop)

    def on_stop(self, loop: Loop) -> None:
        if not loop.decision.due:  # a resumed training will not make the validation that follows
            self._save(loop)

    def on_validation(self, loop: Loop, validation: Validation) -> None:
        if loop.settings.training.time and (validation.improved or not loop.decision.over):
            self._save(loop, validated=True)

    def on_validation_reported(self, loop: Loop, validation: Validation) -> None:  # noqa: ARG002
        if loop.ended or loop.settings.training.time or not loop.decision.due:
            return
        if loop.decision.stopped or self._is_cheap(loop):
            self._save(loop)

    def _is_cheap(self, loop: Loop) -> bool:
        """Whether a checkpoint takes a small part of the time since the last one."""
        since = time.monotonic() - self._written_at
        is_cheap = loop.communicator.all_gather(since >= _COST_AFTER_EPOCH * self._seconds)
        return bool(is_cheap[0, 0])

    def _save(self, loop: Loop, *, validated: bool = False) -> None:
        """Write where training is, or where it will be once a validation has been reported."""
        loop.settle()
        start = self._written_at = time.monotonic()
        state = loop.current_state()
        if validated:
            state.budget["since_report"] = 0.0
        with loop.backend.translate_device_errors():
            trainer_state = loop.trainer.state()
        if trainer_state is None:  # the main process writes it
            return
        arrays = {
            "layers": trainer_state.layers,
            "optimizer": trainer_state.optimizer,
            "best": loop.model.weights(),
        }
        is_by_time = loop.settings.training.time > 0
        self._write(
            Snapshot(self._deadline - start if is_by_time else 0.0, state.to_json(), arrays)
        )
        self._seconds = time.monotonic() - start
