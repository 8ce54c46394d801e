"""The fit loop: steps, and now and then a report: validation, samples, the best weights.

Knows Keras models, batches of ids and a vocabulary; knows nothing of where the ids came from,
where models and checkpoints are kept or who watches.

Batches are NumPy arrays handed to each step; there is no data pipeline to wait for.
"""

import math
import sys
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import keras
import numpy as np

from textgen.compute.backend import Backend, Evaluator, Model, TrainerState
from textgen.distributed.communicator import Communicator
from textgen.errors import CorpusError, ModelError, TextgenError, TrainingError
from textgen.model.initial_weights import initial_weights
from textgen.sampling import Sampler
from textgen.sampling.network import Network
from textgen.settings import Settings
from textgen.text.batches import Batch, add_noise, draw_state_mask
from textgen.text.streams import Streams
from textgen.text.vocabulary import IdSequence, Vocabulary
from textgen.text.windows import Windows
from textgen.training import events
from textgen.training.budget import ByEpochs, ByTime, HeardClock
from textgen.training.checkpoint import REMEDY, Snapshot
from textgen.training.data import Text, streams
from textgen.training.schedule import learning_rate

_VALIDATION_STREAMS = 128  # side by side: read far sooner than one after the other
_VALIDATION_LOGITS = 20_000_000  # at a time, where a training step has no more: 80 MB
VALIDATION_AT_MOST = 500_000  # characters: enough for three digits, and read in seconds
_VALIDATION_SHARE = 0.05  # of the time of a training, for one validation at most
_KEEP_COST = 60  # times as long as a snapshot takes, from one to the next at a report
_SAVE_COST = 10  # times as long as saving takes, from one to the next, where epochs are short
_REPORT = 1.0  # seconds that samples and saving take, beside the validation
_SEEDS = 64
# Most starts are learned late, since a network learns to read sooner from streams that nothing
# interrupts; and most people start a text where a line starts. docs/NOTES.md has what else was
# tried.
_RESET_GROWTH = 3  # the power of the share of a training with which resets grow more frequent
_RESET_LINE_STARTS = 30  # times as often where a line starts: half of all resets, about
_CURVE_POINTS = 1000  # training losses kept, at most
# Shares of a training after which a sample is drawn without a report: the text comes into being
# long before the first one. Each takes some milliseconds, or is left out.
_GLIMPSES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
_GLIMPSE_AT_MOST = 2e9  # multiplications

Initial = Callable[[list[Any]], list[Any]]


@dataclass
class Progress:
    """How far a training has come; what `save` is handed.

    Attributes:
        model: The stock model, with the best weights so far.
        seeds: Windows of the training text.
        history: `epochs`: an object for each epoch; `steps`: pairs of a step and the mean loss
            since the pair before, or the moving average; `samples`: those drawn before the first
            report; losses in nats per character.
        best_epoch: How many times the text had been read when these were the weights.
        best_loss: Its validation loss, or its training loss without a validation part.
        since_best: Reports since then.
        unsaved: Whether the weights may be better than those that were saved last.
        reason: Why training ended: `done`, `patience` or `stopped`.
    """

    model: Model
    seeds: tuple[str, ...]
    history: dict[str, list[Any]] = field(
        default_factory=lambda: {"epochs": [], "steps": [], "samples": []}
    )
    best_epoch: float = 0
    best_loss: float = math.inf
    since_best: int = 0
    unsaved: bool = True
    reason: str = "done"

    def judge(self, loss: float, epoch: float) -> bool:
        """Whether this is the best loss so far, which is then kept."""
        improved = loss < self.best_loss
        if improved:
            self.best_epoch, self.best_loss, self.unsaved = epoch, loss, True
        self.since_best = 0 if improved else self.since_best + 1
        return improved

    def record(self, done: events.Validated, samples: Sequence[events.Sample]) -> None:
        """Add an entry to the history."""
        drawn = [vars(sample) for sample in samples]
        self.history["epochs"].append({**vars(done), "samples": drawn})


