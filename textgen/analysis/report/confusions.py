"""Which characters, or subwords, a network expects in place of others."""

from dataclasses import dataclass

import numpy as np

from textgen.analysis.report.trace import Trace
from textgen.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Confusion:
    """A token that a network expects in place of another one.

    Attributes:
        actual: The token in the text; empty for the end of a document, like the next one.
        expected: The other one.
        share: Mean probability of the other one in its places.
        times: How often the text has the actual one.
    """

    actual: str
    expected: str
    share: float
    times: int


def find_confusions(trace: Trace, vocabulary: Vocabulary, count: int = 12) -> list[Confusion]:
    """The pairs of tokens that take most probability from a text's tokens.

    Args:
        trace: A text that was read.
        vocabulary: The model's vocabulary.
        count: How many pairs to return.

    Returns:
        Pairs by the total probability lost to them, most first.
    """
    size = vocabulary.size
    actual, rows, times = np.unique(trace.ids[1:], return_inverse=True, return_counts=True)
    lost = np.zeros((len(actual), size), np.float32)  # no more rows than the text has tokens
    np.add.at(lost, rows, np.exp(trace.logs[:-1]))
    lost[np.arange(len(actual)), actual] = 0
    count = min(count, lost.size)
    best = np.argpartition(lost, lost.size - count, axis=None)[lost.size - count :]
    confusions = []
    for place in sorted(best.tolist(), key=lambda place: (-lost.flat[place], place)):
        row, expected = divmod(place, size)
        if lost[row, expected] > 0:
            names = vocabulary.decode([actual[row]]), vocabulary.decode([expected])
            share = float(lost[row, expected] / times[row])
            confusion = Confusion(*names, share, int(times[row]))
            confusions.append(confusion)
    return confusions
