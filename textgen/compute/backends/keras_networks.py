"""The three networks of a training, in Keras: what is saved, what learns and what validates."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import keras
import numpy as np

from textgen.compute.backend import Array, Evaluator, Model, Precision, Trainer, TrainerState
from textgen.compute.layers.carried_state import reset_states
from textgen.compute.layers.feedforward import TrainingDense
from textgen.compute.layers.output_loss import OutputWeights
from textgen.distributed.sharding import Sharding
from textgen.kernels.output import LEAST_TOKENS
from textgen.model.build import build_model, count_parameters
from textgen.settings import Settings
from textgen.text.batches import Inputs

if TYPE_CHECKING:
    from textgen.compute.backends.keras_backend import KerasBackend


class KerasModel(Model):
    """A model of stock Keras layers."""

    def __init__(self, settings: Settings, vocabulary_size: int):
        self._model = build_model(settings.model, vocabulary_size, settings.windows.targets)
        self.parameters = count_parameters(self._model)

    def weights(self) -> list[Array]:
        weights: list[Array] = self._model.get_weights()
        return weights

    def set_weights(self, weights: Sequence[Array]) -> None:
        _assign(self._model.weights, weights, Sharding())

    def save(self, path: Path | str) -> None:
        self._model.save(path)


class KerasTrainer(Trainer):
    """A network with its optimizer, on the devices that share a batch."""

    def __init__(
        self,
        backend: "KerasBackend",
        settings: Settings,
        vocabulary_size: int,
        precision: Precision,
        rows: int,
        weights: Sequence[Array],
    ):
        config = settings.training
        self._communicator, self._sharding = backend.communicator, backend.sharding
        self.network = backend.build_network(
            settings, vocabulary_size, precision, rows if config.carry_state else None
        )
        # As large as the batch of all processes, of which this one may have a part only.
        ids = np.zeros((rows, settings.windows.maxlen), np.int32)
        labels = len(settings.model.label_sizes)
        x = [ids] * (1 + labels) if labels else ids
        self.no_cudnn_reason = backend.why_no_cudnn(self.network, x, settings.model.cell)
        _assign(self.network.weights, weights, self._sharding)
        self._steps = backend.compile_network(
            self.network, config, precision, config.loss_reduction
        )
        self.steps_ahead = self._steps.steps_ahead

    def step(
        self, x: Inputs, y: Array, learning_rate: float, state_mask: Array | None = None
    ) -> SupportsFloat:
        return self._steps.begin(x, y, learning_rate, state_mask)

    def settle(self) -> None:
        self._steps.settle()

    def reset_states(self) -> None:
        reset_states(self.network)

    def weights(self) -> list[Array]:
        weights: list[Array] = self.network.get_weights()
        return weights

    def state(self) -> TrainerState | None:
        layers = [self._sharding.gather(variable) for variable in self._layer_variables()]
        if not self._communicator.is_main:
            return None
        return TrainerState(
            [_to_numpy(value) for value in layers],
            [_to_numpy(variable) for variable in self.network.optimizer.variables],
        )

    def restore(self, state: TrainerState) -> None:
        _assign(self._layer_variables(), state.layers, self._sharding)
        _assign(self.network.optimizer.variables, state.optimizer, self._sharding)

    def _layer_variables(self) -> list[Any]:
        """Weights, states of random generators, and carried states."""
        return [variable for layer in self.network.layers for variable in layer.variables]


class KerasEvaluator(Evaluator):
    """A network in float32 whose loss is a sum."""

    def __init__(
        self, backend: "KerasBackend", settings: Settings, vocabulary_size: int, rows: int | None
    ):
        self._sharding = backend.sharding
        precision = backend.precision("float32", settings.model.cell)
        self._network = backend.build_network(settings, vocabulary_size, precision, rows)
        loss = create_loss(backend, self._network, precision, "sum", gradients=False)
        self._network.compile(loss=loss)

    def set_weights(self, weights: Sequence[Array]) -> None:
        _assign(self._network.weights, weights, self._sharding)

    def reset_states(self) -> None:
        reset_states(self._network)

    def total_loss(self, x: Inputs, y: Array, weight: Array) -> float:
        return float(self._network.test_on_batch(x, y, sample_weight=weight))


def output_layer(backend: "KerasBackend", vocabulary_size: int) -> type[keras.layers.Dense]:
    """The last layer of a network that trains or is evaluated."""
    fused = backend.has_own_kernel and vocabulary_size >= LEAST_TOKENS
    return OutputWeights if fused else TrainingDense


def create_loss(
    backend: "KerasBackend",
    network: keras.Model,
    precision: Precision,
    reduction: str,
    *,
    gradients: bool = True,
) -> keras.losses.Loss:
    """The cross-entropy of a network.

    Args:
        backend: Where it runs.
        network: From `build_network`.
        precision: As `build_network` took it.
        reduction: `mean` over all targets, or `sum`.
        gradients: Whether they are needed.
    """
    layer = network.layers[-1]
    if isinstance(layer, OutputWeights):
        bfloat16 = getattr(precision.recurrent, "bfloat16_products", False)
        return backend.output_loss(layer, reduction, bfloat16=bfloat16, gradients=gradients)
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        reduction="sum" if reduction == "sum" else "sum_over_batch_size",
    )


def _assign(variables: Sequence[Any], values: Sequence[Array], sharding: Sharding) -> None:
    """Set Keras variables.

    Raises:
        ValueError: there are more or fewer values, or one has another shape.
    """
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{variable.path} is of shape {value.shape}")
        variable.assign(sharding.place(value, variable))


def _to_numpy(variable: Any) -> Array:
    """A variable's value in a type that NumPy has itself; bfloat16 loses nothing as float32."""
    value: Array = keras.ops.convert_to_numpy(variable)
    return value if value.dtype.kind in "fiu" else value.astype(np.float32)
