"""What a training tells while it runs, for whoever wants to show it.

Knows facts and figures; knows nothing of terminals. Losses are in nats per character.
"""

from dataclasses import dataclass, field

from textgen.text.reading_report import ReadingReport


@dataclass(frozen=True)
class Joined:
    """The processes that train together have found each other; every one of them is told."""


@dataclass(frozen=True)
class Preparing:
    """The corpus is being read: a stage of `prepare`, bytes done, bytes in all if known."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Opened:
    """The prepared corpus is open.

    Attributes:
        reading: What was found and changed when the text was read.
        time: Seconds that a training takes on two cores.
        expected: What a megabyte of Shakespeare comes to in that time, in nats per character; None
            where that was not measured.
    """

    characters: int
    training_characters: int
    validation_characters: int
    unknown_characters: int
    vocabulary_size: int
    from_cache: bool
    time: float = 0.0
    expected: float | None = None
    reading: ReadingReport = field(default_factory=ReadingReport)


@dataclass(frozen=True)
class Started:
    """The network is built and the first step is next.

    Attributes:
        precision: What the recurrent layers compute in.
        slower: How many times as long a step takes in it as in float32, where it was asked for
            and is slower; 0 otherwise.
        without_cudnn: Why a GPU computes the recurrent layers without cuDNN; empty where it does
            with it, on JAX where textgen's own LSTM is quicker, and on a CPU.
        steps: Steps that read the text once.
        epochs: Times the text is read; 0 in a training by time.
        time: Seconds that the training may take in all; 0 in a training by epochs.
        resumed: Epochs that were read before, where a training goes on; None for a new one.
        best_epoch: Where the model kept so far had its best loss; None while there is none.
        best_loss: That loss.
        processes: How many processes train together.
        process: Which one this is; others than process 0 are told nothing after it.
    """

    backend: str
    device: str
    precision: str
    slower: float
    without_cudnn: str
    layers: str
    parameters: int
    steps: int
    epochs: int
    time: float
    rows: int
    maxlen: int
    carry_state: bool
    targets: str
    resumed: float | None = None
    best_epoch: float | None = None
    best_loss: float | None = None
    processes: int = 1
    process: int = 0


@dataclass(frozen=True)
class StepDone:
    """A step is done.

    Attributes:
        epoch: How many times the text was read so far.
        done: Share of the training that is over, 0 to 1.
        loss: As the settings want it shown: the mean since the last report, or smoothed.
        characters: Characters read by this step.
        step_loss: Of this step alone.
        seconds: Time since the training's first step began.
    """

    epoch: float
    done: float
    loss: float
    characters: int
    step_loss: float
    seconds: float


@dataclass(frozen=True)
class Stopping:
    """Training was asked to end; what there is is validated and saved next."""


@dataclass(frozen=True)
class EpochDone:
    """An epoch is done, or in a training by time one of its parts, or the training was stopped.

    Attributes:
        epoch: How many times the text was read so far.
        validation_loss: None without a validation part.
        improved: Whether these are the best weights so far. The model directory has them, or gets
            them soon where epochs take less time than saving.
        seconds: Time since the training's first step began.
    """

    epoch: float
    loss: float
    validation_loss: float | None
    characters_per_second: float
    improved: bool
    seconds: float


@dataclass(frozen=True)
class SampleDrawn:
    """A sample written by the network as it is now."""

    temperature: float
    seed: str
    text: str


@dataclass(frozen=True)
class Glimpse:
    """A sample written early in the training, without a report.

    Attributes:
        epoch: How many times the text was read so far.
        loss: As in StepDone.
    """

    epoch: float
    loss: float
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
    best_epoch: float
    best_loss: float
    directory: str


Event = (
    Joined
    | Preparing
    | Opened
    | Started
    | StepDone
    | Stopping
    | EpochDone
    | SampleDrawn
    | Glimpse
    | Finished
)
