"""The tokens of a vocabulary as sequences of classes: those with the same sequence are one node."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt


class Trie:
    """Sequences of classes, each a node after its beginning.

    Args:
        sequences: A sequence for each token; None for a token that must not be chosen.

    Attributes:
        nodes: The node of each token, shape (tokens,); -1 without. Node 0 is the empty sequence.
        depth: The length of the longest sequence.

    Example:
        >>> trie = Trie([(0,), (0, 1), None, (0, 1)])
        >>> list(trie.children()), trie.nodes.tolist()
        ([(0, 0, 1), (1, 1, 2)], [1, 2, -1, 2])
    """

    def __init__(self, sequences: Iterable[Sequence[int] | None]):
        self._numbers: dict[tuple[int, int], int] = {}
        self._depths = [0]
        nodes = [-1 if each is None else self._add(each) for each in sequences]
        self.nodes: npt.NDArray[np.int64] = np.array(nodes, np.int64)
        self.depth = max(self._depths)

    def children(self) -> Iterator[tuple[int, int, int]]:
        """Of each node but the first the node of its beginning, its last class and its length."""
        for (parent, number), depth in zip(self._numbers, self._depths[1:], strict=True):
            yield parent, number, depth

    def _add(self, sequence: Sequence[int]) -> int:
        node = 0
        for number in sequence:
            after = self._numbers.setdefault((node, number), len(self._depths))
            if after == len(self._depths):
                self._depths.append(self._depths[node] + 1)
            node = after
        return node
