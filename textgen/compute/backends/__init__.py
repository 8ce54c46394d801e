"""One module for each backend, and what must be known of all of them before one is imported."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen.compute.backends.keras_backend import KerasBackend

# Environment variables that hide all GPUs from the frameworks, which read them when they are
# imported or look for GPUs.
WITHOUT_GPUS = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "KERAS_TORCH_DEVICE": "cpu",
}
LOGGERS = ("tensorflow", "absl", "jax", "tf2onnx")  # of frameworks and what they import


def load(name: str) -> "type[KerasBackend]":
    """The class of a backend, whose framework this imports.

    Args:
        name: One of `settings.BACKENDS`, which Keras runs on in this process.
    """
    module = importlib.import_module(f"{__name__}.{name}")
    backend: type[KerasBackend] = module.BACKEND
    return backend
