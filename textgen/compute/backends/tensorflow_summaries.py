"""Scalars in files that TensorBoard reads, written by TensorFlow whatever the backend.

`tf.summary.scalar` needs the package tensorboard, which TensorFlow no longer brings from version
2.21 on. Logs are often written where nobody looks at them, so what that function writes is written
here, and no such package is needed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgen.compute.backend import Backend
from textgen.errors import OutputError, TrainingError, first_line


class SummaryWriter:
    """Writes scalars into a new file in a directory.

    Args:
        directory: Where to write; it is created.
        backend: What trains.

    Raises:
        TrainingError: TensorFlow cannot be imported.
        OutputError: the file cannot be written.
    """

    def __init__(self, directory: Path, backend: Backend):
        self._tensorflow = _import_tensorflow(backend)
        self._directory = directory
        with self._translate_errors():
            self._writer = self._tensorflow.summary.create_file_writer(str(directory))
        metadata = self._tensorflow.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "scalars"
        metadata.data_class = 1  # DATA_CLASS_SCALAR
        self._metadata = metadata

    def write(self, scalars: Mapping[str, float], step: int) -> None:
        """Write numbers of a step, and flush them: they are seen, or the disk is full, now.

        Raises:
            OutputError: the file cannot be written.
        """
        tensorflow = self._tensorflow
        with self._translate_errors():
            with self._writer.as_default():
                for name, value in scalars.items():
                    tensor = tensorflow.constant(value, "float32")
                    tensorflow.summary.write(name, tensor, step, self._metadata)
            self._writer.flush()

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: what was left could not be written.
        """
        with self._translate_errors():
            self._writer.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except self._tensorflow.errors.OpError as error:
            raise OutputError(
                f"{self._directory.parent}: the logs for TensorBoard cannot be written: "
                f"{first_line(error.message)}; fix that or name another directory; the same "
                "command, without --force, resumes from the last checkpoint"
            ) from error


def _import_tensorflow(backend: Backend) -> Any:
    try:
        import tensorflow
    except ImportError as error:
        raise TrainingError(
            f"--tensorboard needs TensorFlow, whatever the backend: {error}; install it, or leave "
            "--tensorboard out"
        ) from error
    if backend.name != "tensorflow":  # it would take the memory of every GPU it sees
        tensorflow.config.set_visible_devices([], "GPU")
    return tensorflow
