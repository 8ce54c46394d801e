"""The interface between training and what computes it. It imports no framework.

A `Backend` is one framework on one device. It creates the `Model` that is saved, the `Trainer` that
learns and the `Evaluator` that validates; the training loop (training/loop.py) works with these
alone. All arrays that go in and come out are NumPy's.

To add a backend, write

1. its name into `settings.BACKENDS`,
2. `backends/NAME.py`: a subclass of `KerasBackend` and the constant `BACKEND`, which is that class,
3. how it calls the kernels of the CPU, into `layers/NAME_recurrent.py`: a subclass
   of `CpuRecurrent`, the class's `cpu_recurrent`,
4. the variable that hides GPUs from it, and its loggers, into `backends/__init__.py`,
5. how to install it, into `packages.py` and pyproject.toml.

What a new recurrent cell needs is in sampling/cells.py.

Long because each method of the interface says here what it takes and returns.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, SupportsFloat

import numpy.typing as npt

from textgen.distributed.communicator import Communicator
from textgen.distributed.sharding import Sharding
from textgen.errors import TrainingError, first_line
from textgen.kernels.sequence import SequenceKernel
from textgen.settings import Settings
from textgen.text.batches import Batch, Inputs

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Device:
    """Where a training runs.

    Attributes:
        kind: `cpu`; `cuda` for GPUs, AMD's included, which frameworks address as `cuda`; `mps` for
            Apple's.
        name: As the framework calls it, for messages.
    """

    kind: Literal["cpu", "cuda", "mps"]
    name: str

    @property
    def is_cpu(self) -> bool:
        return self.kind == "cpu"


@dataclass(frozen=True)
class Precision:
    """What recurrent layers compute in while they train.

    Attributes:
        name: `float32`, `bfloat16` or `float16`.
        slowdown: How many times as long as in float32 a step takes, where that was measured and is
            above 1; 0 otherwise.
        step_seconds: Of a step, where one was measured to choose a precision on a GPU; 0 otherwise.
        recurrent: The backend's recurrent layer for it.
    """

    name: str
    slowdown: float = 0.0
    step_seconds: float = 0.0
    recurrent: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class TrainerState:
    """What a checkpoint holds of a trainer.

    Attributes:
        layers: Weights, states of random generators and carried states, layer by layer.
        optimizer: Iterations, learning rate and moments.
    """

    layers: Sequence[Array]
    optimizer: Sequence[Array]


class Model(ABC):
    """The model of stock Keras layers that is saved; it holds the best weights so far.

    Attributes:
        parameters: How many numbers training changes.
    """

    parameters: int

    @abstractmethod
    def weights(self) -> list[Array]:
        """Its weights, float32, in Keras's order."""

    @abstractmethod
    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set them.

        Raises:
            ValueError: they do not fit this model.
        """

    @abstractmethod
    def save(self, path: Path | str) -> None:
        """Write the model as a `.keras` file."""


class Trainer(ABC):
    """A network that learns.

    Attributes:
        steps_ahead: How many steps may begin before the loss of the first of them is read.
        no_cudnn_reason: Why cuDNN does not compute the recurrent layers; empty where it does, or
            where there is nothing to say.
        network: The framework's own model, for callbacks of the framework.
    """

    steps_ahead: int
    no_cudnn_reason: str
    network: Any

    @abstractmethod
    def step(
        self, x: Inputs, y: Array, learning_rate: float, state_mask: Array | None = None
    ) -> SupportsFloat:
        """Begin a step.

        Args:
            x: Ids, int32 of shape (rows, maxlen): this process's part of a batch. With labels a
                list of them and of the ids of each kind of label, all of the same shape.
            y: Targets, of the same shape, or of shape (rows,) with targets `last`.
            learning_rate: Of this step.
            state_mask: What the carried state of each row is multiplied with before the step,
                float32 of shape (rows, 1), as from `batches.draw_state_mask`; None to keep all.

        Returns:
            The loss, for which `float` waits.
        """

    @abstractmethod
    def settle(self) -> None:
        """Finish all steps; the other methods may be called then."""

    @abstractmethod
    def reset_states(self) -> None:
        """Set all carried states to zero, as at the start of an epoch."""

    @abstractmethod
    def weights(self) -> list[Array]:
        """The weights now, float32, in the order of `Model.weights`."""

    @abstractmethod
    def state(self) -> TrainerState | None:
        """What `restore` takes; None except in process 0. All processes must call it together."""

    @abstractmethod
    def restore(self, state: TrainerState) -> None:
        """Continue from a state.

        Raises:
            ValueError: it does not fit this training.
        """


class Evaluator(ABC):
    """A network that computes losses, in float32."""

    @abstractmethod
    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set the weights, in the order of `Model.weights`."""

    @abstractmethod
    def reset_states(self) -> None:
        """Set all carried states to zero."""

    @abstractmethod
    def total_loss(self, x: Inputs, y: Array, weight: Array) -> float:
        """The sum of the losses of a batch's targets, in nats, over all processes.

        Args:
            x, y: As `Trainer.step` takes them.
            weight: Of each row, float32 of shape (rows,) or that of y.
        """


