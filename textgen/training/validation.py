"""The loss of a network over the validation text."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt

from textgen.compute.backend import Backend
from textgen.settings import Settings
from textgen.text.batches import Batch, ids_of
from textgen.text.streams import Streams
from textgen.text.vocabulary import Vocabulary
from textgen.training.data import TextPart, windows

TOKENS_AT_MOST = 500_000  # enough for three digits, and read in seconds
_STREAMS = 128  # side by side: read far sooner than one after the other
_LOGITS_AT_MOST = 20_000_000  # in a batch, where a training step has no more: 80 MB
_TIME_SHARE = 0.05  # of the time of a training, for one validation at most
_BATCHES_OF_STREAM = 4  # at least, of a text that is read whole


class Validator:
    """The loss of some weights over the validation text, in nats per character.

    With carried state the text is read in order, as streams side by side; otherwise over its
    windows, with every target of each. Of a long text the beginning is read, of many documents
    some that are drawn at random: half a million tokens at most, and in a training by time only
    as much as a small share of it allows.

    Args:
        part: The validation text.
        settings: All settings.
        vocabulary: The vocabulary.
        backend: What computes, and with which other processes.
        tokens: How many are read, where a training is resumed; None to find out.

    Attributes:
        tokens: How many are read.
        seconds: How long that takes; 0 in a training by epochs, where nobody needs to know.
    """

    def __init__(
        self,
        part: TextPart,
        settings: Settings,
        vocabulary: Vocabulary,
        backend: Backend,
        tokens: int | None = None,
    ):
        maxlen, config = settings.windows.maxlen, settings.training
        self._settings, self._backend, self._vocabulary = settings, backend, vocabulary
        # Of many documents, the first ones might all be of a kind.
        self._ids, self._labels = part.shuffle((config.random_seed, 0), part.labels())
        at_most, self.seconds = min(len(part), TOKENS_AT_MOST), 0.0
        self._rows: int | None = None  # of carried state
        if config.carry_state:
            # Each stream first reads a batch for its context alone.
            affordable = max(config.batch_size, _LOGITS_AT_MOST // (maxlen * vocabulary.size))
            long_enough = (at_most - 1) // (_BATCHES_OF_STREAM * maxlen)
            self._rows = backend.sharding.padded_rows(min(_STREAMS, affordable, long_enough))
        at_least = (self._rows or 1) * maxlen + 1
        self.tokens = min(at_most, max(tokens or at_most, at_least))
        self._evaluator = backend.create_evaluator(settings, vocabulary.size, self._rows)
        if not config.time:
            return
        seconds, per_batch = backend.communicator.all_gather(*self._time_batch())[0]
        context = 1 if self._rows else 0  # batches that are read for context alone
        if tokens is None:
            batches = max(1, int(_TIME_SHARE * config.time / seconds) - context)
            self.tokens = min(at_most, max(batches * int(per_batch), at_least))
        self.seconds = seconds * (context + math.ceil(self.tokens / per_batch))

    def loss(self, weights: Sequence[npt.NDArray[Any]]) -> float:
        """The mean loss of weights, which are in the order of the model file."""
        self._evaluator.set_weights(weights)
        self._evaluator.reset_states()
        total = count = 0.0
        for inputs, targets, weight in self._batches():
            total += self._evaluator.total_loss(inputs, targets, weight)
            if self._vocabulary.subwords:
                weight = weight * self._vocabulary.lengths[targets]
            count += float(weight.sum())
        return total / float(self._backend.communicator.all_gather(count).sum())

    def _batches(self) -> Iterator[Batch]:
        communicator, sharding = self._backend.communicator, self._backend.sharding
        ids, options = self._ids[: self.tokens], self._settings.windows
        if self._rows is not None:
            own = communicator.rows(self._rows)
            streams = Streams(ids, self._rows, options.maxlen, own, self._labels)
            return streams.all_batches(lead=options.maxlen)
        all_windows = windows(ids, self._settings, self._labels)
        rows = sharding.padded_rows(min(self._settings.training.batch_size, len(all_windows)))
        return all_windows.ordered_batches(rows, communicator.rows(rows))

    def _time_batch(self) -> tuple[float, int]:
        """Seconds of a batch, and tokens of the text in the batches of all processes."""
        inputs, targets, weight = next(self._batches())
        self._evaluator.total_loss(inputs, targets, weight)  # builds the network
        start = time.perf_counter()
        self._evaluator.total_loss(inputs, targets, weight)
        seconds = max(time.perf_counter() - start, 1e-6)
        tokens = targets.size if self._rows else len(ids_of(inputs)) * self._settings.windows.step
        return seconds, tokens * self._backend.communicator.count
