"""Several processes, on one machine or many, and several GPUs, that train one model together.

Knows how JAX's processes find each other, what they tell each other, and how Keras shares a batch
among devices; knows nothing of models, data or files. Every process runs the same program: where
one computes or hears something together with the others, all do, in the same order.
"""

import hashlib
import math
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError, TrainingError, UsageError, first_line
from textgen.settings import WAIT

AUTO = "auto"
_ROWS = "rows"  # the one axis of the devices
_ROWS_OF_GPU = 32  # at least: with fewer it is quicker than what it is told to do
_SILENCE = 20  # seconds without a sign of life after which a process counts as dead
# Where launchers tell each process how many there are and which one it is.
_LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),  # Open MPI
    ("PMI_SIZE", "PMI_RANK"),  # MPICH, Intel MPI
    ("SLURM_NTASKS", "SLURM_PROCID"),
)
LOST = (
    "another process of the training ended or cannot be reached any more; start the same command "
    "again on every host: it goes on from the last checkpoint"
)


@dataclass(frozen=True)
class Cluster:
    """The processes that are to train together.

    Attributes:
        coordinator: HOST:PORT where process 0 waits for the others; `auto` for what SLURM or
            Open MPI tells JAX.
        processes: How many; None with `auto`.
        process: Which one this is, from 0; None with `auto`.
        wait: Seconds to wait for the others at the beginning.
    """

    coordinator: str
    processes: int | None = None
    process: int | None = None
    wait: float = WAIT

    def __post_init__(self) -> None:
        if not self.wait > 0:
            raise SettingsError("wait", "must be above 0 seconds")
        if self.coordinator == AUTO:
            if (self.processes, self.process) != (None, None):
                raise SettingsError(
                    "coordinator", f"must not be {AUTO} where --processes or --process is given"
                )
            return
        address = re.fullmatch(r"(.+):(\d{1,5})", self.coordinator)
        if address is None or not 0 < int(address[2]) < 2**16:
            raise SettingsError(
                "coordinator",
                f"must be HOST:PORT, {AUTO}, or ray without --process; not {self.coordinator!r}",
            )
        if self.processes is None or self.processes < 1:
            raise SettingsError("processes", "must say how many there are, 1 or more")
        if self.process is None or not 0 <= self.process < self.processes:
            raise SettingsError(
                "process", f"must say which one this is, from 0 to {self.processes - 1}"
            )

    @property
    def address(self) -> tuple[str, int]:
        """The coordinator's host and port, where they are given."""
        host, _, port = self.coordinator.rpartition(":")
        return host.strip("[]"), int(port)


