"""How probable a text is under a network: its cross-entropy, which training minimizes."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from textgen.sampling.decoding import log_probabilities
from textgen.sampling.readers import Reader
from textgen.text.vocabulary import Ids

Doubles = npt.NDArray[np.float64]

_BLOCK = 1 << 18  # logits in memory at a time


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
