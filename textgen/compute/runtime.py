"""What differs between Keras's backends, and what must be set before Keras is first imported.

Knows environment variables and each framework's way of naming its GPUs; knows nothing of models.

Frameworks read environment variables when they are imported or look for GPUs, so variables are set
only while that happens. What a framework read then stays so in this process.
"""

import logging
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from textgen import packages
from textgen.compute import private_names
from textgen.distributed import joining
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator
from textgen.distributed.sharding import Sharding, create_sharding
from textgen.errors import TrainingError, UsageError, first_line
from textgen.settings import BACKENDS, check_choice

_GPU_SUPPORT = {
    "tensorflow": "pip install 'keras-textgen[gpu]'",
    "jax": "pip install 'jax[cuda]'",
    "torch": "a PyTorch made for CUDA",
}

APPLE = "Apple GPU"
_LOGGERS = ("tensorflow", "absl", "jax", "tf2onnx")


@dataclass(frozen=True)
class Device:
    """Where training runs.

    Attributes:
        backend: What Keras computes with.
        name: The device as the backend calls it.
        communicator: The processes that train together.
        sharding: The devices of all of them, which share a batch.
    """

    backend: str
    name: str
    communicator: Communicator = field(default_factory=Communicator)
    sharding: Sharding = field(default_factory=Sharding)

    @property
    def has_own_code(self) -> bool:
        """Whether textgen computes itself what takes longest: on a CPU that is one device.

        Where one process makes several devices of it, they would share what a layer keeps.
        """
        return self.name == "cpu" and self.sharding.count == self.communicator.count


def check(backend: str | None, cluster: Cluster | None = None) -> str | None:
    """Which backend is asked for, as far as that is known before Keras is imported.

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
    asked = backend or variable or ("jax" if cluster else None)
    if not asked:
        require("keras")
        return None
    if asked not in BACKENDS:
        raise UsageError(
            f"KERAS_BACKEND is {asked!r}, which textgen does not train on; set it to one of "
            f"{', '.join(BACKENDS)}, or give --backend"
        )
    if cluster is not None and asked != "jax":
        raise UsageError(f"several processes train on JAX, not on {asked}; give --backend jax")
    require(asked, "keras")
    if keras is not None and (running := keras.backend.backend()) != asked:
        raise UsageError(
            f"Keras runs on {running} in this process already and cannot change to {asked}; ask "
            "for it before anything imports Keras"
        )
    return asked


def start(
    device: str,
    backend: str | None = None,
    cluster: Cluster | None = None,
    *,
    debug: bool = False,
) -> Device:
    """Import Keras with its backend and choose the device.

    The environment and the levels of loggers are afterwards as they were before.

    Args:
        device: `auto` takes a GPU where the backend sees one; `cpu` hides all GPUs; `gpu` insists.
        backend: As `check` takes it.
        cluster: The processes to train together with.
        debug: Leave the framework's own log lines on.

    Raises:
        SettingsError, UsageError: as `check` raises them.
        TrainingError: the backend cannot be imported or has another version than textgen works
            with, there is no GPU and one was asked for, or the processes do not find each other.
    """
    # PyTorch's threads would wait for work in a loop, and take the processors of textgen's own.
    variables = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    if asked := check(backend, cluster):
        variables["KERAS_BACKEND"] = asked
    if device == "cpu":
        variables |= {
            "CUDA_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu",
            "KERAS_TORCH_DEVICE": "cpu",
        }
    with importing(debug=debug), _environment(variables):
        communicator = joining.join(cluster) if cluster else Communicator()
        with communicator.starting():
            return _started(device, communicator)


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
    variable, loggers = "TF_CPP_MIN_LOG_LEVEL", [logging.getLogger(name) for name in _LOGGERS]
    levels, handlers = [logger.level for logger in loggers], list(logging.root.handlers)
    of_python, of_numpy = random.getstate(), np.random.get_state()
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
            random.setstate(of_python)
            np.random.set_state(of_numpy)


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Keras in float32 on one device, whatever is configured; afterwards as it was before.

    Networks must be built, traced and trained in it.
    """
    import keras

    config, distribution = keras.config, keras.distribution.distribution()
    floatx, policy = config.floatx(), config.dtype_policy()
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    if distribution is not None:
        keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        config.set_floatx(floatx)
        config.set_dtype_policy(policy)
        if distribution is not None:
            keras.distribution.set_distribution(distribution)


