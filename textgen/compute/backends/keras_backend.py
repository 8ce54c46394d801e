"""What the backends have in common: all three run Keras.

A subclass says what differs: its GPUs, its recurrent layers, its AdamW, its training steps and
dropout masks, and its errors.
"""

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import keras
import numpy as np

from textgen.compute import session
from textgen.compute.backend import (
    Array,
    Backend,
    Device,
    Evaluator,
    Model,
    Precision,
    Trainer,
)
from textgen.compute.backends.keras_networks import (
    KerasEvaluator,
    KerasModel,
    KerasTrainer,
    create_loss,
    output_layer,
)
from textgen.compute.dropout_masks import DropoutMasks
from textgen.compute.layers.carried_state import with_carried_state
from textgen.compute.layers.cpu_recurrent import CpuRecurrent, cpu_layer
from textgen.compute.layers.drop_connect import with_drop_connect
from textgen.compute.layers.feedforward import TrainingEmbedding, dropout_layer
from textgen.compute.layers.output_loss import OutputLoss
from textgen.compute.layers.state_resets import with_state_resets
from textgen.compute.optimizer import create_optimizer
from textgen.compute.precision import choose_precision
from textgen.compute.steps import CheckedSteps, Steps
from textgen.distributed.sharding import Sharding
from textgen.errors import TrainingError, UsageError
from textgen.kernels.cell_weights import CELL_WEIGHTS
from textgen.kernels.sequence import SequenceKernel, has_bfloat16
from textgen.model.build import RECURRENT, Layers, build_model
from textgen.private_names import PrivateNames
from textgen.settings import Settings, TrainConfig
from textgen.text.batches import Batch, Inputs

_POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
CUDNN_CELLS = ("lstm", "gru")  # which Keras has cuDNN for
_TRIALS = 3  # steps that are measured, after one that builds the network
CUDNN_UNKNOWN = "none that takes these layers was found; is cuDNN installed, and recent?"


