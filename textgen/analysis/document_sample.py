"""Random documents, where scoring all of them would take too long."""

import heapq
from collections.abc import Iterable

import numpy as np

from textgen.analysis.document_reader import Document


def sample_documents(
    documents: Iterable[Document], max_tokens: float, max_documents: int
) -> tuple[list[Document], int]:
    """Choose documents at random; the same ones each time.

    No more than these are held in memory.

    Args:
        documents: All documents, which are read once.
        max_tokens: Tokens of all that are chosen, at most; but one document is always chosen.
        max_documents: Documents, at most.

    Returns:
        Those that are chosen, in their order; and how many documents there are.
    """
    generator = np.random.default_rng(0)
    heap: list[tuple[float, int, Document]] = []  # the lowest priority first
    tokens = total = 0
    for document in documents:
        heapq.heappush(heap, (float(generator.random()), total, document))
        total += 1
        tokens += len(document.ids)
        while len(heap) > max_documents or (tokens > max_tokens and len(heap) > 1):
            _, _, left_out = heapq.heappop(heap)
            tokens -= len(left_out.ids)
    return [document for _, _, document in sorted(heap, key=lambda item: item[1])], total
