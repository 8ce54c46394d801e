"""Backends, one module for each.

tensorflow.py, jax.py, torch.py   the class of each backend
keras_backend.py                  what they share: all three run Keras
keras_networks.py                 the networks of a training: saved, trained, validated
tensorflow_adamw.py               AdamW in one operation
tensorflow_summaries.py           files that TensorBoard reads
torch_steps.py                    training steps without Keras's overhead

Here is what must be known of a backend before it is imported.
"""

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
