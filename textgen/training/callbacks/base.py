"""What a callback may do, and when the loop calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen.training.loop import Loop


@dataclass(frozen=True)
class Validation:
    """A validation of the network, with what led to it.

    Attributes:
        loss: The training loss, in nats per character.
        validation_loss: None without a validation part.
        improved: Whether the loss is the lowest so far.
    """

    loss: float
    validation_loss: float | None
    improved: bool


class Callback:
    """What happens between steps. Every method does nothing by default.

    Callbacks are called in their order. A method that is called in one process is called in all.
    """

    def on_begin(self, loop: Loop) -> None:
        """Before the first step."""

    def on_step(self, loop: Loop) -> None:
        """After a step that no validation follows."""

    def on_stop(self, loop: Loop) -> None:
        """Training was asked to stop; a last validation follows."""

    def on_validation(self, loop: Loop, validation: Validation) -> None:
        """The network was validated, and the state is up to date. May set `loop.ended`."""

    def on_validation_reported(self, loop: Loop, validation: Validation) -> None:
        """The validation was reported; unless `loop.ended` or stopped, the next step follows."""

    def on_error(self, loop: Loop) -> None:
        """Training ends by an error, which is raised afterwards."""

    def on_end(self, loop: Loop) -> None:
        """Training has ended, in whatever way."""
