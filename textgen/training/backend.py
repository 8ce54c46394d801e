"""What differs between Keras's backends, and what must be set before Keras is first imported.

Knows environment variables and each framework's way of naming its GPUs; knows nothing of models.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from textgen.errors import TrainingError

_INSTALL = "pip install 'keras-textgen[gpu]'"


@dataclass(frozen=True)
class Device:
    """Where training runs: the backend's name, and `cpu` or the first GPU's name."""

    backend: str
    name: str


def start(device: str, *, debug: bool = False) -> Device:
    """Import Keras with its backend and choose the device.

    Args:
        device: `auto` takes a GPU where the backend sees one; `cpu` hides all GPUs; `gpu` insists.
        debug: Leave the framework's own log lines on.

    Raises:
        TrainingError: the backend cannot be imported, or there is no GPU and one was asked for.
    """
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        for name in ("tensorflow", "absl", "jax"):
            logging.getLogger(name).setLevel(logging.ERROR)
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    try:
        import keras
    except ImportError as error:
        raise TrainingError(f"Keras or its backend cannot be imported: {error}") from error
    backend = keras.backend.backend()
    gpu = None if device == "cpu" else _first_gpu(backend)
    if device == "gpu" and gpu is None:
        raise TrainingError(
            f"{backend} sees no GPU here; give --device cpu, or install its GPU support "
            f"({_INSTALL}) and a driver"
        )
    return Device(backend, gpu or "cpu")


def _first_gpu(backend: str) -> str | None:
    if backend == "tensorflow":
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
        return str(found[0].name) if found else None
    if backend == "jax":
        import jax

        found = [one for one in jax.devices() if one.platform == "gpu"]
        return str(found[0].device_kind) if found else None
    if backend == "torch":
        import torch

        return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else None
    return None


@contextmanager
def losing_device(device: Device) -> Iterator[None]:
    """Turn what a framework raises when a device fails or is full into a `TrainingError`."""
    failures: tuple[type[Exception], ...] = (MemoryError, *_failures(device.backend))
    try:
        yield
    except failures as error:
        first_line = (str(error).splitlines() or [""])[0]
        raise TrainingError(
            f"a step failed on {device.name} ({type(error).__name__}: {first_line}); where memory "
            "is short, begin anew with --force and a smaller --batch-size; otherwise `textgen "
            "train --resume` goes on from the last checkpoint"
        ) from error


def _failures(backend: str) -> tuple[type[Exception], ...]:
    if backend == "tensorflow":
        import tensorflow

        failure: type[Exception] = tensorflow.errors.OpError
        return (failure,)
    return (RuntimeError,)  # JAX's and PyTorch's own errors are of this kind
