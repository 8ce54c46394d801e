"""Start Keras on a backend: what must be checked and set before anything imports it.

Frameworks read environment variables when they are imported or look for GPUs, so variables are set
only while that happens. What a framework read then stays so in this process.
"""

import logging
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from textgen import packages, private_names
from textgen.compute import backends
from textgen.compute.backend import Backend
from textgen.compute.keras_names import KERAS
from textgen.distributed import joining
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator
from textgen.errors import TrainingError, UsageError
from textgen.settings import BACKENDS, check_choice


def check(backend: str | None, cluster: Cluster | None = None) -> str | None:
    """Which backend to use, as far as that is known before Keras is imported.

    Args:
        backend: One of `BACKENDS`; None for what `KERAS_BACKEND` says.
        cluster: Processes that are to train together: on JAX, which is then the default.

    Returns:
        Its name; None where Keras's own settings file decides.

    Raises:
        SettingsError: there is no such backend.
        UsageError: `KERAS_BACKEND` names none, Keras runs on another one already, or several
            processes are to train on another one than JAX.
        TrainingError: it is not installed, or Keras is not.
    """
    if backend is not None:
        check_choice("backend", backend, BACKENDS)
    keras = sys.modules.get("keras")  # which no longer reads KERAS_BACKEND once it is imported
    variable = os.environ.get("KERAS_BACKEND") if keras is None else None
    name = backend or variable or (joining.BACKEND if cluster else None)
    if not name:
        require("keras")
        return None
    if name not in BACKENDS:
        raise UsageError(
            f"KERAS_BACKEND is {name!r}, which textgen does not train on; set it to one of "
            f"{', '.join(BACKENDS)}, or give --backend"
        )
    if cluster is not None and name != joining.BACKEND:
        raise UsageError(
            f"several processes train on JAX, not on {name}; give --backend {joining.BACKEND}"
        )
    require(name, "keras")
    if keras is not None and (running := keras.backend.backend()) != name:
        raise UsageError(
            f"Keras runs on {running} in this process already and cannot change to {name}; ask "
            "for it before anything imports Keras"
        )
    return name


def start(
    device: str,
    backend: str | None = None,
    cluster: Cluster | None = None,
    *,
    debug: bool = False,
) -> Backend:
    """Import Keras with its backend and choose the device.

    The environment and the levels of loggers are afterwards as they were before.

    Args:
        device: `auto` for a GPU if the backend sees one; `cpu` hides all GPUs; `gpu` requires one.
        backend: As `check` takes it.
        cluster: The processes to train together with.
        debug: Leave the framework's own log lines on.

    Raises:
        SettingsError, UsageError: as `check` raises them.
        TrainingError: the backend cannot be imported or has another version than textgen works
            with, there is no GPU for `gpu`, or the processes do not find each other.
    """
    # PyTorch's threads would wait for work in a loop, and take the processors of textgen's own.
    variables = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    if name := check(backend, cluster):
        variables["KERAS_BACKEND"] = name
    if device == "cpu":
        variables |= backends.WITHOUT_GPUS
    with importing(debug=debug), _environment(variables):
        communicator = joining.join(cluster) if cluster else Communicator()
        with communicator.starting():
            return _create_backend(device, communicator)


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, except to None, and restore all of them afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def importing(*, debug: bool) -> Iterator[None]:
    """Import frameworks without their log lines, and undo what some of them do on the way.

    They draw from Python's and NumPy's global generators, set how much they log, and call functions
    such as logging.info(), which add a handler to the root logger.

    Args:
        debug: Leave their log lines on.
    """
    variable = "TF_CPP_MIN_LOG_LEVEL"
    loggers = [logging.getLogger(name) for name in backends.LOGGERS]
    levels, handlers = [logger.level for logger in loggers], list(logging.root.handlers)
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with _environment({variable: None if debug else os.environ.get(variable, "3")}):
        if not debug:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            for handler in set(logging.root.handlers) - set(handlers):
                logging.root.removeHandler(handler)
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def _create_backend(device: str, communicator: Communicator) -> Backend:
    """The backend that Keras runs on, which is imported now.

    Args:
        device: As `start` takes it.
        communicator: The processes that train together.
    """
    try:
        import keras
    except (ImportError, ValueError) as error:  # Keras's settings file may name what is missing
        if isinstance(error.__context__, KeyboardInterrupt):  # which some packages swallow
            raise KeyboardInterrupt from error
        if (missing := packages.find_missing_package(error)) in BACKENDS:
            raise TrainingError(packages.describe_missing(missing)) from error
        raise TrainingError(
            f"Keras or its backend cannot be imported: {error}; install it again"
        ) from error
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise TrainingError(
            f"Keras runs on {name}, which cannot train; give --backend {BACKENDS[0]}"
        )
    private_names.check(KERAS)
    backend = backends.load(name)
    private_names.check(backend.private_names)
    sharding = backend.find_sharding(communicator.count)
    return backend(backend.find_device(device), communicator, sharding)


def require(*names: str) -> None:
    """Check that packages are installed, before a text is read for long.

    Raises:
        TrainingError: one of them is not.
    """
    try:
        packages.require_installed(*names)
    except ModuleNotFoundError as error:
        raise TrainingError(str(error)) from error
