"""A backend without a framework: what it computes is simple, what it must do is the real thing.

Its "network" has weights of the real shapes. A step moves them by an amount that depends on the
batch and on random numbers that are part of its state, and its loss falls with every step. So a
resumed training equals an uninterrupted one only if everything was restored.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from textgen.compute.backend import (
    Backend,
    Device,
    Evaluator,
    Model,
    Precision,
    Trainer,
    TrainerState,
)
from textgen.sampling.network import weight_specs
from textgen.text.batches import ids_of


class DeviceLostError(Exception):
    """What the fake framework raises when its device fails."""


class FakeModel(Model):
    def __init__(self, settings, vocabulary_size):
        shapes = [spec.shape for spec in weight_specs(settings.model, vocabulary_size)]
        self._weights = [np.zeros(shape, np.float32) for shape in shapes]
        self.parameters = sum(array.size for array in self._weights)

    def weights(self):
        return [array.copy() for array in self._weights]

    def set_weights(self, weights):
        if [array.shape for array in weights] != [array.shape for array in self._weights]:
            raise ValueError("other shapes")
        self._weights = [np.array(array, np.float32) for array in weights]

    def save(self, path: Path | str) -> None:
        with Path(path).open("wb") as file:
            np.savez(file, *self._weights)


class FakeTrainer(Trainer):
    no_cudnn_reason = ""
    network = None

    def __init__(self, backend: "FakeBackend", settings, rows: int, weights):
        self._backend, self.steps_ahead = backend, backend.steps_ahead
        self._weights = [np.array(array, np.float32) for array in weights]
        self._random = np.array([settings.training.random_seed, 0])
        self._carried = np.zeros((rows, 1), np.float32)
        self._moments = [np.zeros(1, np.float32)]

    def step(self, x, y, learning_rate, state_mask=None):
        self._random[1] += 1
        number = int(self._random[1])
        self._backend.on_step(number)
        generator = np.random.default_rng(self._random)
        if state_mask is not None:
            self._carried *= state_mask
        self._carried += ids_of(x).mean(axis=1, keepdims=True)
        self._moments[0] = 0.9 * self._moments[0] + np.float32(self._carried.mean())
        for array in self._weights:
            array += np.float32(learning_rate * generator.standard_normal() * self._moments[0])
        return self._backend.loss_of(number)

    def settle(self):
        pass

    def reset_states(self):
        self._carried[:] = 0

    def weights(self):
        return [array.copy() for array in self._weights]

    def state(self):
        layers = [*self.weights(), self._random.copy(), self._carried.copy()]
        return TrainerState(layers, [array.copy() for array in self._moments])

    def restore(self, state):
        count = len(self._weights)
        if len(state.layers) != count + 2:
            raise ValueError("other layers")
        self._weights = [array.copy() for array in state.layers[:count]]
        self._random, self._carried = (array.copy() for array in state.layers[count:])
        self._moments = [array.copy() for array in state.optimizer]


class FakeEvaluator(Evaluator):
    def __init__(self, backend: "FakeBackend"):
        self._backend, self._validations, self._size = backend, 0, 0.0

    def set_weights(self, weights):
        self._validations += 1
        self._size = float(sum(np.abs(array).sum() for array in weights))

    def reset_states(self):
        pass

    def total_loss(self, x, y, weight):
        losses = self._backend.validation_losses
        loss = 1 + 1 / (1 + self._size) if losses is None else losses[self._validations - 1]
        return loss * float(weight.sum())


class FakeBackend(Backend):
    """The backend, with what a test wants to happen.

    Args:
        loss_of: The loss of a step, by its number from 1.
        validation_losses: Of all validations in turn; else they follow from the weights.
        on_step: Called at the start of each step with its number; may raise `DeviceLostError`.
        steps_ahead: As a GPU has it.
        seconds_per_step: How long a step takes.
    """

    name = "fake"

    def __init__(
        self,
        loss_of: Callable[[int], float] = lambda number: 3 / number,
        validation_losses: Sequence[float] | None = None,
        on_step: Callable[[int], object] = lambda number: None,
        steps_ahead: int = 0,
        seconds_per_step: float = 0.0,
    ):
        super().__init__(Device("cpu", "a fake"))
        self.loss_of, self.validation_losses = loss_of, validation_losses
        self.steps_ahead = steps_ahead
        self._on_step, self._seconds_per_step = on_step, seconds_per_step

    def on_step(self, number: int) -> None:
        time.sleep(self._seconds_per_step)
        self._on_step(number)

    def session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def seeded(self, random_seed: int) -> AbstractContextManager[None]:
        return nullcontext()

    def create_model(self, settings, vocabulary_size):
        return FakeModel(settings, vocabulary_size)

    def choose_precision(self, settings, vocabulary_size, batch, chosen=None):
        return Precision(chosen or "float32")

    def create_trainer(self, settings, vocabulary_size, precision, rows, weights):
        return FakeTrainer(self, settings, rows, weights)

    def create_evaluator(self, settings, vocabulary_size, rows):
        return FakeEvaluator(self)

    def step_seconds(self, settings, vocabulary_size, precision, batch):
        return self._seconds_per_step

    def sequence_kernel(self, cell, precision):
        return None

    def device_errors(self):
        return MemoryError, DeviceLostError
