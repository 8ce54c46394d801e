"""How probable the tokens of a long text are under a network that carries its state through it.

One stream, from beginning to end, uses a fraction of a processor. So a text is cut into blocks, and
a block into streams that are read side by side. Each of them but the first starts from a zero
state, without what is before it. The stream before it therefore reads on, past its own end, until
both remember the same: all that follows is then the same, too. What a stream predicted before that
is replaced by what the stream before it predicts there.

    text      |---------|---------|---------|
    stream 0  =============
    stream 1            ..===========           . is replaced
    stream 2                      ..=========

A network may remember for ever, or for very long. Where two streams do not agree after some
thousand tokens, the earlier one reads the rest of the block by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from textgen.sampling.blocks import cut_blocks
from textgen.sampling.network import Network
from textgen.sampling.scorer import (
    MAX_ROWS,
    OnTokens,
    Scorer,
    choose_scorers,
    score_rows,
)
from textgen.text.vocabulary import Ids

# Of h and tanh(c): the difference of two streams that remember the same. After 300 characters, that
# of trained networks is 1e-6, which is rounding.
_TOLERANCE = 1e-3
_LONGEST = 4096  # tokens of each stream in a block
_SHORTEST = 512
# Where streams are compared: after so many tokens of the later one.
_CHECKS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
_MIN_TOKENS = 1 << 14  # a shorter text is read in one stream
_MAX_FAILURES = 2  # blocks in a row whose streams did not agree


@dataclass
class Streams:
    """In which streams a text was read.

    Attributes:
        count: The most that were read side by side.
        context: The fewest tokens of context before a prediction of a later stream; None with one
            stream.
        long_memory: Tokens that were read in one stream because the network remembers for long.
    """

    count: int = 1
    context: int | None = None
    long_memory: int = 0

    def add(self, count: int, context: int) -> None:
        """Add a block."""
        self.count = max(self.count, count)
        self.context = context if self.context is None else min(self.context, context)


class TextScoring:
    """Scores a text in order.

    Args:
        network: A trained network.
        exact: Whether to read one stream.
        on_tokens: Called with how many more tokens were scored.

    Attributes:
        streams: In which streams it was read so far.
    """

    def __init__(
        self, network: Network, *, exact: bool = False, on_tokens: OnTokens = lambda _: None
    ):
        self._network, self._on_tokens = network, on_tokens
        self._is_exact = exact
        self._failures = 0
        self.streams = Streams()

    def score(
        self, pieces: Iterable[Ids]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """The log-probability of each token of a text but the first, given all before it.

        Args:
            pieces: The text's ids, in pieces of any length.

        Yields:
            For each part of the text, in order: the ids that are predicted, and the natural
            logarithms of their probabilities, both of shape (tokens,).
        """
        scorer, last = None, 0
        for ids, _ in cut_blocks(pieces, MAX_ROWS * _LONGEST, 1):
            if len(ids) < 2:
                return
            if scorer is None:
                scorer = choose_scorers(self._network, len(ids))(MAX_ROWS)
            else:
                scorer.move(last, 0)
            inputs, targets = ids[:-1], ids[1:].astype(np.int64)
            is_long = len(inputs) >= (_MIN_TOKENS if self.streams.count == 1 else 4 * _SHORTEST)
            has_failed = self._failures == _MAX_FAILURES
            if self._is_exact or has_failed or not is_long:
                logs, last = self._read_one(scorer, inputs, targets), 0
                self.streams.long_memory += len(inputs) if has_failed else 0
            else:
                logs, last = self._read_streams(scorer, inputs, targets)
            yield targets, logs.astype(np.float64)

    def _read_one(self, scorer: Scorer, inputs: Ids, targets: Ids) -> npt.NDArray[np.float32]:
        """Read a part of the text in the first row."""
        logs = score_rows(scorer, inputs[None], targets[None], on_tokens=self._on_tokens)
        return logs.reshape(-1)

    def _read_streams(
        self, scorer: Scorer, inputs: Ids, targets: Ids
    ) -> tuple[npt.NDArray[np.float32], int]:
        """Read a block in several rows, the first of which has the state before it.

        Returns:
            The log-probabilities, and the row that has the state after the block.
        """
        length = max(_SHORTEST, -(-len(inputs) // MAX_ROWS))  # of a stream
        rows = -(-len(inputs) // length)
        checks = [check for check in _CHECKS if check <= length]
        overlap = checks[-1]
        padding = np.full(rows * length + overlap - len(inputs), -1)
        padded = np.concatenate([inputs, np.maximum(padding, 0)])
        wanted = np.concatenate([targets, padding])
        logs = np.empty((rows, length), np.float32)
        resets = np.zeros((rows, length), np.bool_)
        resets[1:, 0] = True
        later = list[npt.NDArray[np.float32]]()  # what streams remember after each check
        main = (rows, length)
        in_rows, wanted_rows = (array[: rows * length].reshape(main) for array in (padded, wanted))
        for first, last in _ranges([0, *checks, length]):
            part = slice(first, last)
            logs[:, part] = score_rows(
                scorer,
                in_rows[:, part],
                wanted_rows[:, part],
                resets[:, part],
                None,
                self._on_tokens,
            )
            if last in checks:
                later.append(scorer.states(rows))
        # The last row keeps the state after the block; the others read on.
        ahead = length + np.arange(rows - 1)[:, None] * length + np.arange(overlap)
        for number, (first, last) in enumerate(_ranges([0, *checks])):
            places = ahead[:, first:last]
            logs[1:, first:last] = scorer.score(padded[places], wanted[places])
            difference = np.abs(scorer.states(rows - 1) - later[number][1:]).max(axis=1)
            agree = difference <= _TOLERANCE  # not where a state is not a number
            if agree.all():
                self._failures = 0
                self.streams.add(rows, last)
                return logs.reshape(-1)[: len(inputs)], rows - 1
        return self._read_rest(scorer, logs, (padded, wanted), int(np.argmin(agree)))

    def _read_rest(
        self,
        scorer: Scorer,
        logs: npt.NDArray[np.float32],
        padded: tuple[Ids, Ids],
        stream: int,
    ) -> tuple[npt.NDArray[np.float32], int]:
        """Read the rest of a block in one stream, the first that the next one does not agree with.

        Args:
            scorer: Its first rows have read their streams, and further by the longest check.
            logs: What was read, shape (streams, tokens).
            padded: The block's inputs and targets, and then as many as the longest check.
            stream: The number of the stream.
        """
        inputs, targets = padded
        flat, size = logs.reshape(-1), logs.size
        overlap = len(inputs) - size
        begin = (stream + 1) * logs.shape[1] + overlap
        scorer.move(stream, 0)
        wanted = targets[begin:size]
        if len(wanted):
            flat[begin:] = score_rows(scorer, inputs[None, begin:size], wanted[None])[0]
        self._failures += 1
        self.streams.long_memory += int((wanted >= 0).sum())
        if stream:
            self.streams.add(stream + 1, overlap)
        return flat[: np.count_nonzero(targets >= 0)], 0


def _ranges(bounds: list[int]) -> Iterator[tuple[int, int]]:
    """The ranges between bounds, without empty ones."""
    return ((first, last) for first, last in pairwise(bounds) if first < last)
