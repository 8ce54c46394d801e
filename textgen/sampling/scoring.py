"""How probable a text is under a network: the loss that training lowers, of any text.

Knows ids and networks; knows nothing of characters, files or models on disk.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network, Reader
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]

_BLOCK = 1 << 18  # logits kept at a time
_ROWS, _AT_ONCE = 256, 1_000_000  # windows read side by side, and characters of all of them


def score_in_order(
    reader: Reader, size: int, pieces: Iterable[Ids]
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each character of a text but the first, given all before it.

    Args:
        reader: Of shape (), in its zero state; carried or by windows.
        size: The vocabulary's size.
        pieces: The text's ids, in pieces of any length.

    Yields:
        For one part of the text after the other: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (characters,).
    """
    room = max(1, _BLOCK // size)
    logits = np.empty((room, size), np.float32)
    step, before = reader.step, None
    for piece in pieces:
        if not len(piece):
            continue
        ids = piece if before is None else np.concatenate([[before], piece])
        before = ids[-1]
        for first in range(0, len(ids) - 1, room):
            part = ids[first : first + room + 1].tolist()
            for place, one in enumerate(part[:-1]):
                logits[place] = step(one)
            count = len(part) - 1
            targets = np.array(part[1:], np.int64)
            yield targets, log_probabilities(logits[:count])[np.arange(count), targets]


def score_by_windows(
    network: Network, maxlen: int, pieces: Iterable[Ids]
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles]]:
    """The log-probability of each character of a text, given those before it in its window.

    Windows of `maxlen` characters follow each other without overlap, each is read from a zero
    state, and every position of each counts. A last window that the text does not fill is left
    out, unless it is the only one.

    Args:
        network: A trained network.
        maxlen: Characters predicted in a window.
        pieces: The text's ids, in pieces of any length.

    Yields:
        For one part of the text after the other: the ids that are predicted, and the natural
        logarithms of their probabilities, both of shape (windows, maxlen).
    """
    most = window_batch_size(maxlen)
    parts, count, whole = list[Ids](), 0, False
    for piece in pieces:
        parts.append(piece)
        count += len(piece)
        if count <= most * maxlen:
            continue
        held = np.concatenate(parts)
        while (len(held) - 1) // maxlen >= most:
            yield score_windows(network, held, np.arange(most) * maxlen, maxlen)
            held, whole = held[most * maxlen :], True
        parts, count = [held], len(held)
    held = np.concatenate([np.empty(0, np.int64), *parts])
    rows = (len(held) - 1) // maxlen
    if rows > 0:
        yield score_windows(network, held, np.arange(rows) * maxlen, maxlen)
    elif len(held) > 1 and not whole:
        yield score_windows(network, held, np.zeros(1, np.int64), len(held) - 1)


def window_batch_size(maxlen: int) -> int:
    """How many windows are best read at the same time."""
    return max(1, min(_ROWS, _AT_ONCE // maxlen))


def score_windows(
    network: Network, ids: Ids, starts: npt.NDArray[np.int64], maxlen: int
) -> tuple[npt.NDArray[np.int64], Doubles]:
    """The log-probabilities of the characters of windows, each read from a zero state.

    Args:
        network: A trained network.
        ids: A text's ids; a window ends one character before the text does, or sooner.
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