@dataclass(frozen=True)
class Hooks:
    """Whom a training tells and asks.

    Attributes:
        save: Called with the best weights so far in the model: at the first report, at the end, and
            at the other reports unless the last call is so recent that saving would take more than
            a tenth of the time.
        keep: Called with a snapshot that training can go on from, when it is stopped, as often as
            `keep_every` says, and after each report, by epochs if that is not too soon.
        keep_every: Seconds from one snapshot to the next; more where snapshots would take more than
            a tenth of the time.
        on_event: Told what happens.
        stop: Asked after every step; once it is true a snapshot is kept, the weights are
            validated and saved as at an epoch's end, and training ends.
        callback: Told of begin, reports and end as Keras's `fit` would tell it, with the steps so
            far in the place of an epoch's number.
    """

    save: Callable[[Progress], object] = lambda _: None
    keep: Callable[[Snapshot], object] = lambda _: None
    keep_every: float = math.inf
    on_event: Callable[[events.Event], object] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    callback: keras.callbacks.Callback | None = None


def fit(
    text: Text,
    settings: Settings,
    backend: Backend,
    hooks: Hooks,
    deadline: float = math.inf,
    initial: Initial | None = None,
    snapshot: Snapshot | None = None,
    chosen: str | None = None,
) -> Progress:
    """Train a model, in a session of the backend.

    Args:
        text: Training and validation ids, of at least one batch each.
        settings: Windows, model and training.
        backend: What computes it.
        hooks: Whom it tells and asks.
        deadline: When a training by time must be over, as time.monotonic() tells it.
        initial: What gives the weights to begin with, from those of a new network.
        snapshot: Where to go on instead.
        chosen: The precision, where it has been chosen already.

    Returns:
        The progress at the end, with the best weights.

    Raises:
        TrainingError: the loss is not a number any more, or the device failed; what was saved
            before is the best.
        ModelError: the snapshot is not of such a training.
    """
    with backend.translate_device_errors(), backend.seeded(settings.training.random_seed):
        training = _Training(text, settings, backend, hooks, deadline, initial, snapshot, chosen)
    training.callback.set_model(training.trainer.network)
    training.callback.on_train_begin()
    try:
        return training.run()
    except (TrainingError, KeyboardInterrupt):
        with suppress(TextgenError):  # what ended the training is raised
            training.save_rest()
        raise
    finally:
        training.callback.on_train_end()


@dataclass(frozen=True)
class _Begun:
    """A step whose loss is not read yet, and where the training was after it."""

    loss: Any
    number: int
    epoch: float
    share: float
    characters: int
    targets: int


