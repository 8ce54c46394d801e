"""What a training tells while it runs, for whoever wants to show it.

Knows facts and figures; knows nothing of terminals. Losses are in nats per character.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preparing:
    """The corpus is being read: a stage of `prepare`, bytes done, bytes in all if known."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Opened:
    """The prepared corpus is open."""

    characters: int
    training_characters: int
    validation_characters: int
    unknown_characters: int
    vocabulary_size: int
    from_cache: bool


@dataclass(frozen=True)
class Started:
    """The network is built and the first step is next."""

    backend: str
    device: str
    layers: str
    parameters: int
    steps: int
    epochs: int
    rows: int
    maxlen: int
    carry_state: bool
    targets: str


@dataclass(frozen=True)
class StepDone:
    """A step of an epoch (both counted from 1) is done.

    Attributes:
        loss: As the settings want it shown: the epoch's mean so far, or smoothed.
        characters: Characters read by this step.
    """

    epoch: int
    step: int
    loss: float
    characters: int


@dataclass(frozen=True)
class Validating:
    """The validation text is being read."""

    epoch: int


@dataclass(frozen=True)
class EpochDone:
    """An epoch is done, or was ended early by a wish to stop.

    Attributes:
        validation_loss: None without a validation part.
        improved: Whether these are the best weights so far, which the model directory now has.
        seconds: Time since the training's first step began.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    characters_per_second: float
    improved: bool
    seconds: float


@dataclass(frozen=True)
class SampleDrawn:
    """A sample written by the network as it is now."""

    epoch: int
    temperature: float
    seed: str
    text: str


@dataclass(frozen=True)
class Finished:
    """The training is over and the best model is in its directory.

    Attributes:
        reason: `done`, `patience` or `stopped` (it was asked to stop).
        best_loss: The validation loss of the model kept, or its training loss without one.
    """

    reason: str
    best_epoch: int
    best_loss: float
    directory: str


Event = Preparing | Opened | Started | StepDone | Validating | EpochDone | SampleDrawn | Finished
