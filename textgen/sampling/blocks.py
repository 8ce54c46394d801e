"""A text that arrives in pieces becomes blocks of one size."""

from collections.abc import Iterable, Iterator

import numpy as np

from textgen.text.vocabulary import Ids


def cut_blocks(pieces: Iterable[Ids], length: int, shared: int) -> Iterator[tuple[Ids, bool]]:
    """Cut a text into blocks.

    Args:
        pieces: Its ids, in pieces of any length.
        length: How far the starts of blocks are apart.
        shared: How many ids at its end a block shares with the next one.

    Yields:
        The ids of a block, `length + shared` but in the last block, which has 0 or more; and
        whether it is the last one.

    Example:
        >>> blocks = cut_blocks([np.arange(3), np.arange(3, 6)], 2, 1)
        >>> [(ids.tolist(), is_last) for ids, is_last in blocks]
        [([0, 1, 2], False), ([2, 3, 4], False), ([4, 5], True)]
    """
    parts, count, size = list[Ids](), 0, length + shared
    for piece in pieces:
        parts.append(piece)
        count += len(piece)
        if count <= size:
            continue
        ids, first = np.concatenate(parts), 0
        while len(ids) - first > size:
            yield ids[first : first + size], False
            first += length
        parts, count = [ids[first:]], len(ids) - first
    yield np.concatenate([np.empty(0, np.int64), *parts]), True
