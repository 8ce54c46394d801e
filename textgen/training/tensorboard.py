"""Logs for TensorBoard, written by Keras's own callback.

Knows that callback and TensorFlow's summaries; knows nothing of the fit loop, which calls it.

Keras writes scalars through `tf.summary.scalar`, which needs the package tensorboard, and from
version 2.21 on TensorFlow comes without it. Logs are often written where nobody looks at them, so
what that function writes is written here and no such package is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from textgen.errors import OutputError, TrainingError, first_line


def callback(directory: Path, backend: str) -> keras.callbacks.TensorBoard:
    """A callback that writes losses and learning rate to a directory that is there.

    A training that goes on writes another file beside those that are there; TensorBoard reads
    them as one.

    Raises:
        TrainingError: TensorFlow cannot be imported.
    """
    try:
        import tensorflow
    except ImportError as error:
        raise TrainingError(
            f"--tensorboard needs TensorFlow, whatever Keras runs on: {error}; install it, or "
            "leave --tensorboard out"
        ) from error
    if backend != "tensorflow":  # it would take the memory of every GPU it sees
        tensorflow.config.set_visible_devices([], "GPU")
    return _TensorBoard(directory)


class _Summary:
    """What the callback calls of `tf.summary`."""

    def __init__(self) -> None:
        import tensorflow

        self._tensorflow = tensorflow
        self.create_file_writer = tensorflow.summary.create_file_writer
        metadata = tensorflow.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "scalars"
        metadata.data_class = 1  # DATA_CLASS_SCALAR
        self._metadata = metadata

    def scalar(self, name: str, data: float, step: int) -> None:
        """Write a number as TensorBoard's scalars plugin reads it."""
        value = self._tensorflow.constant(data, "float32")
        self._tensorflow.summary.write(name, value, step, self._metadata)


class _TensorBoard(keras.callbacks.TensorBoard):  # type: ignore[misc]
    def __init__(self, directory: Path):
        super().__init__(str(directory), write_graph=False)
        self._directory = directory
        self._summary = _Summary()

    @property
    def summary(self) -> _Summary:
        return self._summary

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        with self._writing():
            super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        with self._writing():
            super().on_epoch_end(epoch, logs)
            for writer in self._writers.values():
                writer.flush()  # whoever watches sees it now, and a full disk is known now

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        with self._writing():
            super().on_train_end(logs)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what TensorFlow raises into a line that says what to do."""
        import tensorflow

        try:
            yield
        except tensorflow.errors.OpError as error:
            said = first_line(error.message)
            raise OutputError(
                f"{self._directory}: the logs for TensorBoard cannot be written: {said}; "
                "mend that or name another directory; the same command, without --force, goes on "
                "from the last checkpoint"
            ) from error
