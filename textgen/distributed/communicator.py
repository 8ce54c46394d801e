"""How the processes of a training exchange values.

Every process runs the same program: where one calls a method of its communicator, all do, in the
same order. The communicator of a single process does nothing, so no caller counts processes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import TrainingError, UsageError, first_line

PROCESS_LOST = (
    "another process of the training ended or cannot be reached any more; start the same command "
    "again on every host: it resumes from the last checkpoint"
)


class Communicator:
    """A single process: nobody to exchange anything with.

    Attributes:
        index: Which process this is. Process 0 alone writes files.
        count: How many there are.
        in_lockstep: Whether this process has to do everything at the same step as others.
        reads_all: Whether this process reads the whole text, and not a part of it.
        packages: Those whose versions have to be the same in all processes.
        connection_errors: What is raised where the connection to another process is gone.
    """

    index: int = 0
    count: int = 1
    in_lockstep: bool = False
    reads_all: bool = True
    packages: tuple[str, ...] = ()
    connection_errors: tuple[type[Exception], ...] = ()

    @property
    def is_main(self) -> bool:
        return self.index == 0

    def rows(self, total: int) -> slice:
        """The rows of a batch that this process reads.

        Example:
            >>> Communicator().rows(8), JaxCommunicator(index=1, count=2).rows(8)
            (slice(0, 8, None), slice(4, 8, None))
        """
        share = total // self.count
        return slice(self.index * share, (self.index + 1) * share)

    def all_gather(self, *values: float) -> npt.NDArray[np.float64]:
        """The numbers of every process, shape (count, values).

        Raises:
            TrainingError: another process is lost.
        """
        return np.array([values], np.float64)

    def broadcast(self, content: bytes) -> bytes:
        """The content that process 0 has.

        Raises:
            TrainingError: another process is lost.
        """
        return content

    def broadcast_array(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Process 0's array, of the shape and type that it has in all processes."""
        return array

    def check_same(self, parts: Mapping[str, object]) -> None:
        """Raise `UsageError` where the processes were started differently.

        Args:
            parts: What has to be the same, by name; values of the same `repr` are the same.
        """

    @contextmanager
    def starting(self) -> Iterator[None]:
        """A block that prepares the training; if it fails, the other processes stop waiting.

        Raises:
            TrainingError: the block failed in another process.
        """
        yield

    def process_lost(self, error: Exception) -> TrainingError | None:  # noqa: ARG002
        """The error to raise for one of the framework if a lost process can be its cause."""
        return None


@dataclass(frozen=True)
class JaxCommunicator(Communicator):
    """One of several processes, connected by JAX."""

    index: int
    count: int
    in_lockstep = True
    reads_all = False
    packages = ("jax",)
    connection_errors = (RuntimeError, ValueError)

    def all_gather(self, *values: float) -> npt.NDArray[np.float64]:
        from jax.experimental import multihost_utils

        values_as_bytes = np.array(values, np.float64).view(np.uint8)  # JAX would use float32
        with translate_lost_process():
            gathered = multihost_utils.process_allgather(values_as_bytes)
        return np.ascontiguousarray(gathered).view(np.float64)

    def broadcast(self, content: bytes) -> bytes:
        from jax.experimental import multihost_utils

        size = int(self.all_gather(len(content))[0, 0])
        if not size:
            return content
        buffer = np.frombuffer(content if self.is_main else bytes(size), np.uint8)
        with translate_lost_process():
            return bytes(np.asarray(multihost_utils.broadcast_one_to_all(buffer)))

    def broadcast_array(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.frombuffer(self.broadcast(array.tobytes()), array.dtype).reshape(array.shape)

    def check_same(self, parts: Mapping[str, object]) -> None:
        digests = [hashlib.sha256(repr(part).encode()).digest()[:6] for part in parts.values()]
        gathered = self.all_gather(*(int.from_bytes(digest) for digest in digests))
        for process, part in np.argwhere(gathered != gathered[0]):
            raise UsageError(
                f"process {process} was given a different {list(parts)[part]} from process 0; give "
                "all processes the same command, apart from --process, and the same files"
            )

    @contextmanager
    def starting(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            with suppress(TrainingError):
                self.all_gather(1)
            raise
        failed = np.flatnonzero(self.all_gather(0)[:, 0])
        if len(failed):
            raise TrainingError(f"process {failed[0]} could not start; its own message says why")

    def process_lost(self, error: Exception) -> TrainingError:
        return TrainingError(f"{PROCESS_LOST} ({first_line(error)})")


@contextmanager
def translate_lost_process() -> Iterator[None]:
    """Turn what JAX raises where another process is lost into a `TrainingError`."""
    try:
        yield
    except JaxCommunicator.connection_errors as error:
        raise TrainingError(f"{PROCESS_LOST} ({first_line(error)})") from error
