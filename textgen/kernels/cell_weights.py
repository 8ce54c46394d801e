"""How the weights of a recurrent layer become one matrix, for each kind of cell.

A row of the batch is multiplied with all weights at once: its state, its input and a 1, side by
side. A GRU's third gate multiplies the state's part with another gate before it adds the input's,
so that it needs both sums; the parts of the matrix that are zero are skipped.

                LSTM, simple RNN                        GRU (reset_after)
              +------------------+          +-----------+-------+-------+-----------+
    state     | recurrent kernel |          |  U_h      |  U_z  |  U_r  |     0     |
    input     | kernel           |          |   0       |  W_z  |  W_r  |  W_h      |
    1         | bias             |          |  b_h      |  both biases  |  b_h      |
              +------------------+          +-----------+-------+-------+-----------+
                                             recurrent bias               input bias
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spans = npt.NDArray[np.int64]

LSTM, GRU, RNN = range(3)  # the numbers of the cells, for compiled code


@dataclass(frozen=True)
class CellWeights:
    """The weights of a kind of cell, in the matrix, and what its passes keep.

    Attributes:
        number: LSTM, GRU or RNN, for compiled code.
        gates: How many times `units` Keras's kernels are wide.
        shift: How many times `units` the kernel begins after the recurrent kernel, whose last gates
            come first.
        saved: Numbers for each unit that the pass back needs of each token.
        states: How many states there are.
        carries: Whether the pass back needs what a token changes: c of an LSTM, h of a GRU.
    """

    number: int
    gates: int
    shift: int = 0
    saved: int = 1
    states: int = 1
    carries: bool = True

    def shapes(self, width: int, units: int) -> list[tuple[int, ...]]:
        """Of Keras's kernel, recurrent kernel and bias, for an input of some width."""
        across = self.gates * units
        return [(width, across), (units, across), (2, across) if self.shift else (across,)]

    def columns(self, units: int) -> int:
        """Of the matrix, an even number of them; one too many is zero."""
        count = (self.gates + self.shift) * units
        return count + count % 2

    def join(self, weights: Sequence[Floats], joined: Floats) -> None:
        """Write Keras's kernel, recurrent kernel and bias into the matrix, whose rest is zero."""
        kernel, recurrent, bias = weights
        width, units = len(kernel), len(recurrent)
        start, end = self.shift * units, self.gates * units
        rest = end - start
        joined[:units, start:end], joined[:units, :start] = recurrent[:, :rest], recurrent[:, rest:]
        joined[units : units + width, start : start + end] = kernel
        biases = np.atleast_2d(bias)
        last = joined[units + width]
        last[start : start + end] = biases[0]
        if self.shift:
            last[start:end] += biases[1, :rest]
            last[:start] = biases[1, rest:]

    def split(self, gradients: Floats, units: int) -> tuple[Floats, Floats, Floats]:
        """Gradients of kernel, recurrent kernel and bias, from those of the matrix."""
        start, end = self.shift * units, self.gates * units
        recurrent, across = gradients[:units, :end], gradients[units:, start : start + end]
        kernel, bias = across[:-1], across[-1]
        if self.shift:
            recurrent = np.roll(recurrent, -start, axis=1)
            bias = np.stack([bias, np.roll(gradients[-1, :end], -start)])
        return kernel, recurrent, bias

    def spans(self, units: int, width: int, panel: int) -> tuple[Spans, Spans]:
        """The rows of each panel that are not all zero, from the first to the one after the last.

        Args:
            units: Of the layer.
            width: Of its input.
            panel: Columns of a panel.

        Returns:
            Those of the matrix, and of the matrix transposed, without the bias: each int64 of
            shape (panels, 2).
        """
        start, end, columns = self.shift * units, self.gates * units, self.columns(units)
        depth = units + width
        blocks = [
            (range(units), range(end)),
            (range(units, depth), range(start, start + end)),
        ]
        bias = (range(depth, depth + 1), range(columns))
        transposed = [(below, across) for across, below in blocks]
        return _spans([*blocks, bias], columns, panel), _spans(transposed, depth, panel)


def _spans(blocks: list[tuple[range, range]], columns: int, panel: int) -> Spans:
    """As `CellWeights.spans`, of a matrix that is zero outside these blocks of rows and columns."""
    spans = []
    for first in range(0, columns, panel):
        rows = [
            rows for rows, across in blocks if across.start < first + panel and first < across.stop
        ]
        spans.append((min(part.start for part in rows), max(part.stop for part in rows)))
    return np.array(spans, np.int64)


CELL_WEIGHTS = {
    "lstm": CellWeights(LSTM, gates=4, saved=5, states=2),
    "gru": CellWeights(GRU, gates=3, shift=1, saved=4),
    "rnn": CellWeights(RNN, gates=1, carries=False),
}