class _Training:
    """A training under way: what it works with, and where it is."""

    def __init__(
        self,
        text: Text,
        settings: Settings,
        backend: Backend,
        hooks: Hooks,
        deadline: float,
        initial: Initial | None,
        snapshot: Snapshot | None,
        chosen: str | None,
    ):
        config = settings.training
        self.text, self.settings, self.backend, self.hooks = text, settings, backend, hooks
        self.callback = hooks.callback or keras.callbacks.Callback()
        self.deadline = deadline
        communicator = self.communicator = backend.communicator
        line_end = int(text.vocabulary.encode("\n")[0])  # -1, which is no id, where it has none
        self.batches = _Batches(text.train, settings, line_end, backend)
        size = text.vocabulary.size
        model = backend.create_model(settings, size)
        generator = np.random.default_rng(config.random_seed)
        weights = initial_weights(settings.model, size, generator)
        weights = weights if initial is None else initial(weights)
        weights = [communicator.broadcast_array(array) for array in weights]
        model.set_weights(weights)
        if snapshot is not None:
            chosen = str(snapshot.state.get("precision"))
        self.precision = backend.choose_precision(settings, size, self.batches.first(), chosen)
        self.trainer = backend.create_trainer(
            settings, size, self.precision, self.batches.rows, weights
        )
        self.begun: deque[_Begun] = deque()
        self.validator: _Validator | None = None
        if len(text.validation):
            before = _validated(snapshot) if snapshot else None
            self.validator = _Validator(text.validation, settings, size, backend, before)
        self.progress = Progress(model, _draw_seeds(text, settings, communicator))
        self.curve = _Curve(size, config.loss_smoothing)
        window = 1 if config.carry_state else settings.windows.maxlen
        drawn = (window + config.sample_length) * len(config.sample_temperatures)
        self.slow_samples = drawn * window * model.parameters > _GLIMPSE_AT_MOST
        self.steps, self.points, self.glimpses, self.seconds_before = 0, 0, 0, 0.0
        clock = {"report": 0.0} if snapshot is None else self._go_on(snapshot)
        if config.time:  # also of a training that goes on, on a slower device perhaps
            report = _REPORT + (self.validator.seconds if self.validator else 0.0)
            clock["report"] = max(clock["report"], report)
        own = (
            ByTime(deadline, **clock)
            if config.time
            else ByEpochs(self.batches.steps, config.epochs)
        )
        self.clock: ByTime | ByEpochs | HeardClock = own
        self.kept_at, self.keep_took = time.monotonic(), 0.0
        self.saved_at, self.save_took = -math.inf, 0.0
        self.stop, self.keep_due = hooks.stop, self._keep_due
        if communicator.in_lockstep:
            self.clock = heard = HeardClock(
                own, communicator.all_gather, hooks.stop, self._keep_due
            )
            self.stop, self.keep_due = (lambda: heard.stopped), (lambda: heard.keep_due)
        self.began = time.monotonic()
        late = config.time and snapshot is None and self.began + clock["report"] >= deadline
        if communicator.all_gather(late)[0, 0]:
            needed = config.time - (deadline - self.began) + clock["report"]
            raise TrainingError(
                f"--time {config.time:g}s is over before the first step: to begin and to end take "
                f"{needed:.0f} s; give {math.ceil(2 * needed)}s or more"
            )

    def run(self) -> Progress:
        """Steps and reports until the end."""
        self.hooks.on_event(self._started())
        part_began, characters = time.monotonic(), 0
        config = self.settings.training
        for x, y, line_starts, epoch_begins in self.batches.after(self.steps):
            if epoch_begins and config.carry_state:
                self._settle()
                with self.backend.translate_device_errors():
                    self.trainer.reset_states()
            self._step(x, y, line_starts)
            characters += x.size * self.communicator.count
            over = self.clock.over(self.steps)
            due = over or self.clock.report_due(self.steps)
            stopped = not over and self.stop()
            if not (due or stopped):
                self._glimpse()
                if self.keep_due():
                    self._keep()
                continue
            if stopped:
                self.progress.reason = "stopped"
                if not due:  # whoever goes on from here makes no such report
                    self._keep()
                self.hooks.on_event(events.Stopping())
            self._settle()
            report_began = time.monotonic()
            speed = characters / (report_began - part_began)
            logs = self._report(speed, over=over, stopped=stopped)
            patience = config.patience or math.inf
            if due and not over and self.progress.since_best >= patience:
                self.progress.reason, over = "patience", True
            if over:
                self.callback.on_epoch_end(self.steps, logs)
                break
            part_began, characters = time.monotonic(), 0
            self.clock.reported(part_began - report_began)
            if not config.time and due and (stopped or self._keep_pays()):
                self._keep()
            # A disk that is full by now has a checkpoint to go on from.
            self.callback.on_epoch_end(self.steps, logs)
            if stopped:
                break
        return self.progress

    def _step(self, x: Any, y: Any, line_starts: Any) -> None:
        """Begin a step, and tell of those that are over."""
        done = self.clock.done(self.steps)
        rate = learning_rate(self.settings.training, self.steps, done)
        kept = self._kept_rows(line_starts, done)
        with self.backend.translate_device_errors():
            loss = self.trainer.step(x, y, rate, kept)
        self.steps += 1
        self.clock.stepped()
        share = self.clock.done(self.steps)
        characters = x.size * self.communicator.count
        targets = y.size * self.communicator.count
        self.begun.append(_Begun(loss, self.steps, self._epoch(), share, characters, targets))
        self._read(self.trainer.steps_ahead)

    def _kept_rows(self, line_starts: Any, done: float) -> Any:
        """The rows that keep their carried state in the next step; None for all.

        Args:
            line_starts: Which of them start where a line does.
            done: The share of the training that is done.
        """
        config = self.settings.training
        if not config.carry_state or not config.state_reset:
            return None
        reset = config.state_reset * done**_RESET_GROWTH
        each = np.where(line_starts, min(1.0, _RESET_LINE_STARTS * reset), reset)
        rows = self.batches.rows
        # The last number keeps these draws apart from those of batches.
        seed = (config.random_seed, self.steps, 2)
        kept = draw_state_mask(each, seed, rows, self.communicator.rows(rows))
        return None if kept.all() else kept

    def _read(self, left: int = 0) -> None:
        """Read the losses of the steps that were begun, but for so many."""
        config = self.settings.training
        while len(self.begun) > left:
            step = self.begun.popleft()
            with self.backend.translate_device_errors():
                loss = float(step.loss)
            if config.loss_reduction == "sum":
                loss /= step.targets
            self._check(loss, step.number)
            shown = self.curve.add(loss)
            self.hooks.on_event(
                events.StepDone(
                    step.epoch, step.share, shown, step.characters, loss, self._seconds()
                )
            )
            if (point := int(step.share * _CURVE_POINTS)) > self.points:
                self.points = point
                self.progress.history["steps"].append([step.number, self.curve.point()])

    def _settle(self) -> None:
        """Be where the last step led, all losses read, and the variables those of now."""
        self._read()
        with self.backend.translate_device_errors():
            self.trainer.settle()

    def _report(self, speed: float, *, over: bool, stopped: bool) -> dict[str, float]:
        """Validate, draw samples and save the best weights so far.

        Args:
            speed: Characters per second since the last report; the steps are settled.
            over: Whether training ends after it, finished.
            stopped: Whether it ends after it, because it was stopped.

        Returns:
            The losses by the names that Keras logs them under.
        """
        progress, epoch = self.progress, self._epoch()
        weights, validation_loss = self._weights(), None
        if self.validator is not None:
            with self.backend.translate_device_errors():
                validation_loss = self.validator.loss(weights)
            self._check(validation_loss, self.steps)
        loss = self.curve.loss
        # Hosts that are not alike may differ in the last bit, and all must decide the same.
        judged = self.communicator.all_gather(loss if validation_loss is None else validation_loss)[
            0, 0
        ]
        improved = progress.judge(float(judged), epoch)
        if improved:
            with self.backend.translate_device_errors():
                progress.model.set_weights(weights)
        samples = list(self._samples(weights))
        done = events.Validated(epoch, loss, validation_loss, speed, improved, self._seconds())
        progress.record(done, samples)
        self.curve.begin_part()
        # By time no two runs take the same steps. The checkpoint comes before the model, so that a
        # training that is killed between the two knows the loss that it has reached, and saves no
        # worse model when it goes on.
        if self.settings.training.time and (improved or not over):
            self._keep(reported=True)
        patience = self.settings.training.patience or math.inf
        since = time.monotonic() - self.saved_at
        last = over or stopped or progress.since_best >= patience
        if last or since >= _SAVE_COST * self.save_took:
            self._save()
        self.hooks.on_event(done)
        for sample in samples:
            self.hooks.on_event(sample)
        validated = {} if validation_loss is None else {"val_loss": validation_loss}
        return {"loss": loss, **validated}

    def _save(self) -> None:
        """Hand out the best weights and the history."""
        began = time.monotonic()
        with self.backend.translate_device_errors():
            self.hooks.save(self.progress)
        self.progress.unsaved = False
        self.saved_at = time.monotonic()
        self.save_took = self.saved_at - began

    def save_rest(self) -> None:
        """Save weights that are better than those saved last, when training ends by an error."""
        if self.progress.unsaved and self.save_took:  # those of a checkpoint wait for a report
            self._save()

    def _glimpse(self) -> None:
        """A sample early on, where one is due."""
        due = bisect_right(_GLIMPSES, self.clock.done(self.steps))
        unwanted = (
            self.progress.history["epochs"] or self.slow_samples or not self.communicator.is_main
        )
        if due <= self.glimpses or unwanted:
            return
        self.glimpses = due
        self._settle()
        for sample in self._samples(self._weights()):
            glimpse = events.EarlySample(self._epoch(), self.curve.loss, **vars(sample))
            self.progress.history["samples"].append(vars(glimpse))
            self.hooks.on_event(glimpse)

    def _weights(self) -> list[Any]:
        """The network's, once the steps are settled."""
        with self.backend.translate_device_errors():
            weights: list[Any] = self.trainer.weights()
        return weights

    def _samples(self, weights: list[Any]) -> Iterator[events.Sample]:
        """What the network writes with some weights."""
        if not self.communicator.is_main:
            return iter(())
        return _samples(
            weights, self.text.vocabulary, self.settings, self.progress.seeds, self.steps
        )

    def _keep_due(self) -> bool:
        since = time.monotonic() - self.kept_at
        return since >= max(self.hooks.keep_every, _SAVE_COST * self.keep_took)

    def _keep_pays(self) -> bool:
        """Whether a snapshot now is a small part of the time since the last one."""
        since = time.monotonic() - self.kept_at
        return bool(self.communicator.all_gather(since >= _KEEP_COST * self.keep_took)[0, 0])

    def _keep(self, *, reported: bool = False) -> None:
        """Hand out a snapshot of where training is, or will be once a report has ended."""
        self._settle()
        config, progress, now = self.settings.training, self.progress, time.monotonic()
        self.kept_at = now
        figures = {
            "steps": self.steps,
            "precision": self.precision.name,
            "seconds": self._seconds(),
            "clock": {**self.clock.state(), **({"since_report": 0.0} if reported else {})},
            "curve": self.curve.state(),
            "points": self.points,
            "glimpses": self.glimpses,
            "validated": self.validator.characters if self.validator else 0,
            "history": progress.history,
            "best_epoch": progress.best_epoch,
            "best_loss": progress.best_loss,
            "since_best": progress.since_best,
        }
        with self.backend.translate_device_errors():
            state = self.trainer.state()
            if state is None:
                return
            arrays = {
                "layers": state.layers,
                "optimizer": state.optimizer,
                "best": progress.model.weights(),
            }
        left = self.deadline - now if config.time else 0.0
        self.hooks.keep(Snapshot(left, figures, arrays))
        self.keep_took = time.monotonic() - now

    def _go_on(self, snapshot: Snapshot) -> dict[str, float]:
        """Be where a snapshot was taken; gives the state of its clock."""
        figures, arrays, progress = snapshot.state, snapshot.arrays, self.progress
        try:
            self.trainer.restore(TrainerState(arrays["layers"], arrays["optimizer"]))
            progress.model.set_weights(arrays["best"])
            self.steps = int(_figure(figures, "steps"))
            self.seconds_before = _figure(figures, "seconds")
            self.points = int(_figure(figures, "points"))
            self.glimpses = int(_figure(figures, "glimpses"))
            curve = dict(zip(_Curve.STATE, figures["curve"], strict=True))
            self.curve.go_on(*(_figure(curve, name) for name in _Curve.STATE))
            progress.history = {name: list(figures["history"][name]) for name in progress.history}
            progress.best_epoch = _figure(figures, "best_epoch")
            progress.best_loss = _figure(figures, "best_loss", at_most=math.inf)  # before any
            progress.since_best = int(_figure(figures, "since_best"))
            # The process may have ended before it saved them.
            progress.unsaved = math.isfinite(progress.best_loss)
            names = ByTime.STATE if self.settings.training.time else ()
            return {name: _figure(figures["clock"], name) for name in names}
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ModelError(
                f"the checkpoint is not of such a training ({error}); {REMEDY}"
            ) from error

    def _seconds(self) -> float:
        """Time since the training's first step began, without what passed between two runs."""
        return self.seconds_before + time.monotonic() - self.began

    def _epoch(self) -> float:
        """Passes over the text so far, with the digits that people want."""
        epoch = self.steps / self.batches.steps
        return round(epoch, 2) if epoch >= 1 else float(f"{epoch:.2g}")

    def _check(self, loss: float, step: int) -> None:
        """Raise `TrainingError` where a loss is not a number any more."""
        if not math.isfinite(loss):
            config = self.settings.training
            clipped = "" if 0 < config.clip_norm <= 1 else ", or --clip-norm 1"
            kept = (
                "; the best model so far is kept" if math.isfinite(self.progress.best_loss) else ""
            )
            raise TrainingError(
                f"the loss is {loss} after step {step:,}: training went astray; try again "
                f"with --force and a --learning-rate below {config.learning_rate:g}{clipped}{kept}"
            )

    def _started(self) -> events.TrainingStarted:
        config, windows = self.settings.training, self.settings.windows
        cell, units = self.settings.model.cell, self.settings.model.units
        kept = math.isfinite(self.progress.best_loss)
        return events.TrainingStarted(
            backend=self.backend.name,
            device=self.backend.device.name,
            precision=self.precision.name,
            slowdown=self.precision.slowdown,
            no_cudnn_reason=self.trainer.no_cudnn_reason,
            replaces_cudnn=self.backend.replaces_cudnn,
            layers=" ".join([cell.upper(), *map(str, units)]),
            parameters=self.progress.model.parameters,
            steps_per_epoch=self.batches.steps,
            epochs=config.epochs,
            time=config.time,
            batch_size=self.batches.rows,
            maxlen=windows.maxlen,
            carry_state=config.carry_state,
            targets=windows.targets,
            resumed_at_epoch=self._epoch() if self.steps else None,
            best_epoch=self.progress.best_epoch if kept else None,
            best_loss=self.progress.best_loss if kept else None,
            processes=self.communicator.count,
            process=self.communicator.index,
        )