class Backend(ABC):
    """One framework on one device, alone or together with other devices and processes.

    Attributes:
        name: As in `settings.BACKENDS`.
        replaces_cudnn: Whether on a GPU textgen's own LSTM computes instead of cuDNN's.
        device: Where this process computes.
        communicator: The processes that train together.
        sharding: The devices that share a batch.
    """

    name: ClassVar[str]
    replaces_cudnn: ClassVar[bool] = False

    def __init__(
        self,
        device: Device,
        communicator: Communicator | None = None,
        sharding: Sharding | None = None,
    ):
        self.device = device
        self.communicator = communicator or Communicator()
        self.sharding = sharding or Sharding()

    def with_sharding(self, sharding: Sharding) -> Self:
        """The same, for other devices to share a batch."""
        other = copy(self)
        other.sharding = sharding
        return other

    def alone(self) -> Self:
        """The same, with this process's first device alone."""
        other = self.with_sharding(Sharding())
        other.communicator = Communicator()
        return other

    @abstractmethod
    def session(self) -> AbstractContextManager[None]:
        """A block in which networks are created and run.

        The framework computes in float32 and, for trainers and evaluators, on all devices of
        `sharding`, whatever else is configured; afterwards it is configured as before.
        """

    @abstractmethod
    def seeded(self, random_seed: int) -> AbstractContextManager[None]:
        """A block in which networks are created whose random draws depend on the seed alone.

        They also depend on what is created in it, and in which order: first the model, then a
        choice of precision, the trainer, and the evaluator.
        """

    @abstractmethod
    def create_model(self, settings: Settings, vocabulary_size: int) -> Model:
        """The stock model, in this process alone."""

    @abstractmethod
    def choose_precision(
        self, settings: Settings, vocabulary_size: int, batch: Batch, chosen: str | None = None
    ) -> Precision:
        """The precision that the settings ask for; with `auto` the fastest, if training by time.

        In a training by epochs `auto` is float32, so that the same command gives the same weights.

        Args:
            settings: Of the training.
            vocabulary_size: Tokens in the vocabulary.
            batch: A batch to measure steps with.
            chosen: The name of the precision, if it was chosen before; None to choose it now.
        """

    @abstractmethod
    def create_trainer(
        self,
        settings: Settings,
        vocabulary_size: int,
        precision: Precision,
        rows: int,
        weights: Sequence[Array],
    ) -> Trainer:
        """A network that learns, with its optimizer.

        Args:
            settings: Of the training.
            vocabulary_size: Tokens in the vocabulary.
            precision: From `choose_precision`.
            rows: Of a batch, that of all processes together.
            weights: To begin with, in the order of `Model.weights`.

        Returns:
            The trainer, whose first step raises a `TrainingError` if the framework does not call
            all methods that textgen overrides.
        """

    @abstractmethod
    def create_evaluator(
        self, settings: Settings, vocabulary_size: int, rows: int | None
    ) -> Evaluator:
        """A network that computes losses.

        Args:
            settings: Of the training.
            vocabulary_size: Tokens in the vocabulary.
            rows: Of each batch, to carry state from batch to batch; None to start every row from a
                zero state.
        """

    @abstractmethod
    def step_seconds(
        self, settings: Settings, vocabulary_size: int, precision: Precision, batch: Batch
    ) -> float:
        """Seconds of a training step, the median of a few."""

    @abstractmethod
    def sequence_kernel(self, cell: str, precision: str) -> SequenceKernel | None:
        """What computes a layer on this CPU where textgen does so itself; None elsewhere."""

    @abstractmethod
    def device_errors(self) -> tuple[type[Exception], ...]:
        """What the framework raises when a device fails, is full or cannot do what it must."""

    @contextmanager
    def translate_device_errors(self) -> Iterator[None]:
        """Raise `TrainingError` for what the framework raises when a device fails or is full."""
        try:
            yield
        except self.device_errors() as error:
            is_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
            if not is_memory and (lost := self.communicator.process_lost(error)):
                raise lost from error
            raise TrainingError(
                f"training failed on {self.device.name} ({type(error).__name__}: "
                f"{first_line(error)}); if memory is short, train again with --force and fewer "
                "--units or a smaller --batch-size; otherwise the same command, without --force, "
                "resumes from the last checkpoint, if there is one"
            ) from error
