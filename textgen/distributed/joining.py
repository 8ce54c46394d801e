"""How several processes find each other, before JAX computes anything.

JAX ends or blocks a process that cannot reach the others, so what can go wrong is checked first.
"""

import math
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator, JaxCommunicator
from textgen.distributed.signals import ENDING_SIGNALS
from textgen.errors import TrainingError, UsageError, first_line

BACKEND = "jax"  # the only one that several processes can train on together
_HEARTBEAT_TIMEOUT = 20  # seconds without a sign of life after which a process counts as dead


def join(cluster: Cluster) -> Communicator:
    """Find the other processes.

    Raises:
        UsageError: no launcher started this process, or the processes have not as many devices
            each.
        TrainingError: the processes do not find each other in time, process 0 cannot have its
            port, or this host's name hides it from the others.
    """
    import jax

    _initialize(cluster)
    index, count = jax.process_index(), jax.process_count()
    if jax.local_device_count() * count != jax.device_count():
        raise UsageError(
            f"process {index} has {jax.local_device_count()} of the {jax.device_count()} devices "
            f"of {count} processes, and each must have the same number; CUDA_VISIBLE_DEVICES says "
            "which GPUs a process sees"
        )
    if count == 1:
        return Communicator()
    communicator = JaxCommunicator(index, count)
    try:
        communicator.all_gather(0)  # connects them
    except TrainingError:
        if jax.devices()[0].platform == "cpu" and not _is_local(cluster):
            _check_host_name()
        raise
    return communicator


def describe_missing(cluster: Cluster) -> str:
    """The message for processes that did not find each other in time."""
    where = "as they were started" if cluster.is_auto else f"at {cluster.coordinator}"
    return (
        f"the processes did not find each other {where} within {cluster.wait:g} seconds; start all "
        "of them, each with a different --process, and with the same --processes and the same "
        "--coordinator, the address of process 0"
    )


def _initialize(cluster: Cluster) -> None:
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", 0)  # SIGTERM is ours
    try:
        if cluster.process:
            _wait_for_listener(cluster.address, cluster.wait)
        elif not cluster.is_auto:
            _check_port(cluster)
        with _default_signal_handlers():
            jax.distributed.initialize(
                None if cluster.is_auto else cluster.coordinator,
                num_processes=cluster.processes,
                process_id=cluster.process,
                cluster_detection_method=None if cluster.is_auto else "deactivate",
                initialization_timeout=math.ceil(cluster.wait),
                heartbeat_timeout_seconds=_HEARTBEAT_TIMEOUT,
                shutdown_timeout_seconds=_HEARTBEAT_TIMEOUT,
            )
    except (RuntimeError, ValueError, OSError) as error:
        if cluster.is_auto and "should be defined" in first_line(error):
            raise UsageError(
                "this process was started by neither SLURM nor Open MPI 4, which --coordinator "
                "auto expects; give --coordinator HOST:PORT, and without another MPI --processes "
                "and --process"
            ) from error
        raise TrainingError(f"{describe_missing(cluster)} ({first_line(error)})") from error


def _check_host_name() -> None:
    """Raise `TrainingError` where gloo would tell the others an address that only we can reach.

    It tells them the address that this host's name has here.
    """
    name = socket.gethostname()
    with suppress(OSError):
        if (address := socket.gethostbyname(name)).startswith("127."):
            raise TrainingError(
                f"the name of this host, {name}, has the address {address} here, which no other "
                "host can reach; give it the host's address in /etc/hosts"
            )


def _is_local(cluster: Cluster) -> bool:
    """Whether all processes are on this host, as far as the coordinator's address tells."""
    if cluster.is_auto:
        return True  # launchers do not tell
    try:
        return socket.gethostbyname(cluster.address[0]).startswith("127.")
    except OSError:
        return True


@contextmanager
def _default_signal_handlers() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a wait in which Python cannot handle them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [n for n in ENDING_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in handled}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


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


def _wait_for_listener(address: tuple[str, int], seconds: float) -> None:
    """Wait until something listens there: JAX itself ends the program where nothing does."""
    deadline = time.monotonic() + seconds
    while True:
        seconds_left = deadline - time.monotonic()
        try:
            socket.create_connection(address, timeout=max(seconds_left, 0.1)).close()
        except OSError:
            if seconds_left <= 0:
                raise
            time.sleep(min(0.2, seconds_left))
        else:
            return