@dataclass(frozen=True)
class Peers:
    """The processes of a training as one of them sees them.

    Attributes:
        index: Which one this is; process 0 alone writes.
        count: How many.
        devices: How many devices they have in all; each has as many rows of a batch.
    """

    index: int = 0
    count: int = 1
    devices: int = 1

    @property
    def first(self) -> bool:
        return self.index == 0

    def check_rows(self, rows: int) -> None:
        """Raise `SettingsError` where the devices cannot share a batch evenly."""
        if rows % self.devices:
            fits = max(1, round(rows / self.devices)) * self.devices
            raise SettingsError(
                "batch_size",
                f"must be a multiple of {self.devices}, as many devices as share a batch; give "
                f"{fits}, or start fewer processes",
            )

    def for_rows(self, rows: int, *, gpu: bool) -> "Peers":
        """With no more devices than can share so many rows, where one process may choose.

        Example:
            >>> Peers(devices=8).for_rows(64, gpu=True).devices
            2
        """
        if self.count > 1:
            return self
        least = _ROWS_OF_GPU if gpu else 1
        even = [n for n in range(2, self.devices + 1) if rows % n == 0 and rows // n >= least]
        return replace(self, devices=max(even, default=1))

    def rows(self, of: int) -> slice:
        """Those rows of a batch that this process reads.

        Example:
            >>> Peers(index=1, count=2, devices=2).rows(8)
            slice(4, 8, None)
        """
        each = of // self.count
        return slice(self.index * each, (self.index + 1) * each)

    def whole(self, rows: int) -> int:
        """The largest number of rows, up to this one, that every device has as many of."""
        return rows // self.devices * self.devices

    def filled(self, rows: int) -> int:
        """The smallest number of rows, from this one on, that every device has as many of."""
        return max(1, -(-rows // self.devices)) * self.devices

    def exchange(self, *values: float) -> npt.NDArray[np.float64]:
        """The numbers of every process, shape (count, values).

        Raises:
            TrainingError: another process is not there any more.
        """
        mine = np.array([values], np.float64)
        if self.count == 1:
            return mine
        from jax.experimental import multihost_utils

        with losing_peers():  # as bytes: JAX would make float32 of them
            gathered = multihost_utils.process_allgather(mine[0].view(np.uint8))
        return np.ascontiguousarray(gathered).view(np.float64)

    def check_same(self, parts: Mapping[str, object]) -> None:
        """Raise `UsageError` where the processes were asked different things.

        Args:
            parts: What they were asked, by name; values that look the same are the same.
        """
        digests = [hashlib.sha256(repr(part).encode()).digest()[:6] for part in parts.values()]
        said = self.exchange(*(int.from_bytes(digest) for digest in digests))
        for process, place in np.argwhere(said != said[0]):
            raise UsageError(
                f"process {process} has another {list(parts)[place]} than process 0; give all of "
                "them the same command apart from --process, and the same files"
            )

    def told(self, content: bytes) -> bytes:
        """What process 0 has.

        Raises:
            TrainingError: another process is not there any more.
        """
        size = int(self.exchange(len(content))[0, 0])
        if self.count == 1 or not size:
            return content
        from jax.experimental import multihost_utils

        mine = np.frombuffer(content if self.first else bytes(size), np.uint8)
        with losing_peers():
            return bytes(np.asarray(multihost_utils.broadcast_one_to_all(mine)))

    def told_array(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Process 0's array, of the shape and type that all have."""
        if self.count == 1:
            return array
        return np.frombuffer(self.told(array.tobytes()), array.dtype).reshape(array.shape)

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Where this process cannot begin, tell the others, which then do not wait for it.

        Raises:
            TrainingError: another process cannot begin.
        """
        try:
            yield
        except Exception:
            with suppress(TrainingError):
                self.exchange(1)
            raise
        failed = np.flatnonzero(self.exchange(0)[:, 0])
        if len(failed):
            raise TrainingError(f"process {failed[0]} could not begin and says why")

    def share(self) -> None:
        """From here on, weights are on all devices, and rows and their states on one each."""
        if self.devices == 1:
            return
        import keras

        devices = keras.distribution.list_devices()[: self.devices]
        layout = keras.distribution.LayoutMap(
            keras.distribution.DeviceMesh((len(devices),), (_ROWS,), devices)
        )
        layout[".*rnn_state.*"] = keras.distribution.TensorLayout((_ROWS, None))
        keras.distribution.set_distribution(
            keras.distribution.ModelParallel(
                layout_map=layout, batch_dim_name=_ROWS, auto_shard_dataset=False
            )
        )

    def places(self) -> tuple[Any, Any]:
        """Where JAX has the rows of a batch, and what all devices have, after `share`."""
        import jax
        import keras

        mesh = keras.distribution.distribution().device_mesh.backend_mesh
        spec = jax.sharding.PartitionSpec
        return jax.NamedSharding(mesh, spec(_ROWS)), jax.NamedSharding(mesh, spec())

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """A block in which `share` may be called; afterwards models are as everywhere."""
        try:
            yield
        finally:
            if self.devices > 1:
                import keras

                keras.distribution.set_distribution(None)

    def placed(self, value: Any, like: Any) -> Any:
        """A value that every process has, on the devices that a Keras variable is on.

        JAX would have the processes compare it first, and hold that of all of them.
        """
        if self.count == 1:
            return value
        import jax

        whole = np.asarray(value)
        return jax.make_array_from_callback(
            whole.shape, like.value.sharding, lambda place: whole[place]
        )

    def gathered(self, variable: Any) -> Any:
        """The whole of a Keras variable, of which each device may have some rows only."""
        if self.count == 1 or variable.value.is_fully_replicated:
            return variable
        from jax.experimental import multihost_utils

        with losing_peers():
            return multihost_utils.process_allgather(variable.value, tiled=True)


def launched(environment: Mapping[str, str]) -> tuple[int | None, int | None]:
    """How many processes a launcher started, and which one this is, by its environment.

    Example:
        >>> launched({"PMI_SIZE": "4", "PMI_RANK": "3"}), launched({})
        ((4, 3), (None, None))
    """
    for names in _LAUNCHERS:
        count, number = (environment.get(name, "") for name in names)
        if count.isdecimal() and number.isdecimal():
            return int(count), int(number)
    return None, None


def join(cluster: Cluster) -> None:
    """Find the other processes, before JAX computes anything.

    Raises:
        TrainingError: they are not there in time, or process 0 cannot have its port.
    """
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", 0)  # SIGTERM is ours
    auto = cluster.coordinator == AUTO
    try:
        if cluster.process:
            _await(cluster.address, cluster.wait)
        elif not auto:
            _check_port(cluster)
        with _ended_by_signals():
            jax.distributed.initialize(
                None if auto else cluster.coordinator,
                num_processes=cluster.processes,
                process_id=cluster.process,
                cluster_detection_method=None if auto else "deactivate",
                initialization_timeout=math.ceil(cluster.wait),
                heartbeat_timeout_seconds=_SILENCE,
                shutdown_timeout_seconds=_SILENCE,
            )
    except (RuntimeError, ValueError, OSError) as error:
        if auto and "should be defined" in first_line(error):
            raise UsageError(
                "this process was started by neither SLURM nor Open MPI 4, as --coordinator auto "
                "has it; give --coordinator HOST:PORT, and without another MPI --processes and "
                "--process"
            ) from error
        raise TrainingError(f"{not_found(cluster)} ({first_line(error)})") from error


def not_found(cluster: Cluster) -> str:
    """What to say where the processes are not together in time."""
    at = "as they were started" if cluster.coordinator == AUTO else f"at {cluster.coordinator}"
    return (
        f"the processes did not find each other {at} within {cluster.wait:g} seconds; start all of "
        "them, with the same --coordinator and --processes and each with a --process of its own, "
        "where that address is that of process 0"
    )


def peers(cluster: Cluster) -> Peers:
    """The processes, once they have joined, and all devices.

    Raises:
        UsageError: the processes have not as many devices each.
        TrainingError: this host's name hides it from the others.
    """
    import jax

    found = Peers(jax.process_index(), jax.process_count(), jax.device_count())
    if jax.local_device_count() * found.count != found.devices:
        raise UsageError(
            f"process {found.index} has {jax.local_device_count()} of the {found.devices} devices "
            f"of {found.count} processes, and each must have as many; CUDA_VISIBLE_DEVICES says "
            "which GPUs a process sees"
        )
    try:
        found.exchange(0)  # connects them
    except TrainingError:
        if jax.devices()[0].platform == "cpu" and not _local(cluster):
            _check_own_name()
        raise
    return found


def _check_own_name() -> None:
    """Raise `TrainingError` where gloo would tell the others an address that only we can reach.

    It tells them what this host's name stands for here.
    """
    name = socket.gethostname()
    with suppress(OSError):
        if (found := socket.gethostbyname(name)).startswith("127."):
            raise TrainingError(
                f"this host's own name, {name}, stands for {found} here, where no other host can "
                "reach it; let it stand for the host's address in /etc/hosts"
            )


def _local(cluster: Cluster) -> bool:
    """Whether all processes are on this host, as far as the coordinator's address tells."""
    if cluster.coordinator == AUTO:
        return True  # launchers do not tell
    try:
        return socket.gethostbyname(cluster.address[0]).startswith("127.")
    except OSError:
        return True


@contextmanager
def losing_peers() -> Iterator[None]:
    """Turn what JAX raises where another process is gone into a `TrainingError`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise lost(error) from error


def lost(error: Exception) -> TrainingError:
    """What to raise for an error that JAX raises where another process is gone."""
    return TrainingError(f"{LOST} ({first_line(error)})")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a wait in which Python cannot handle them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handled = [one for one in ending if signal.getsignal(one) is not signal.SIG_IGN]
    heard = {one: signal.signal(one, signal.SIG_DFL) for one in handled}
    try:
        yield
    finally:
        for one, handler in heard.items():
            signal.signal(one, handler)


def _check_port(cluster: Cluster) -> None:
    """Raise `TrainingError` where process 0 cannot listen at its port, at which JAX would crash."""
    _, port = cluster.address
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise TrainingError(
            f"process 0 cannot listen at port {port} of {cluster.coordinator} "
            f"({error.strerror or error}); give all processes a --coordinator with another port"
        ) from error


def _await(address: tuple[str, int], seconds: float) -> None:
    """Wait until something listens there: JAX itself ends the program where nothing does."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        try:
            socket.create_connection(address, timeout=max(left, 0.1)).close()
        except OSError:
            if left <= 0:
                raise
            time.sleep(min(0.2, left))
        else:
            return
