"""The training loop: steps, and now and then a validation.

What happens between steps (samples, saving, checkpoints, patience, logs) are callbacks. The loop
imports no framework; `fit.py` prepares what it works with.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from textgen.compute.backend import Array, Backend, Model, Trainer
from textgen.distributed.communicator import Communicator
from textgen.settings import Settings
from textgen.text.vocabulary import Vocabulary
from textgen.training import events
from textgen.training.batches import Batches, TrainingBatch
from textgen.training.budget import Decision, SynchronizedBudget
from textgen.training.callbacks.base import Callback, Validation
from textgen.training.samples import SampleDrawer
from textgen.training.schedule import learning_rate
from textgen.training.state import PendingStep, TrainingState, check_loss
from textgen.training.validation import Validator


@dataclass
class Loop:
    """A training under way.

    Attributes:
        settings: All settings.
        vocabulary: The vocabulary.
        backend: What computes.
        model: The model that is saved, with the best weights so far.
        trainer: The network that learns.
        validator: None without a validation part.
        batches: The training batches.
        budget: When to validate and to end.
        state: Where the training is.
        seeds: Windows of the training text, which samples start from.
        sample_drawer: Draws samples.
        callbacks: What happens between steps, in this order.
        on_event: Receives the training's events.
        learning_rate: Of the last step.
        decision: What follows the last step.
        ended: Whether training ends after this validation; callbacks may set it.
    """

    settings: Settings
    vocabulary: Vocabulary
    backend: Backend
    model: Model
    trainer: Trainer
    validator: Validator | None
    batches: Batches
    budget: SynchronizedBudget
    state: TrainingState
    seeds: tuple[str, ...]
    sample_drawer: SampleDrawer
    callbacks: Sequence[Callback]
    on_event: Callable[[events.Event], object]
    learning_rate: float = 0.0
    decision: Decision = field(default_factory=Decision)
    ended: bool = False
    _started_at: float = field(default_factory=time.monotonic)
    _pending: deque[PendingStep] = field(default_factory=deque)

    @property
    def communicator(self) -> Communicator:
        return self.backend.communicator

    def run(self) -> None:
        """Take steps until the budget is used up, a callback ends the training, or it is stopped.

        Raises:
            TrainingError: the loss is not a number any more, or the device failed.
        """
        state, start, characters = self.state, time.monotonic(), 0
        for batch in self.batches.after(state.steps):
            self._step(batch)
            characters += batch.characters * self.communicator.count
            self.decision = self.budget.decide()
            if not self.decision.validate:
                for callback in self.callbacks:
                    callback.on_step(self)
                continue
            if self.decision.stopped:
                state.reason = "stopped"
                for callback in self.callbacks:
                    callback.on_stop(self)
                self.on_event(events.Stopping())
            self.settle()
            validation_start = time.monotonic()
            speed = characters / (validation_start - start)
            weights = self.weights()
            validation = self._validate(weights)
            self.ended = self.decision.over
            self._report(validation, weights, speed)
            start, characters = time.monotonic(), 0
            if not self.ended:
                self.budget.validated(start - validation_start)
            for callback in self.callbacks:
                callback.on_validation_reported(self, validation)
            if self.ended or self.decision.stopped:
                break

    def _step(self, batch: TrainingBatch) -> None:
        """Begin a step, and read the losses of earlier ones."""
        state, config = self.state, self.settings.training
        if batch.starts_epoch and config.carry_state:
            self.settle()
            with self.backend.translate_device_errors():
                self.trainer.reset_states()
        done = self.budget.fraction_done()
        self.learning_rate = learning_rate(config, state.steps, done)
        state_mask = self.batches.state_mask(batch, state.steps, done)
        with self.backend.translate_device_errors():
            loss = self.trainer.step(batch.inputs, batch.targets, self.learning_rate, state_mask)
        state.steps += 1
        self.budget.step_done()
        characters, targets = (
            size * self.communicator.count for size in (batch.characters, batch.targets.size)
        )
        step = PendingStep(
            loss,
            state.steps,
            self.epoch(),
            self.budget.fraction_done(),
            characters,
            targets,
            batch.characters_per_token,
        )
        self._pending.append(step)
        self._read_losses(self.trainer.steps_ahead)

    def _read_losses(self, ahead: int = 0) -> None:
        """Read the losses of all steps but the last few, and report these steps."""
        while len(self._pending) > ahead:
            step = self._pending.popleft()
            with self.backend.translate_device_errors():
                loss = step.read_loss(self.settings.training.loss_reduction)
            check_loss(loss, step.number, self.settings.training, self.state)
            shown = self.state.add_loss(loss, step)
            position = step.epoch, step.fraction_done
            self.on_event(events.StepDone(*position, shown, step.characters, loss, self.seconds()))

    def settle(self) -> None:
        """Finish all steps, so that weights and states are those of now."""
        self._read_losses()
        with self.backend.translate_device_errors():
            self.trainer.settle()

    def _validate(self, weights: list[Array]) -> Validation:
        """Validate the network, and keep its weights in the model if they are the best so far."""
        validation_loss = None
        if self.validator is not None:
            with self.backend.translate_device_errors():
                validation_loss = self.validator.loss(weights)
            check_loss(validation_loss, self.state.steps, self.settings.training, self.state)
        loss = self.state.loss_curve.loss
        decisive = loss if validation_loss is None else validation_loss
        # Hosts may round differently, and all must use the same value: process 0's.
        decisive = float(self.communicator.all_gather(decisive)[0, 0])
        improved = self.state.update_best(decisive, self.epoch())
        if improved:
            with self.backend.translate_device_errors():
                self.model.set_weights(weights)
        return Validation(loss, validation_loss, improved)

    def _report(self, validation: Validation, weights: list[Array], speed: float) -> None:
        """Draw samples, record the validation, let callbacks save the model, and report it all.

        Speed is in characters per second since the last validation.
        """
        samples = list(self.draw_samples(weights))
        losses = validation.loss, validation.validation_loss
        report = events.Validated(self.epoch(), *losses, speed, validation.improved, self.seconds())
        self.state.record(report, samples)
        self.state.loss_curve.restart_mean()
        for callback in self.callbacks:
            callback.on_validation(self, validation)
        self.on_event(report)
        for sample in samples:
            self.on_event(sample)

    def weights(self) -> list[Array]:
        """The weights of the network that learns, once its steps are settled."""
        with self.backend.translate_device_errors():
            return self.trainer.weights()

    def draw_samples(self, weights: list[Array]) -> Iterator[events.Sample]:
        """Samples of the network as it is now; other processes than the main one draw none."""
        if not self.communicator.is_main:
            return iter(())
        return self.sample_drawer.draw(weights, self.state.steps)

    def current_state(self) -> TrainingState:
        """The state with the time and the budget of now."""
        return replace(self.state, seconds=self.seconds(), budget=self.budget.to_json())

    def seconds(self) -> float:
        """Time since the training's first step began, without what passed between two runs."""
        return self.state.seconds + time.monotonic() - self._started_at

    def epoch(self) -> float:
        """How many times the text was read so far, rounded for display."""
        epoch = self.state.steps / self.batches.steps_per_epoch
        return round(epoch, 2) if epoch >= 1 else float(f"{epoch:.2g}")
