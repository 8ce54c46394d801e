"""Writes logs for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textgen.compute.backend import Backend
from textgen.compute.backends.tensorflow_summaries import SummaryWriter
from textgen.training.callbacks.base import Callback, Validation

if TYPE_CHECKING:
    from textgen.training.loop import Loop


class TensorBoard(Callback):
    """Writes losses and the learning rate after each validation, by the names that Keras's own
    callback has for them.

    A resumed training writes another file next to those that are there; TensorBoard reads them as
    one.

    Args:
        directory: Where to write.
        backend: What trains.

    Raises:
        TrainingError: TensorFlow cannot be imported.
        OutputError: the logs cannot be written.
    """

    def __init__(self, directory: Path, backend: Backend):
        self._directory, self._backend = directory, backend
        self._writers = {"train": SummaryWriter(directory / "train", backend)}

    def on_validation_reported(self, loop: Loop, validation: Validation) -> None:
        step, loss = loop.state.steps, validation.validation_loss
        scalars = {"epoch_loss": validation.loss, "epoch_learning_rate": loop.learning_rate}
        self._writers["train"].write(scalars, step)
        if loss is not None:
            if "validation" not in self._writers:
                directory = self._directory / "validation"
                self._writers["validation"] = SummaryWriter(directory, self._backend)
            self._writers["validation"].write({"epoch_loss": loss}, step)

    def on_end(self, loop: Loop) -> None:  # noqa: ARG002
        for writer in self._writers.values():
            writer.close()
