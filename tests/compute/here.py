"""The backend that these tests run on, that of KERAS_BACKEND: on a CPU, or as it is on a GPU."""

import keras

from textgen.compute import backends
from textgen.compute.backend import Device
from textgen.compute.backends.keras_backend import KerasBackend
from textgen.distributed.communicator import Communicator
from textgen.distributed.sharding import Sharding

ON = keras.backend.backend()
CPU, GPU, APPLE_GPU = Device("cpu", "cpu"), Device("cuda", "a GPU"), Device("mps", "an Apple GPU")


def backend(
    device: Device = CPU,
    communicator: Communicator | None = None,
    sharding: Sharding | None = None,
) -> KerasBackend:
    """The backend, as if it had found this device."""
    return backends.load(ON)(device, communicator, sharding)