def _figure(figures: Any, name: Any, at_most: float = sys.float_info.max) -> float:
    """A number of a snapshot, which may be a stranger's: none is less than zero."""
    number = float(figures[name])
    if not 0 <= number <= at_most:
        raise ValueError(f"{name} is {number}")
    return number


def _validated(snapshot: Snapshot) -> int:
    """Characters of the validation text that were read before a snapshot was taken."""
    count = snapshot.state.get("validated")
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        raise ModelError(f"the checkpoint is not of such a training ({count!r}); {REMEDY}")
    return count


class _Batches:
    """The batches of one epoch after the other: carried streams, or shuffled windows.

    Args:
        ids: The training text.
        settings: Of the training.
        line_end: The id of the line end.
        backend: Whose processes read a part each.
    """

    def __init__(self, ids: IdSequence, settings: Settings, line_end: int, backend: Backend):
        windows, config = settings.windows, settings.training
        self._epoch: Callable[[int, int], Iterator[Batch]]
        self._line_end = line_end
        communicator, sharding = backend.communicator, backend.sharding
        self._noise, self._seed = config.noise, config.random_seed
        self._communicator = communicator
        if config.carry_state:
            self.rows = config.batch_size
            read = streams(ids, settings, communicator)
            # Each epoch is cut at other places; wherever that is, it has as many steps.
            moved = self.rows > 1 and len(read) > 1
            self.steps = len(read) - moved

            def epoch(number: int, begin: int) -> Iterator[Batch]:
                generator = np.random.default_rng((config.random_seed, number))
                offset = int(generator.integers(windows.maxlen)) if moved else 0
                return islice(read.full_batches(offset, begin), self.steps - begin)

            self._epoch = epoch
        else:
            cut = Windows(ids, windows.maxlen, windows.step, windows.targets)
            self.rows = sharding.whole_rows(min(config.batch_size, len(cut)))
            if not self.rows:
                raise CorpusError(
                    f"{len(cut)} windows are too few for {sharding.count} devices; give more text"
                )
            self.steps = len(cut) // self.rows
            # The order of an epoch follows from the random seed and the epoch's number alone.
            self._epoch = lambda number, begin: cut.shuffled_batches(
                self.rows, (config.random_seed, number), begin, communicator.rows(self.rows)
            )

    def first(self) -> Batch:
        """The first batch of the first epoch."""
        return next(self._epoch(1, 0))

    def after(self, steps: int) -> Iterator[tuple[Any, Any, Any, bool]]:
        """Inputs, targets, which rows start where a line does, and whether an epoch begins with
        them, from the batch after so many.

        A row starts so whose first character is a line end, or follows one in its stream.
        """
        number, begin = divmod(steps, self.steps)
        while True:
            number += 1
            before = max(0, begin - 1)  # one batch more, for the characters that it ends with
            last = None
            for place, (x, y, _) in enumerate(self._epoch(number, before), before):
                if place >= begin:
                    starts = x[:, 0] == self._line_end
                    if last is not None:
                        starts |= last == self._line_end
                    yield self._noised(x, number, place), y, starts, place == 0
                last = x[:, -1]
            begin = 0

    def _noised(self, x: Any, epoch: int, place: int) -> Any:
        """Inputs with noise that follows from the random seed and the batch's place alone."""
        if not self._noise:
            return x
        mine = self._communicator.rows(self.rows)
        return add_noise(x, self._noise, (self._seed, epoch, place), self.rows, mine)


