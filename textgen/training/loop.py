"""The fit loop: steps, and now and then a report: validation, samples, the best weights.

Knows Keras models, batches of ids and a vocabulary; knows nothing of where the ids came from,
where models are kept or who watches.

Batches are NumPy arrays handed to `train_on_batch`; there is no data pipeline to wait for.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import keras
import numpy as np

from textgen import model
from textgen.config import Settings, TrainConfig
from textgen.errors import TrainingError
from textgen.sampling import Sampler
from textgen.sampling.network import Network
from textgen.training import events, precision
from textgen.training.backend import Device
from textgen.training.clock import ByEpochs, ByTime
from textgen.training.optimizer import learning_rate, optimizer
from textgen.training.text import Text
from textgen.vocabulary import Vocabulary
from textgen.windows import Batch, Readable, Streams, Windows

_VALIDATION_STREAMS = 32  # side by side: a few characters without context each, read far sooner
_VALIDATION_AT_MOST = 500_000  # characters: enough for three digits, and read in seconds
_SEEDS = 64
_CURVE_POINTS = 1000  # training losses kept, at most


@dataclass
class Progress:
    """How far a training has come; what `save` is handed.

    Attributes:
        model: The stock model, with the best weights so far.
        history: `epochs`: an object for each epoch; `steps`: [step, loss] pairs; losses in nats
            per character.
        seeds: Windows of the training text.
        best_epoch: How many times the text had been read when these were the weights.
        best_loss: Its validation loss, or its training loss without a validation part.
        reason: Why training ended: `done`, `patience` or `stopped`.
    """

    model: keras.Model
    seeds: tuple[str, ...]
    history: dict[str, list[Any]] = field(default_factory=lambda: {"epochs": [], "steps": []})
    best_epoch: float = 0
    best_loss: float = math.inf
    reason: str = "done"

    def judge(self, loss: float, epoch: float) -> bool:
        """Whether this is the best loss so far, which is then kept."""
        improved = loss < self.best_loss
        if improved:
            self.best_epoch, self.best_loss = epoch, loss
        return improved

    def record(self, done: events.EpochDone, samples: Sequence[events.SampleDrawn]) -> None:
        """Add an entry to the history."""
        drawn = [vars(sample) for sample in samples]
        self.history["epochs"].append({**vars(done), "samples": drawn})


def fit(
    text: Text,
    settings: Settings,
    device: Device,
    save: Callable[[Progress], object],
    on_event: Callable[[events.Event], object],
    stop: Callable[[], bool],
    deadline: float = math.inf,
    initial: Callable[[list[Any]], list[Any]] | None = None,
) -> Progress:
    """Train a model.

    Args:
        text: Training and validation ids, of at least one batch each.
        settings: Windows, model and training.
        device: Where it runs, for what is told.
        save: Called at each report, with the best weights so far in the model.
        on_event: Told what happens.
        stop: Asked after every step; once it is true the weights are validated and saved as at an
            epoch's end, and training ends.
        deadline: When a training by time must be over, as time.monotonic() tells it.
        initial: The weights to begin with, from those of a new network.

    Returns:
        The progress at the end, with the best weights.

    Raises:
        TrainingError: the loss is not a number any more; what was saved before is the best.
    """
    config, windows = settings.training, settings.windows
    keras.utils.set_random_seed(config.random_seed)
    batches = _Batches(text.train, settings)
    size = text.vocabulary.size
    stock = model.build(settings.model, size, windows.targets)
    if initial is not None:
        stock.set_weights(initial(stock.get_weights()))
    kind = precision.choose(settings, size, device, batches.first())
    trainee = precision.build(
        kind, settings, size, carry_batch=batches.rows if config.carry_state else None
    )
    trainee.set_weights(stock.get_weights())
    trainee.compile(kind.optimizer(optimizer(config)), _loss(config.loss_reduction))
    rate, current_rate = trainee.optimizer.learning_rate, config.learning_rate
    full = precision.float32(settings, device)
    validator = _Validator(text.validation, settings, size, full) if len(text.validation) else None
    progress = Progress(stock, _draw_seeds(text, windows.maxlen, config.random_seed))
    on_event(
        events.Started(
            backend=device.backend,
            device=device.name,
            precision=kind.name,
            slower=kind.slower,
            layers=" ".join([settings.model.cell.upper(), *map(str, settings.model.units)]),
            parameters=model.parameters(stock),
            steps=batches.steps,
            epochs=config.epochs,
            time=config.time,
            rows=batches.rows,
            maxlen=windows.maxlen,
            carry_state=config.carry_state,
            targets=windows.targets,
        )
    )
    curve = _Curve(size, config.loss_smoothing)
    clock = ByTime(deadline) if config.time else ByEpochs(batches.steps, config.epochs)
    began = part_began = time.monotonic()
    if config.time and began >= deadline:
        raise TrainingError(
            f"--time {config.time:g}s was over before the first step; give twice as much at least"
        )
    characters = since_best = last_point = 0
    for step, (x, y, epoch_begins) in enumerate(batches):
        if epoch_begins:
            model.reset_states(trainee)
        if (wanted := learning_rate(config, step, clock.done(step))) != current_rate:
            current_rate = wanted
            rate.assign(wanted)
        loss = float(trainee.train_on_batch(x, y))
        if config.loss_reduction == "sum":
            loss /= y.size
        steps, epoch = step + 1, _rounded((step + 1) / batches.steps)
        _check(loss, steps, config, progress)
        clock.stepped()
        shown = curve.add(loss)
        characters += x.size
        share = clock.done(steps)
        on_event(events.StepDone(epoch, share, shown, x.size))
        if (point := int(share * _CURVE_POINTS)) > last_point:
            last_point = point
            progress.history["steps"].append([steps, shown])
        if stop():
            progress.reason = "stopped"
        over = clock.over(steps) or progress.reason == "stopped"
        if not (over or clock.report_due(steps)):
            continue
        report_began = time.monotonic()
        weights, validation_loss = trainee.get_weights(), None
        if validator is not None:
            on_event(events.Validating(epoch))
            validation_loss = validator.loss(weights)
            _check(validation_loss, steps, config, progress)
        improved = progress.judge(curve.loss if validation_loss is None else validation_loss, epoch)
        if improved:
            stock.set_weights(weights)
        samples = list(_samples(weights, text.vocabulary, settings, progress.seeds, step))
        speed = characters / (report_began - part_began)
        seconds = time.monotonic() - began
        done = events.EpochDone(epoch, curve.loss, validation_loss, speed, improved, seconds)
        progress.record(done, samples)
        save(progress)
        on_event(done)
        for sample in samples:
            on_event(sample)
        since_best = 0 if improved else since_best + 1
        if over:
            break
        if config.patience and since_best >= config.patience:
            progress.reason = "patience"
            break
        curve.begin_part()
        part_began, characters = time.monotonic(), 0
        clock.reported(part_began - report_began)
    return progress


def _rounded(epoch: float) -> float:
    """Passes over the text, with the digits that people want."""
    return round(epoch, 2) if epoch >= 1 else float(f"{epoch:.2g}")


def _check(loss: float, steps: int, config: TrainConfig, progress: Progress) -> None:
    """Raise `TrainingError` where a loss is not a number any more."""
    if not math.isfinite(loss):
        kept = "; the best model so far is kept" if math.isfinite(progress.best_loss) else ""
        raise TrainingError(
            f"the loss is {loss} after step {steps:,}: training went astray; try a "
            f"--learning-rate below {config.learning_rate:g}, or --clip-norm 1{kept}"
        )


def _loss(reduction: str) -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        reduction="sum" if reduction == "sum" else "sum_over_batch_size",
    )


class _Batches:
    """The batches of one epoch after the other: carried streams, or shuffled windows.

    Iterating gives inputs, targets, and whether an epoch begins with them.
    """

    def __init__(self, ids: Readable, settings: Settings):
        windows, config = settings.windows, settings.training
        self._epoch: Callable[[int], Iterator[Batch]]
        if config.carry_state:
            streams = Streams(ids, config.batch_size, windows.maxlen)
            self.rows = config.batch_size
            # Each epoch is cut at other places; wherever that is, it has as many steps.
            moved = self.rows > 1 and len(streams) > 1
            self.steps = len(streams) - moved

            def epoch(number: int) -> Iterator[Batch]:
                generator = np.random.default_rng((config.random_seed, number))
                offset = int(generator.integers(windows.maxlen)) if moved else 0
                return islice(streams.whole(offset), self.steps)

            self._epoch = epoch
        else:
            cut = Windows(ids, windows.maxlen, windows.step, windows.targets)
            self.rows = min(config.batch_size, len(cut))
            self.steps = len(cut) // self.rows
            # The order of an epoch follows from the random seed and the epoch's number alone.
            self._epoch = lambda number: cut.shuffled(self.rows, (config.random_seed, number))

    def first(self) -> Batch:
        """The first batch of the first epoch."""
        return next(self._epoch(1))

    def __iter__(self) -> Iterator[tuple[Any, Any, bool]]:
        for number in count(1):
            for place, (x, y, _) in enumerate(self._epoch(number)):
                yield x, y, place == 0


class _Validator:
    """The loss of some weights over the validation text, its first half million characters at
    most, in nats per character.

    With carried state the text is read in order, as a few streams side by side; otherwise over
    its windows. Every target counts once.
    """

    def __init__(self, ids: Readable, settings: Settings, size: int, kind: precision.Kind):
        windows, config = settings.windows, settings.training
        ids = ids[:_VALIDATION_AT_MOST]
        self._batches: Callable[[], Iterator[Batch]]
        rows = None
        if config.carry_state:
            # No more streams than leave each at least one whole batch.
            rows = max(1, min(_VALIDATION_STREAMS, (len(ids) - 1) // windows.maxlen))
            self._batches = Streams(ids, rows, windows.maxlen).every
        else:
            cut = Windows(ids, windows.maxlen, windows.step, windows.targets)
            self._batches = lambda: cut.in_order(config.batch_size)
        self._model = precision.build(kind, settings, size, carry_batch=rows)
        self._model.compile(loss=_loss("sum"))

    def loss(self, weights: list[Any]) -> float:
        self._model.set_weights(weights)
        model.reset_states(self._model)
        total = count = 0.0
        for x, y, weight in self._batches():
            total += float(self._model.test_on_batch(x, y, sample_weight=weight))
            count += float(weight.sum())
        return total / count


class _Curve:
    """The training loss as it is shown: a mean since the last report, or a moving average."""

    def __init__(self, size: int, smoothing: float):
        self._smoothing = smoothing
        self.loss = math.log(size)  # of a model that knows nothing
        self._count = 0

    def begin_part(self) -> None:
        """Begin a new mean."""
        self._count = 0

    def add(self, loss: float) -> float:
        self._count += 1
        old = self._smoothing or 1 - 1 / self._count
        self.loss = old * self.loss + (1 - old) * loss
        return self.loss


def _draw_seeds(text: Text, maxlen: int, random_seed: int) -> tuple[str, ...]:
    """Windows from all over the training text, begun after a line's end where one is near."""
    generator = np.random.default_rng(random_seed)
    starts = generator.integers(0, len(text.train) - maxlen, _SEEDS)
    end_of_line = text.vocabulary.ids("\n")[0]
    last = len(text.train) - maxlen
    seeds = []
    for start in np.sort(starts):
        line_ends = np.flatnonzero(text.train[start : min(start + 200, last)] == end_of_line)
        begin = start + line_ends[0] + 1 if len(line_ends) else start
        ids = text.train[begin : begin + maxlen]
        known = ids[ids != text.vocabulary.unknown_id] if text.vocabulary.has_unknown else ids
        seeds.append(text.vocabulary.text(known))
    return tuple(dict.fromkeys(seed for seed in seeds if seed))


def _samples(
    weights: list[Any],
    vocabulary: Vocabulary,
    settings: Settings,
    seeds: tuple[str, ...],
    step: int,
) -> Iterator[events.SampleDrawn]:
    config = settings.training
    if not (seeds and config.sample_length):
        return
    network = Network(settings.model, vocabulary.size, weights)
    sampler = Sampler(
        network, vocabulary, None if config.carry_state else settings.windows.maxlen, seeds
    )
    seed = sampler.random_seed_text(config.random_seed, step)
    for temperature in config.sample_temperatures:
        text = sampler.generate(
            seed, config.sample_length, temperature, random_seed=config.random_seed
        )
        yield events.SampleDrawn(temperature, seed, text.removeprefix(seed))
