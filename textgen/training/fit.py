"""Prepares a training loop and runs it: network, batches, budget, state and callbacks."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgen import storage
from textgen.compute.backend import Backend, Model, Precision, Trainer, TrainerState
from textgen.distributed.communicator import Communicator
from textgen.errors import ModelError, TextgenError, TrainingError
from textgen.model.initial_weights import initial_weights
from textgen.settings import Settings
from textgen.training import events
from textgen.training.batches import Batches
from textgen.training.budget import Budget, EpochBudget, SynchronizedBudget, TimeBudget
from textgen.training.callbacks.base import Callback
from textgen.training.callbacks.checkpoint_saver import CheckpointSaver
from textgen.training.callbacks.early_samples import EarlySamples
from textgen.training.callbacks.model_saver import ModelSaver
from textgen.training.callbacks.patience import Patience
from textgen.training.checkpoint import REMEDY, Snapshot
from textgen.training.data import TrainingData
from textgen.training.loop import Loop
from textgen.training.loss_curve import LossCurve
from textgen.training.samples import SampleDrawer, draw_seeds
from textgen.training.state import TrainingState
from textgen.training.validation import Validator

_SAVING = 1.0  # seconds that samples and saving take, in addition to the validation


@dataclass(frozen=True)
class Hooks:
    """What a training calls.

    Attributes:
        save_model: Called with the loop, to save its model, which has the best weights so far.
        save_checkpoint: Called with a snapshot that the training can be resumed from.
        checkpoint_interval: Seconds from one snapshot to the next.
        on_event: Receives the training's events.
        stop: Asked after every step; once it is true a checkpoint is written, the network is
            validated and saved as after an epoch, and training ends.
        callbacks: What else happens between steps.
    """

    save_model: Callable[[Loop], object] = lambda _: None
    save_checkpoint: Callable[[Snapshot], object] = lambda _: None
    checkpoint_interval: float = math.inf
    on_event: Callable[[events.Event], object] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    callbacks: Sequence[Callback] = ()


@dataclass(frozen=True)
class StartOptions:
    """How a training starts.

    Attributes:
        deadline: When a training by time must be over, in seconds of time.monotonic().
        change_weights: Makes the first weights from those of a new network; None to keep these.
        snapshot: Where a training is resumed, instead.
        precision: The precision, where it has been chosen already.
        init_from: The name of the model that training began with; empty for none.
    """

    deadline: float = math.inf
    change_weights: Callable[[list[Any]], list[Any]] | None = None
    snapshot: Snapshot | None = None
    precision: str | None = None
    init_from: str = ""


def fit(
    data: TrainingData,
    settings: Settings,
    backend: Backend,
    hooks: Hooks,
    start: StartOptions | None = None,
) -> Loop:
    """Train a network, in a session of the backend.

    Args:
        data: Training and validation ids, of at least one batch each.
        settings: All settings.
        backend: What computes.
        hooks: What the training calls.
        start: How it starts.

    Returns:
        The loop at the end, with the best weights in its model.

    Raises:
        TrainingError: the loss is not a number any more, or the device failed; what was saved
            before is the best.
        ModelError: the snapshot does not fit this training.
    """
    with (
        backend.translate_device_errors(),
        backend.seeded(settings.training.random_seed),
    ):
        loop, started = _prepare(data, settings, backend, hooks, start or StartOptions())
    for callback in loop.callbacks:
        callback.on_begin(loop)
    try:
        loop.on_event(started)
        loop.run()
    except (TrainingError, KeyboardInterrupt):
        for callback in loop.callbacks:
            with suppress(TextgenError):  # what ended the training is raised
                callback.on_error(loop)
        raise
    finally:
        for callback in loop.callbacks:
            callback.on_end(loop)
    return loop


def _prepare(
    data: TrainingData, settings: Settings, backend: Backend, hooks: Hooks, start: StartOptions
) -> tuple[Loop, events.TrainingStarted]:
    """A loop that is ready for its first step, and what to report of it.

    The order in which networks are created decides what their layers draw at random.
    """
    config, snapshot, communicator = settings.training, start.snapshot, backend.communicator
    vocabulary = data.vocabulary
    batches = Batches(data, settings, backend)
    model = backend.create_model(settings, vocabulary.size)
    model.set_weights(_first_weights(settings, vocabulary.size, communicator, start))
    chosen = start.precision if snapshot is None else str(snapshot.state.get("precision"))
    precision = backend.choose_precision(settings, vocabulary.size, batches.first(), chosen)
    trainer = backend.create_trainer(
        settings, vocabulary.size, precision, batches.rows, model.weights()
    )
    validator = None
    if len(data.validation):
        tokens = None if snapshot is None else _validation_tokens(snapshot)
        part = data.validation_part
        validator = Validator(part, settings, vocabulary, backend, tokens)
    state = TrainingState(
        LossCurve.of_untrained(vocabulary.size, data.characters_per_token, config.loss_smoothing),
        precision.name,
        validation_tokens=validator.tokens if validator else 0,
    )
    if snapshot is not None:
        _restore(snapshot, state, model, trainer, by_time=config.time > 0)
    checkpoints = CheckpointSaver(hooks.save_checkpoint, hooks.checkpoint_interval, start.deadline)
    budget = _create_budget(settings, batches, validator, state, start.deadline)
    seeds = draw_seeds(data, settings, communicator)
    loop = Loop(
        settings=settings,
        vocabulary=vocabulary,
        backend=backend,
        model=model,
        trainer=trainer,
        validator=validator,
        batches=batches,
        budget=SynchronizedBudget(budget, communicator, hooks.stop, checkpoints.is_due),
        state=state,
        seeds=seeds,
        sample_drawer=SampleDrawer(data, settings, seeds),
        # Patience decides whether training ends before anything is saved, and by time a checkpoint
        # is written before the model.
        callbacks=[
            EarlySamples(),
            Patience(config.patience),
            checkpoints,
            ModelSaver(hooks.save_model),
            *hooks.callbacks,
        ],
        on_event=hooks.on_event,
    )
    if snapshot is None:
        _check_time_left(config.time, validator, start.deadline, communicator)
    return loop, _describe(loop, precision, start)


def _first_weights(
    settings: Settings, vocabulary_size: int, communicator: Communicator, start: StartOptions
) -> list[Any]:
    """The weights before the first step, the same in all processes."""
    generator = np.random.default_rng(settings.training.random_seed)
    weights = initial_weights(settings.model, vocabulary_size, generator)
    if start.change_weights is not None:
        weights = start.change_weights(weights)
    return [communicator.broadcast_array(array) for array in weights]


def _describe(loop: Loop, precision: Precision, start: StartOptions) -> events.TrainingStarted:
    settings, state = loop.settings, loop.state
    has_best = math.isfinite(state.best_loss)
    return events.TrainingStarted(
        backend=loop.backend.name,
        device=loop.backend.device.name,
        precision=precision.name,
        slowdown=precision.slowdown,
        no_cudnn_reason=loop.trainer.no_cudnn_reason,
        replaces_cudnn=loop.backend.replaces_cudnn,
        layers=" ".join([settings.model.cell.upper(), *map(str, settings.model.units)]),
        parameters=loop.model.parameters,
        steps_per_epoch=loop.batches.steps_per_epoch,
        epochs=settings.training.epochs,
        time=settings.training.time,
        batch_size=loop.batches.rows,
        maxlen=settings.windows.maxlen,
        carry_state=settings.training.carry_state,
        targets=settings.windows.targets,
        resumed_at_epoch=loop.epoch() if state.steps else None,
        best_epoch=state.best_epoch if has_best else None,
        best_loss=state.best_loss if has_best else None,
        processes=loop.communicator.count,
        process=loop.communicator.index,
        init_from=start.init_from,
        subwords=bool(loop.vocabulary.subwords),
    )


def _validation_tokens(snapshot: Snapshot) -> int:
    """Tokens of the validation text that were read before a snapshot was taken."""
    count = snapshot.state.get("validated")
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        raise ModelError(
            f"the checkpoint does not fit this training (validated is {count!r}); {REMEDY}"
        )
    return count


def _restore(
    snapshot: Snapshot, state: TrainingState, model: Model, trainer: Trainer, *, by_time: bool
) -> None:
    """Restore what a snapshot has."""
    arrays = snapshot.arrays
    try:
        trainer.restore(TrainerState(list(arrays["layers"]), list(arrays["optimizer"])))
        model.set_weights(arrays["best"])
        state.restore(snapshot.state, TimeBudget.FIELDS if by_time else ())
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        # Only the texts of a DamageError are for users; those of Keras and Python are not.
        problem = f" ({error})" if isinstance(error, storage.DamageError) else ""
        raise ModelError(f"the checkpoint does not fit this training{problem}; {REMEDY}") from error


def _create_budget(
    settings: Settings,
    batches: Batches,
    validator: Validator | None,
    state: TrainingState,
    deadline: float,
) -> Budget:
    config = settings.training
    if not config.time:
        return EpochBudget(batches.steps_per_epoch, config.epochs, state.steps)
    return TimeBudget(deadline, _validation_seconds(validator), state.budget)


def _validation_seconds(validator: Validator | None) -> float:
    """Seconds to allow for a validation, with samples and saving, before one was measured."""
    return _SAVING + (validator.seconds if validator else 0.0)


def _check_time_left(
    time_budget: float, validator: Validator | None, deadline: float, communicator: Communicator
) -> None:
    """Raise `TrainingError` where a training by time is too short for a step."""
    seconds, now = _validation_seconds(validator), time.monotonic()
    if communicator.all_gather(bool(time_budget) and now + seconds >= deadline)[0, 0]:
        needed = time_budget - (deadline - now) + seconds
        raise TrainingError(
            f"--time {time_budget:g}s is too short: starting and finishing take {needed:.0f} s; "
            f"give {math.ceil(2 * needed)}s or more"
        )