def _started(device: str, communicator: Communicator) -> Device:
    """Keras imported, and the device."""
    try:
        import keras
    except (ImportError, ValueError) as error:  # Keras's settings file may name what it lacks
        if isinstance(error.__context__, KeyboardInterrupt):  # which some packages take for a lack
            raise KeyboardInterrupt from error
        if (missing := packages.find_missing_package(error)) in BACKENDS:
            raise TrainingError(packages.describe_missing(missing)) from error
        raise TrainingError(
            f"Keras or its backend cannot be imported: {error}; install it again"
        ) from error
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise TrainingError(f"Keras runs on {name}, which cannot train; give --backend tensorflow")
    private_names.check("keras")
    private_names.check(name)
    runs_on = _running_on(name)
    if device == "cpu" and runs_on != "cpu":
        raise UsageError(
            f"{name} runs on a {runs_on} in this process already; ask for the CPU before anything "
            "imports Keras"
        )
    hidden = name == "torch" and runs_on == "cpu"  # by KERAS_TORCH_DEVICE, say
    gpu = None if device == "cpu" or hidden else _first_gpu(name)
    if device == "gpu" and gpu is None:
        raise TrainingError(
            f"{name} sees no GPU here; give --device cpu, or install its GPU support "
            f"({_GPU_SUPPORT[name]}) and a driver"
        )
    sharding = Sharding()
    if name == "jax":
        import jax

        sharding = create_sharding(jax.device_count(), communicator.count)
    return Device(name, gpu or runs_on, communicator, sharding)


def require(*names: str) -> None:
    """Check that packages are installed, before a text is read for long.

    Raises:
        TrainingError: one of them is not.
    """
    try:
        packages.require_installed(*names)
    except ModuleNotFoundError as error:
        raise TrainingError(str(error)) from error


def _running_on(backend: str) -> str:
    """The kind of device that Keras's variables are on, or can be on.

    Asked while GPUs are hidden, TensorFlow and JAX look for them now, and not again later.
    """
    if backend == "jax":
        import jax

        return str(jax.default_backend())
    if backend == "torch":
        import keras

        return str(keras.ops.zeros(1).device.type)
    return "gpu" if _first_gpu(backend) else "cpu"


def _first_gpu(backend: str) -> str | None:
    if backend == "tensorflow":
        import tensorflow

        found = tensorflow.config.get_visible_devices("GPU")
        return str(found[0].name) if found else None
    if backend == "jax":
        import jax

        found = [one for one in jax.local_devices() if one.platform == "gpu"]
        return str(found[0].device_kind) if found else None
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name(0))
        return APPLE if torch.backends.mps.is_available() else None
    return None


@contextmanager
def losing_device(device: Device) -> Iterator[None]:
    """Turn what a framework raises when a device fails or is full into a `TrainingError`."""
    try:
        yield
    except failures(device) as error:
        short = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
        if not short and (lost := device.communicator.process_lost(error)):
            raise lost from error
        raise TrainingError(
            f"training failed on {device.name} ({type(error).__name__}: {first_line(error)}); "
            "where memory is short, begin anew with --force and fewer --units or a smaller "
            "--batch-size; otherwise the same command, without --force, goes on from the last "
            "checkpoint, if there is one"
        ) from error


def failures(device: Device) -> tuple[type[Exception], ...]:
    """What a framework raises when a device fails, is full or cannot do what is asked.

    Args:
        device: Where it runs.

    Example:
        >>> failures(Device("jax", "cpu"))
        (<class 'MemoryError'>, <class 'RuntimeError'>)
    """
    if device.backend == "tensorflow":
        import tensorflow

        return MemoryError, tensorflow.errors.OpError
    # JAX's and PyTorch's own errors are RuntimeErrors.
    return MemoryError, RuntimeError, *device.communicator.connection_errors