class _Validator:
    """The loss of some weights over the validation text, in nats per character.

    With carried state the text is read in order, as streams side by side; otherwise over its
    windows, with every target of each. Of a long text the beginning is read: half a million
    characters at most, and in a training by time no more than a small share of that allows.

    Args:
        ids: The validation text.
        settings: Of the training.
        size: The vocabulary's size.
        backend: What computes it.
        characters: How many are read, where a training goes on; None to find out.

    Attributes:
        characters: How many are read.
        seconds: How long that takes; 0 where nobody needs to know.
    """

    def __init__(
        self,
        ids: IdSequence,
        settings: Settings,
        size: int,
        backend: Backend,
        characters: int | None,
    ):
        windows, config = settings.windows, settings.training
        self._ids, self._windows, self._batch_size = ids, windows, config.batch_size
        communicator, sharding = backend.communicator, backend.sharding
        self._communicator, self._sharding = communicator, sharding
        at_most, self.seconds = min(len(ids), VALIDATION_AT_MOST), 0.0
        self._rows: int | None = None
        if config.carry_state:
            # Each stream reads a batch before it begins, to have its context, and of a text that
            # is read whole four more at least.
            room = max(config.batch_size, _VALIDATION_LOGITS // (windows.maxlen * size))
            fewest = (at_most - 1) // (4 * windows.maxlen)
            self._rows = sharding.padded_rows(min(_VALIDATION_STREAMS, room, fewest))
        at_least = (self._rows or 1) * windows.maxlen + 1
        self.characters = min(at_most, max(characters or at_most, at_least))
        self._evaluator: Evaluator = backend.create_evaluator(settings, size, self._rows)
        if config.time:
            batch, each = communicator.all_gather(*self._measured())[0]
            lead = 1 if self._rows else 0  # batches that are read for context alone
            affordable = max(1, int(_VALIDATION_SHARE * config.time / batch) - lead) * int(each)
            if characters is None:
                self.characters = min(at_most, max(affordable, at_least))
            self.seconds = batch * (lead + math.ceil(self.characters / each))

    def loss(self, weights: list[Any]) -> float:
        self._evaluator.set_weights(weights)
        self._evaluator.reset_states()
        total = count = 0.0
        for batch in self._batches():
            total += self._summed(batch)
            count += float(batch[2].sum())
        return total / float(self._communicator.all_gather(count).sum())

    def _batches(self) -> Iterator[Batch]:
        ids, maxlen = self._ids[: self.characters], self._windows.maxlen
        communicator = self._communicator
        if self._rows is not None:
            return Streams(ids, self._rows, maxlen, communicator.rows(self._rows)).all_batches(
                lead=maxlen
            )
        cut = Windows(ids, maxlen, self._windows.step, self._windows.targets)
        rows = self._sharding.padded_rows(min(self._batch_size, len(cut)))
        return cut.ordered_batches(rows, communicator.rows(rows))

    def _summed(self, batch: Batch) -> float:
        return self._evaluator.total_loss(*batch)

    def _measured(self) -> tuple[float, int]:
        """Seconds of a batch, and characters of the text in one."""
        batch = next(self._batches())
        self._summed(batch)  # builds the network
        began = time.perf_counter()
        self._summed(batch)
        seconds = max(time.perf_counter() - began, 1e-6)
        each = batch[1].size if self._rows else len(batch[0]) * self._windows.step
        return seconds, each * self._communicator.count


class _Curve:
    """The training loss as it is shown, a mean since the last report or a moving average; and as
    it is recorded, a mean since the last point or that average."""

    STATE = ("loss", "count", "sum", "summed")

    def __init__(self, size: int, smoothing: float):
        self._smoothing = smoothing
        self.loss = math.log(size)  # of a model that knows nothing
        self._count = 0.0
        self._sum = self._summed = 0.0

    def state(self) -> list[float]:
        return [self.loss, self._count, self._sum, self._summed]

    def go_on(self, loss: float, count: float, total: float, summed: float) -> None:
        """Be what `state` told."""
        self.loss, self._count, self._sum, self._summed = loss, count, total, summed

    def begin_part(self) -> None:
        """Begin a new mean."""
        self._count = 0.0

    def add(self, loss: float) -> float:
        self._count += 1
        self._sum += loss
        self._summed += 1
        old = self._smoothing or 1 - 1 / self._count
        self.loss = old * self.loss + (1 - old) * loss
        return self.loss

    def point(self) -> float:
        """The loss since the last point."""
        mean = self.loss if self._smoothing else self._sum / self._summed
        self._sum = self._summed = 0.0
        return mean


def _draw_seeds(text: Text, settings: Settings, communicator: Communicator) -> tuple[str, ...]:
    """Windows from all over the training text, begun after a line's end where one is near.

    Of several processes the one that draws samples has them, from what it reads of the text.
    """
    if not communicator.is_main:
        return ()
    config, maxlen = settings.training, settings.windows.maxlen
    generator = np.random.default_rng(config.random_seed)
    last = len(text.train) - maxlen
    if config.carry_state and not communicator.reads_all:
        last = max(streams(text.train, settings, communicator).extent.stop - maxlen, 1)
    starts = generator.integers(0, last, _SEEDS)
    end_of_line = text.vocabulary.encode("\n")[0]
    seeds = []
    for start in np.sort(starts):
        line_ends = np.flatnonzero(text.train[start : min(start + 200, last)] == end_of_line)
        begin = start + line_ends[0] + 1 if len(line_ends) else start
        ids = text.train[begin : begin + maxlen]
        known = ids[ids != text.vocabulary.unknown_id] if text.vocabulary.has_unknown else ids
        seeds.append(text.vocabulary.decode(known))
    return tuple(dict.fromkeys(seed for seed in seeds if seed))


def _samples(
    weights: list[Any],
    vocabulary: Vocabulary,
    settings: Settings,
    seeds: tuple[str, ...],
    step: int,
) -> Iterator[events.Sample]:
    config = settings.training
    if not (seeds and config.sample_length):
        return
    network = Network(settings.model, vocabulary.size, weights)
    sampler = Sampler(
        network, vocabulary, None if config.carry_state else settings.windows.maxlen, seeds
    )
    seed = sampler.draw_seed(config.random_seed, step)
    for temperature in config.sample_temperatures:
        text = sampler.generate(
            seed,
            length=config.sample_length,
            temperature=temperature,
            random_seed=config.random_seed,
        )
        yield events.Sample(temperature, seed, text.removeprefix(seed))
