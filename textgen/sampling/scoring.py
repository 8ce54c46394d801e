"""How probable a text is under a network: its cross-entropy, which training minimizes."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from textgen.sampling.context import Predictor
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.readers import Reader
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]

_BLOCK = 1 << 18  # logits in memory at a time
_MAX_ROWS, _MAX_BATCH_CHARACTERS = 256, 1_000_000  # of windows read side by side


def score_in_order(
    reader: Reader, vocabulary_size: int, pieces: Iterable[Ids]
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each character of a text except the first, given those before it.

    Args:
        reader: Of shape (), in its zero state, with carried state or windows.
        vocabulary_size: Number of ids.
        pieces: The text's ids, in pieces of any length.

    Yields:
        For each part of the text, in order: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (characters,).
    """
    block = max(1, _BLOCK // vocabulary_size)
    logits = np.empty((block, vocabulary_size), np.float32)
    step, before = reader.step, None
    for piece in pieces:
        if not len(piece):
            continue
        ids = piece if before is None else np.concatenate([[before], piece])
        before = ids[-1]
        for first in range(0, len(ids) - 1, block):
            part = ids[first : first + block + 1].tolist()
            for place, character_id in enumerate(part[:-1]):
                logits[place] = step(character_id)
            count = len(part) - 1
            targets = np.array(part[1:], np.int64)
            yield targets, log_probabilities(logits[:count])[np.arange(count), targets]


def spread(logs: Doubles, lengths: npt.NDArray[np.int64]) -> Doubles:
    """Spread the log-probabilities of tokens evenly over their characters.

    Args:
        logs: Shape (tokens,).
        lengths: How many characters each token is, shape (tokens,).

    Returns:
        Shape (characters,).

    Example:
        >>> spread(np.array([-1.0, -3.0]), np.array([1, 2])).tolist()
        [-1.0, -1.5, -1.5]
    """
    return np.repeat(logs / lengths, lengths)


def score_by_windows(
    network: Predictor, maxlen: int, pieces: Iterable[Ids]
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each character of a text, given those before it in its window.

    Windows of `maxlen` characters follow each other without overlap. Each is read from a zero
    state, and all its positions count. An incomplete window at the end is left out, unless it is
    the only one.

    Args:
        network: A trained network, or a mixture of several without windows.
        maxlen: Characters predicted in a window.
        pieces: The text's ids, in pieces of any length.

    Yields:
        For each part of the text, in order: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (windows, maxlen).
    """
    batch = window_batch_size(maxlen)
    parts, count, scored = list[Ids](), 0, False
    for piece in pieces:
        parts.append(piece)
        count += len(piece)
        if count <= batch * maxlen:
            continue
        ids = np.concatenate(parts)
        while (len(ids) - 1) // maxlen >= batch:
            yield score_windows(network, ids, np.arange(batch) * maxlen, maxlen)
            ids, scored = ids[batch * maxlen :], True
        parts, count = [ids], len(ids)
    ids = np.concatenate([np.empty(0, np.int64), *parts])
    rows = (len(ids) - 1) // maxlen
    if rows > 0:
        yield score_windows(network, ids, np.arange(rows) * maxlen, maxlen)
    elif len(ids) > 1 and not scored:
        yield score_windows(network, ids, np.zeros(1, np.int64), len(ids) - 1)


def window_batch_size(maxlen: int) -> int:
    """How many windows to read side by side."""
    return max(1, min(_MAX_ROWS, _MAX_BATCH_CHARACTERS // maxlen))


def score_windows(
    network: Predictor, ids: Ids, starts: npt.NDArray[np.int64], maxlen: int
) -> tuple[npt.NDArray[np.int64], Doubles]:
    """The log-probabilities of the characters of windows, each read from a zero state.

    Args:
        network: A trained network, or a mixture of several without windows.
        ids: A text's ids; each window ends before the last of them.
        starts: Where the windows start, shape (windows,).
        maxlen: Characters predicted in each.

    Returns:
        The ids that are predicted, and the natural logarithms of their probabilities, both of
        shape (windows, maxlen).
    """
    reader, rows = network.reader(starts.shape), np.arange(len(starts))
    targets = np.asarray(ids[starts[:, None] + np.arange(1, maxlen + 1)], np.int64)
    logs = np.empty(targets.shape)
    for place in range(maxlen):
        logits = reader.step(ids[starts + place])
        logs[:, place] = log_probabilities(logits)[rows, targets[:, place]]
    return targets, logs
