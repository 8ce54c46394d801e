"""How probable the tokens of windows are under a network, each window read from a zero state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from textgen.sampling.blocks import cut_blocks
from textgen.sampling.context import Predictor
from textgen.sampling.network import Network
from textgen.sampling.scorer import (
    MAX_ROWS,
    Integers,
    OnTokens,
    Scorer,
    choose_scorers,
    score_rows,
)
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]

_BLOCK_TOKENS = 1 << 20  # read for a part of a text
_CALL_TOKENS = 1 << 18  # read at a time, at least one window in each row


@dataclass(frozen=True)
class Windows:
    """Windows of one or several texts.

    Attributes:
        ids: The texts' ids; each window ends before the last of them.
        starts: Where the windows start, shape (windows,).
        maxlen: Tokens read in each.
        label_ids: The labels of each window, shape (windows, fields); None for no labels.
    """

    ids: Ids
    starts: npt.NDArray[np.int64]
    maxlen: int
    label_ids: Integers | None = None


def score_windows(
    scorer: Scorer,
    windows: Windows,
    *,
    only_last: bool = False,
    on_tokens: OnTokens = lambda _: None,
) -> Doubles:
    """The log-probabilities of the tokens of windows, each read from a zero state.

    Args:
        scorer: Reads them.
        windows: The windows.
        only_last: Whether to predict only the token after the window.
        on_tokens: Called with how many more tokens were scored.

    Returns:
        The natural logarithms of the probabilities of the tokens after each token of a window,
        shape (windows, maxlen); or (windows, 1), of the token after the window.
    """
    ids, starts, maxlen = windows.ids, windows.starts, windows.maxlen
    label_ids = windows.label_ids
    width = 1 if only_last else maxlen
    logs = np.empty((len(starts), width))
    rows = min(scorer.capacity, max(1, len(starts)))
    each = max(1, _CALL_TOKENS // (rows * maxlen))  # windows in a row at a call
    steps, fields = np.arange(maxlen), 0 if label_ids is None else label_ids.shape[1]
    for first in range(0, len(starts), rows * each):
        part = starts[first : first + rows * each]
        count, active = len(part), min(rows, len(part))
        in_row = -(-count // active)
        padded = np.resize(part, in_row * active)  # the last ones are read for nothing
        is_counted = np.arange(in_row * active) < count
        places = padded[:, None] + steps
        targets = np.where(is_counted[:, None], ids[places + 1], -1)
        if only_last:
            targets[:, :-1] = -1
        resets = np.broadcast_to(steps == 0, places.shape)
        labels = None
        if label_ids is not None:
            each_window = np.resize(label_ids[first : first + count], (len(padded), fields))
            each_token = np.repeat(each_window.reshape(active, in_row, fields), maxlen, axis=1)
            labels = partial(_take_tokens, each_token)
        shape = active, in_row * maxlen
        scored = score_rows(
            scorer,
            ids[places].reshape(shape),
            targets.reshape(shape),
            resets.reshape(shape),
            labels,
            on_tokens,
        ).reshape(-1, maxlen)[:count]
        logs[first : first + count] = scored[:, -width:]
    return logs


def _take_tokens(label_ids: Integers, part: slice) -> Integers:
    return label_ids[:, part]


def score_by_windows(
    network: Predictor, maxlen: int, pieces: Iterable[Ids], on_tokens: OnTokens = lambda _: None
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each token of a text, given those before it in its window.

    Windows of `maxlen` tokens follow each other without overlap. Each is read from a zero state,
    and all its positions count. An incomplete window at the end is left out, unless it is the only
    one.

    Args:
        network: A trained network, or a mixture of several without windows.
        maxlen: Tokens predicted in a window.
        pieces: The text's ids, in pieces of any length.
        on_tokens: Called with how many more tokens were scored.

    Yields:
        For each part of the text, in order: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (windows, maxlen).
    """
    scorer = None
    for ids, _ in cut_blocks(pieces, max(1, _BLOCK_TOKENS // maxlen) * maxlen, 1):
        width, is_first = min(maxlen, len(ids) - 1), scorer is None
        if scorer is None:
            scorer = choose_scorers(network, len(ids))(MAX_ROWS)
        if width < 1 or (width < maxlen and not is_first):
            return
        starts = np.arange((len(ids) - 1) // width) * width
        targets = ids[starts[:, None] + np.arange(1, width + 1)].astype(np.int64)
        yield targets, score_windows(scorer, Windows(ids, starts, width), on_tokens=on_tokens)


def score_from_windows(
    network: Network, maxlen: int, pieces: Iterable[Ids], on_tokens: OnTokens = lambda _: None
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each token of a text but the first, given exactly the last `maxlen`.

    The first ones are given all tokens before them. That is how a model trained on windows
    predicts.

    Args:
        network, maxlen, pieces, on_tokens: As for `score_by_windows`.

    Yields:
        For each part of the text, in order: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (tokens,).
    """
    scorer = None
    for ids, _ in cut_blocks(pieces, max(1, _BLOCK_TOKENS // maxlen), maxlen):
        if scorer is None:
            scorer = choose_scorers(network, len(ids) * maxlen)(MAX_ROWS)
            width = min(maxlen, len(ids) - 1)
            if width > 0:
                starts = np.zeros(1, np.int64)
                logs = score_windows(scorer, Windows(ids, starts, width), on_tokens=on_tokens)[0]
                # The last of these is the first that has a whole window before it.
                keep = width if width < maxlen else width - 1
                yield ids[1 : keep + 1].astype(np.int64), logs[:keep]
        starts = np.arange(max(0, len(ids) - maxlen))
        if len(starts):
            logs = score_windows(
                scorer, Windows(ids, starts, maxlen), only_last=True, on_tokens=on_tokens
            )
            yield ids[maxlen:].astype(np.int64), logs[:, 0]
