"""The processes that are to train together, as the user or a launcher describes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from textgen.errors import SettingsError
from textgen.settings import JOIN_TIMEOUT

AUTO = "auto"
# Where launchers tell each process how many there are and which one it is.
_LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),  # Open MPI
    ("PMI_SIZE", "PMI_RANK"),  # MPICH, Intel MPI
    ("SLURM_NTASKS", "SLURM_PROCID"),
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

    Raises:
        SettingsError: one of them cannot be used.
    """

    coordinator: str
    processes: int | None = None
    process: int | None = None
    wait: float = JOIN_TIMEOUT

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
    def is_auto(self) -> bool:
        return self.coordinator == AUTO

    @property
    def address(self) -> tuple[str, int]:
        """The coordinator's host and port, where they are given."""
        host, _, port = self.coordinator.rpartition(":")
        return host.strip("[]"), int(port)


def read_launcher(environment: Mapping[str, str]) -> tuple[int | None, int | None]:
    """How many processes a launcher started, and which one this is, by its environment.

    Example:
        >>> read_launcher({"PMI_SIZE": "4", "PMI_RANK": "3"}), read_launcher({})
        ((4, 3), (None, None))
    """
    for names in _LAUNCHERS:
        count, number = (environment.get(name, "") for name in names)
        if count.isdecimal() and number.isdecimal():
            return int(count), int(number)
    return None, None
