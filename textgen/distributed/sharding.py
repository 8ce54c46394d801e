"""How devices share a batch: those of one process, or of all that train together.

Keras's distribution puts the weights on all devices, and an equal share of the rows of each batch,
with the carried states of these rows, on each of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgen.distributed.communicator import translate_lost_process
from textgen.errors import SettingsError

_ROWS = "rows"  # the only axis of the mesh of devices
_ROWS_PER_GPU = 32  # at least: below, the GPU computes faster than it is given work


class Sharding:
    """A single device, which has the whole batch.

    Attributes:
        count: The number of devices, each of which has as many rows of a batch.
    """

    count: int = 1

    def check_rows(self, rows: int) -> None:
        """Raise `SettingsError` where the devices cannot share a batch evenly."""

    def limited_to(self, rows: int, *, gpu: bool) -> "Sharding":  # noqa: ARG002
        """With no more devices than should share so many rows, if that may be chosen.

        Args:
            rows: Of a batch.
            gpu: Whether the devices are GPUs.

        Example:
            >>> create_sharding(8).limited_to(64, gpu=True).count
            2
        """
        return self

    def whole_rows(self, rows: int) -> int:
        """The largest number of rows, at most this one, that the devices share evenly."""
        return rows // self.count * self.count

    def padded_rows(self, rows: int) -> int:
        """The smallest number of rows, at least this one and 1, that the devices share evenly."""
        return max(1, -(-rows // self.count)) * self.count

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """A block in which `share` may be called; afterwards models are built as usual."""
        yield

    def share(self) -> None:
        """Build models for all devices from here on."""

    def place_rows(self, rows: Any) -> Any:
        """This process's rows of an array, on the devices of the rows, after `share`."""
        return rows

    def jit_options(self, *variables: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        """Options of `jax.jit`, after `share`, for a function that returns values and a loss.

        Args:
            variables: Keras variables that the values belong to, as a tuple of lists.
        """
        return {}

    def place(self, value: Any, like: Any) -> Any:  # noqa: ARG002
        """A value that every process has, where the value of a Keras variable is."""
        return value

    def gather(self, variable: Any) -> Any:
        """The whole of a Keras variable, of which each device may have some rows only."""
        return variable


@dataclass(frozen=True)
class DeviceSharding(Sharding):
    """Several devices of one process."""

    count: int

    def check_rows(self, rows: int) -> None:
        if rows % self.count:
            suggestion = max(1, round(rows / self.count)) * self.count
            raise SettingsError(
                "batch_size",
                f"must be a multiple of {self.count}, as many devices as share a batch; give "
                f"{suggestion}, or start fewer processes",
            )

    def limited_to(self, rows: int, *, gpu: bool) -> Sharding:
        least = _ROWS_PER_GPU if gpu else 1
        counts = range(2, self.count + 1)
        even = [count for count in counts if rows % count == 0 and rows // count >= least]
        return create_sharding(max(even, default=1))

    @contextmanager
    def sharing(self) -> Iterator[None]:
        import keras

        try:
            yield
        finally:
            keras.distribution.set_distribution(None)

    def share(self) -> None:
        import keras

        devices = keras.distribution.list_devices()[: self.count]
        layout = keras.distribution.LayoutMap(
            keras.distribution.DeviceMesh((len(devices),), (_ROWS,), devices)
        )
        layout[".*rnn_state.*"] = keras.distribution.TensorLayout((_ROWS, None))
        keras.distribution.set_distribution(
            keras.distribution.ModelParallel(
                layout_map=layout, batch_dim_name=_ROWS, auto_shard_dataset=False
            )
        )

    def place_rows(self, rows: Any) -> Any:
        import jax

        return jax.make_array_from_process_local_data(_on_devices(_ROWS), rows)

    def jit_options(self, *variables: list[Any]) -> dict[str, Any]:
        values = tuple([variable.value.sharding for variable in group] for group in variables)
        return {"out_shardings": (values, _on_devices())}


@dataclass(frozen=True)
class ProcessSharding(DeviceSharding):
    """The devices of several processes: every process takes part, whatever the batch."""

    def limited_to(self, rows: int, *, gpu: bool) -> Sharding:  # noqa: ARG002
        return self

    def place(self, value: Any, like: Any) -> Any:
        """As in `Sharding`; given the value, JAX would first compare it between processes."""
        import jax

        whole = np.asarray(value)
        return jax.make_array_from_callback(
            whole.shape, like.value.sharding, lambda place: whole[place]
        )

    def gather(self, variable: Any) -> Any:
        if variable.value.is_fully_replicated:
            return variable
        from jax.experimental import multihost_utils

        with translate_lost_process():
            return multihost_utils.process_allgather(variable.value, tiled=True)


def create_sharding(devices: int, processes: int = 1) -> Sharding:
    """How so many devices, of all processes together, share a batch."""
    if processes > 1:
        return ProcessSharding(devices)
    return DeviceSharding(devices) if devices > 1 else Sharding()


def _on_devices(*axes: str) -> Any:
    """JAX's sharding along these axes of the mesh that Keras uses; of none, a copy on each."""
    import jax
    import keras

    mesh = keras.distribution.distribution().device_mesh.backend_mesh
    return jax.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
