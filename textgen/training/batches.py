"""The batches that a training reads, one epoch after the other: carried streams, or shuffled
windows.

Batches are NumPy arrays handed to each step; there is no data pipeline to wait for. They follow
from the random seed and their position alone, so a resumed training reads the same ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.compute.backend import Backend
from textgen.errors import CorpusError
from textgen.settings import Settings
from textgen.text.batches import Batch, Inputs, add_noise, draw_state_mask, ids_of
from textgen.text.streams import Streams
from textgen.training import data
from textgen.training.data import TrainingData

# Most starts are learned late, since a network learns to read sooner from streams that nothing
# interrupts; and most people start a text where a line starts. docs/NOTES.md has what else was
# tried.
_RESET_GROWTH = 3  # the power of the share of a training with which resets grow more frequent
_RESET_LINE_STARTS = 30  # times as often where a line starts: half of all resets, about


@dataclass(frozen=True)
class TrainingBatch:
    """What one step reads.

    Attributes:
        inputs: Ids, shape (rows, maxlen), perhaps with labels.
        targets: Ids, shape (rows,) or (rows, maxlen).
        characters: How many are read.
        characters_per_token: Of the targets; of the whole corpus, where several processes share
            the batch.
        line_starts: Which rows start where a line does, shape (rows,): their first character is a
            line end, or follows one in its stream.
        starts_epoch: Whether an epoch starts with it.
    """

    inputs: Inputs
    targets: npt.NDArray[Any]
    characters: int
    characters_per_token: float
    line_starts: npt.NDArray[np.bool_]
    starts_epoch: bool


class Batches:
    """The batches of one epoch after the other.

    Args:
        text: The text of the training.
        settings: All settings.
        backend: The processes, each of which reads a part of every batch, and their devices.

    Attributes:
        rows: Rows of a batch, of all processes.
        steps_per_epoch: Batches of an epoch.

    Raises:
        CorpusError: there are fewer windows than devices.
    """

    def __init__(self, text: TrainingData, settings: Settings, backend: Backend):
        self._text, self._settings = text, settings
        self._line_end = int(text.vocabulary.encode("\n")[0])  # -1, which is no id, without one
        self._communicator, self._sharding = backend.communicator, backend.sharding
        # The batches of an epoch, by its number from 1, from some batch on.
        self._epoch: Callable[[int, int], Iterator[Batch]]
        if settings.training.carry_state:
            self._read_streams()
        else:
            self._read_windows()

    def _read_streams(self) -> None:
        config, maxlen = self._settings.training, self._settings.windows.maxlen
        part = self._text.training_part
        self.rows = config.batch_size
        self.steps_per_epoch = (len(part) - 1) // self.rows // maxlen
        # Each epoch of a continuous text is cut at other positions; documents are in another order.
        # All epochs have the same number of steps.
        is_shifted = part.documents is None and self.rows > 1 and self.steps_per_epoch > 1
        self.steps_per_epoch -= is_shifted

        @lru_cache(maxsize=1)  # the order of ten million documents takes a second
        def streams_of(number: int) -> Streams:
            return data.streams(part, self._settings, self._communicator, number)

        def epoch(number: int, first: int) -> Iterator[Batch]:
            generator = np.random.default_rng((config.random_seed, number))
            offset = int(generator.integers(maxlen)) if is_shifted else 0
            batches = streams_of(number).full_batches(offset, first)
            return islice(batches, self.steps_per_epoch - first)

        self._epoch = epoch

    def _read_windows(self) -> None:
        config, part = self._settings.training, self._text.training_part
        number_of_windows = len(data.windows(part.ids, self._settings))
        self.rows = self._sharding.whole_rows(min(config.batch_size, number_of_windows))
        if not self.rows:
            raise CorpusError(
                f"{number_of_windows} windows are too few for {self._sharding.count} devices; give "
                "more text"
            )
        self.steps_per_epoch = number_of_windows // self.rows

        def epoch(number: int, first: int) -> Iterator[Batch]:
            seed = config.random_seed, number
            windows = data.windows(part.ids, self._settings, part.labels(seed))
            rows = self._communicator.rows(self.rows)
            return windows.shuffled_batches(self.rows, seed, first, rows)

        self._epoch = epoch

    def first(self) -> Batch:
        """The first batch of the first epoch."""
        return next(self._epoch(1, 0))

    def after(self, steps: int) -> Iterator[TrainingBatch]:
        """All batches from the one that follows so many steps."""
        number, first = divmod(steps, self.steps_per_epoch)
        count = self._text.vocabulary.count_characters
        while True:
            number += 1
            start = max(0, first - 1)  # one batch more, for the characters that it ends with
            last_characters = None
            for index, (x, y, _) in enumerate(self._epoch(number, start), start):
                ids = ids_of(x)
                if index >= first:
                    line_starts = ids[:, 0] == self._line_end
                    if last_characters is not None:
                        line_starts |= last_characters == self._line_end
                    lengths = count(ids), self._characters_per_token(y)
                    x = self._add_noise(x, number, index)
                    yield TrainingBatch(x, y, *lengths, line_starts, index == 0)
                last_characters = ids[:, -1]
            first = 0

    def _characters_per_token(self, targets: npt.NDArray[Any]) -> float:
        if self._communicator.count > 1:  # which read other rows, perhaps of longer tokens
            return self._text.characters_per_token
        return self._text.vocabulary.count_characters(targets) / targets.size

    def _add_noise(self, x: Inputs, epoch: int, index: int) -> Inputs:
        config = self._settings.training
        if not config.noise:
            return x
        rows = self._communicator.rows(self.rows)
        seed = (config.random_seed, epoch, index)
        document_end = self._text.vocabulary.document_end_id
        ids = add_noise(ids_of(x), config.noise, seed, self.rows, rows, document_end)
        return [ids, *x[1:]] if isinstance(x, list) else ids

    def state_mask(
        self, batch: TrainingBatch, step: int, done: float
    ) -> npt.NDArray[np.float32] | None:
        """Which rows keep their carried state in a step; the others start from a zero state.

        Args:
            batch: What the step reads.
            step: Steps before this one.
            done: The share of the training that is done.

        Returns:
            float32 of shape (rows, 1): 1 for a row that keeps its state, else 0; None if all do.
        """
        config = self._settings.training
        if not config.carry_state or not config.state_reset:
            return None
        probability = config.state_reset * done**_RESET_GROWTH
        at_line_starts = min(1.0, _RESET_LINE_STARTS * probability)
        probabilities = np.where(batch.line_starts, at_line_starts, probability)
        # The last number keeps these draws apart from those of batches.
        seed = (config.random_seed, step, 2)
        mask = draw_state_mask(probabilities, seed, self.rows, self._communicator.rows(self.rows))
        return None if mask.all() else mask