class KerasBackend(Backend):
    """Keras on one framework.

    Attributes:
        gpu_support: What to install for GPUs, for a message.
        private_names: The framework's undocumented names that textgen uses.
        masks: Its dropout masks.
        cpu_recurrent: What calls the kernels of recurrent layers on a CPU.
        gpu_lstm: Its LSTM for a GPU that CUDA drives; None for Keras's own.
        output_loss: Its output layer and loss for a CPU.
    """

    gpu_support: ClassVar[str]
    private_names: ClassVar[PrivateNames]
    masks: ClassVar[DropoutMasks] = DropoutMasks()
    cpu_recurrent: ClassVar[type[CpuRecurrent]]
    gpu_lstm: ClassVar[type[keras.layers.RNN] | None] = None
    output_loss: ClassVar[type[OutputLoss]]

    # What differs between backends.

    @classmethod
    @abstractmethod
    def running_on(cls) -> str:
        """The kind of device that Keras's variables are on, or can be on; `cpu` for a CPU.

        While GPUs are hidden, TensorFlow and JAX look for them now, and never again.
        """

    @classmethod
    @abstractmethod
    def first_gpu(cls) -> Device | None:
        """The GPU that Keras computes on, if there is one."""

    @classmethod
    def find_sharding(cls, processes: int) -> Sharding:  # noqa: ARG003
        """The devices of all processes together, which can share a batch."""
        return Sharding()

    @abstractmethod
    def create_steps(self, network: keras.Model) -> Steps:
        """The fastest steps for a compiled network, whose optimizer is built."""

    @abstractmethod
    def why_no_cudnn_on_gpu(self, network: Any, x: Inputs, cell: str) -> str:
        """As `why_no_cudnn`, of LSTM or GRU layers on a GPU that CUDA drives.

        Keras silently uses its own loop where it cannot use cuDNN, so a network must be run once,
        or traced, and examined.
        """

    def adamw(self) -> type[keras.optimizers.Optimizer]:
        """What computes AdamW."""
        adamw: type[keras.optimizers.Optimizer] = keras.optimizers.AdamW
        return adamw

    # What they have in common.

    @classmethod
    def find_device(cls, choice: str) -> Device:
        """The device to train on.

        Args:
            choice: `auto`, `cpu` or `gpu`.

        Raises:
            UsageError: the CPU, where Keras runs on a GPU already.
            TrainingError: a GPU, where there is none.
        """
        running = cls.running_on()
        if choice == "cpu" and running != "cpu":
            raise UsageError(
                f"{cls.name} runs on a {running} in this process already; ask for the CPU before "
                "anything imports Keras"
            )
        gpu = None if choice == "cpu" else cls.first_gpu()
        if choice == "gpu" and gpu is None:
            raise TrainingError(
                f"{cls.name} sees no GPU here; give --device cpu, or install its GPU support "
                f"({cls.gpu_support}) and a driver"
            )
        return gpu or Device("cpu" if running == "cpu" else "cuda", running)

    @property
    def has_own_kernel(self) -> bool:
        """Whether textgen's own kernels train recurrent layers here: on a CPU that is one device.

        Where one process makes several devices of a CPU, they would share a layer's kernel.
        """
        return self.device.is_cpu and self.sharding.count == self.communicator.count

    @property
    def steps_ahead(self) -> int:
        """How many steps may begin before the loss of the first is read: on a GPU, which then
        always has one to compute."""
        # Several processes communicate between two steps, and all must at the same one.
        return int(not self.device.is_cpu and not self.communicator.in_lockstep)

    @contextmanager
    def session(self) -> Iterator[None]:
        with session.keras_defaults(), self.sharding.sharing():
            self.sharding.share()
            yield

    def seeded(self, random_seed: int) -> AbstractContextManager[None]:
        return session.seeded(random_seed)

    def create_model(self, settings: Settings, vocabulary_size: int) -> Model:
        with session.one_device():  # it only holds weights
            return KerasModel(settings, vocabulary_size)

    def choose_precision(
        self, settings: Settings, vocabulary_size: int, batch: Batch, chosen: str | None = None
    ) -> Precision:
        return choose_precision(self, settings, vocabulary_size, batch, chosen)

    def step_seconds(
        self, settings: Settings, vocabulary_size: int, precision: Precision, batch: Batch
    ) -> float:
        x, y, _ = batch
        rows = settings.training.batch_size if settings.training.carry_state else None
        network = self.build_network(settings, vocabulary_size, precision, rows)
        steps = self.compile_network(network, settings.training, precision)
        float(steps.begin(x, y, 0.0))
        measured = []
        for _ in range(_TRIALS):
            start = time.perf_counter()
            float(steps.begin(x, y, 0.0))
            measured.append(time.perf_counter() - start)
        return float(np.median(measured))

    def create_trainer(
        self,
        settings: Settings,
        vocabulary_size: int,
        precision: Precision,
        rows: int,
        weights: Sequence[Array],
    ) -> Trainer:
        return KerasTrainer(self, settings, vocabulary_size, precision, rows, weights)

    def create_evaluator(
        self, settings: Settings, vocabulary_size: int, rows: int | None
    ) -> Evaluator:
        return KerasEvaluator(self, settings, vocabulary_size, rows)

    def recurrent_layer(self, cell: str, precision: str) -> type[keras.layers.RNN]:
        """The fastest recurrent layer here, in one process or on one device of several.

        All processes ask for the same at the same time, and get the same.

        Args:
            cell: `lstm`, `gru` or `rnn`.
            precision: `float32`, `bfloat16` or `float16`.
        """
        if self.has_own_kernel and cell in CELL_WEIGHTS:
            if precision == "float32":
                return cpu_layer(self.cpu_recurrent, cell)
            if precision == "bfloat16" and self.communicator.all_gather(has_bfloat16()).all():
                return cpu_layer(self.cpu_recurrent, cell, bfloat16=True)
        if cell == "lstm" and self.device.kind == "cuda" and self.gpu_lstm is not None:
            return self.gpu_lstm
        return self.stock_layer(cell)

    def stock_layer(self, cell: str) -> type[keras.layers.RNN]:
        """Keras's own recurrent layer, whose states can be reset inside a batch."""
        return with_state_resets(RECURRENT[cell])

    def precision(self, name: str, cell: str) -> Precision:
        """A precision, with the fastest layer for it here."""
        return Precision(name, recurrent=self.recurrent_layer(cell, name))

    def sequence_kernel(self, cell: str, precision: str) -> SequenceKernel | None:
        layer = self.recurrent_layer(cell, precision)
        is_own = issubclass(layer, CpuRecurrent)
        return SequenceKernel(cell, bfloat16=layer.bfloat16_products) if is_own else None

    def build_network(
        self, settings: Settings, vocabulary_size: int, precision: Precision, rows: int | None
    ) -> keras.Model:
        """A twin of the stock model, with this backend's layers, that gives what its loss takes.

        Args:
            settings: Model and windows.
            vocabulary_size: Tokens in the vocabulary.
            precision: From `precision`.
            rows: Of each batch, to carry state from batch to batch; None to carry none.
        """
        recurrent = precision.recurrent
        policy = None if issubclass(recurrent, CpuRecurrent) else _POLICIES.get(precision.name)
        if settings.model.drop_connect:
            recurrent = with_drop_connect(recurrent, settings.model.drop_connect, self.masks)
        if rows is not None:
            recurrent = with_carried_state(recurrent)
        return build_model(
            settings.model,
            vocabulary_size,
            settings.windows.targets,
            layers=Layers(
                recurrent,
                TrainingEmbedding,
                dropout_layer(self.masks),
                output_layer(self, vocabulary_size),
                policy,
                resets=True,
            ),
            carry_batch=rows,
            logits=True,
        )

    def compile_network(
        self,
        network: keras.Model,
        config: TrainConfig,
        precision: Precision,
        loss_reduction: str = "mean",
    ) -> Steps:
        """Give a network its optimizer and its loss; the steps to train it with."""
        optimizer = create_optimizer(config, self.adamw())
        if precision.name == "float16":  # where small gradients would vanish
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        network.compile(optimizer, create_loss(self, network, precision, loss_reduction))
        optimizer.build(network.trainable_variables)
        return CheckedSteps(self.create_steps(network), network)

    def why_no_cudnn(self, network: Any, x: Inputs, cell: str) -> str:
        """Why a training's recurrent layers are not cuDNN's.

        Args:
            network: The network that trains. States that it carries are reset.
            x: Inputs of one batch, that of all processes.
            cell: Its kind of recurrent layer, as in ModelConfig.

        Returns:
            The reason; empty where they are cuDNN's or, on JAX, textgen's own; and on a CPU.
        """
        if self.device.is_cpu:
            return ""
        if self.device.kind == "mps":
            return "Apple's GPUs have none"
        if cell not in CUDNN_CELLS:
            return "Keras has it for LSTM and GRU layers only"
        return self.why_no_cudnn_on_gpu(network, x, cell)
