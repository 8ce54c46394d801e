"""Documents for tests, as a prepared corpus has them."""

from itertools import pairwise

import numpy as np

from textgen.text.documents.index import DocumentPart

END = 60


def make_documents(lengths, label_ids=None) -> tuple[np.ndarray, DocumentPart]:
    """Ids of documents of these lengths, none of which has its END twice; and where they are.

    Args:
        lengths: Tokens of each document.
        label_ids: Shape (documents, fields); None for no labels.
    """
    generator = np.random.default_rng(len(lengths))
    starts = np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64) + 1)]) + 1
    ids = generator.integers(0, END, starts[-1]).astype(np.uint8)
    ids[starts - 1] = END
    if label_ids is None:
        label_ids = np.zeros((len(lengths), 0), np.uint8)
    return ids, DocumentPart(starts, np.asarray(label_ids, np.uint8))


def split(ids) -> list[tuple[int, ...]]:
    """The documents in packed ids, without their ENDs."""
    ends = np.flatnonzero(np.asarray(ids) == END)
    return [tuple(ids[a + 1 : b].tolist()) for a, b in pairwise(ends)]
