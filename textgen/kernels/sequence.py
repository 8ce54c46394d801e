"""One recurrent layer over a batch of sequences on a CPU: NumPy arrays in, NumPy arrays out.

Keras runs a CPU's layer as a loop of small operations for each token, some forty of an LSTM, which
take longer than the arithmetic in them. Here a whole sequence is one operation each way
(passes.py), in which each thread has some of the batch's rows, or of the weights' columns, and the
weights are packed once (gemm.py).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.kernels.cell_weights import CELL_WEIGHTS
from textgen.kernels.threads import run_in_threads

Floats = npt.NDArray[np.float32]


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    from textgen.kernels import simd  # it takes a while to import

    return simd.has_bfloat16()


class SequenceKernel:
    """One recurrent layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are allocated again when shapes change. Notation as in keras.layers, where gates
    lie side by side in the last axis. Arrays are (tokens, rows, ...) inside, so what a step works
    on lies together.

    Args:
        cell: `lstm`, `gru` or `rnn`: keras.layers.LSTM, GRU with `reset_after`, or SimpleRNN.
        bfloat16: Whether products are of numbers rounded to bfloat16.

    Example:
        >>> kernel = SequenceKernel("lstm")
        >>> x, state = np.ones((2, 5, 3), np.float32), np.zeros((2, 4), np.float32)
        >>> weights = [np.ones(shape, np.float32) for shape in kernel.cell.shapes(3, 4)]
        >>> outputs, h, c = kernel.forward(x, (state, state), weights)
        >>> outputs.shape, [gradient.shape for gradient in kernel.backward(outputs)]
        ((2, 5, 4), [(2, 5, 3), (3, 16), (4, 16), (16,)])
    """

    def __init__(self, cell: str, *, bfloat16: bool = False) -> None:
        # They take a while to import.
        from textgen.kernels import packing, passes, simd

        self.cell = CELL_WEIGHTS[cell]
        self._passes, self._packing, self._simd = passes, packing, simd
        self._kind = simd.BFLOAT16 if bfloat16 else simd.FLOAT32
        self._shape = (0, 0, 0, 0)

    def forward(
        self,
        x: Floats,
        states: Sequence[Floats],
        weights: Sequence[Floats],
        keep: Floats | None = None,
    ) -> tuple[Floats, ...]:
        """Outputs of all tokens, and the states after the last.

        Args:
            x: Inputs, shape (rows, tokens, width).
            states: Before the first token, each of shape (rows, units): h, and c of an LSTM.
            weights: Kernel, recurrent kernel and bias, of shape (width, gates * units), (units,
                gates * units) and (gates * units,), or (2, gates * units) of a GRU.
            keep: What a row's states are multiplied by before each token, shape (rows, tokens):
                0 where a text begins, 1 elsewhere; None for 1 everywhere.

        Returns:
            Outputs of shape (rows, tokens, units), and states of shape (rows, units).
        """
        rows, tokens, width = x.shape
        units = len(weights[1])
        self._allocate(rows, tokens, units, width)
        packed, cell = self._packed, self.cell
        cell.join(weights, self._weights)
        run_in_threads(len(packed), 1, partial(self._packing.pack, self._weights, packed))
        self._keep[...] = 1 if keep is None else keep
        if cell.carries:
            self._states[0] = states[-1]
        outputs = np.empty((rows, tokens, units), np.float32)
        results = self._states, self._lanes, self._inputs, self._saved, outputs
        arrays = packed, self._spans, x, self._keep, states[0], *results
        forward = partial(self._passes.forward, cell.number, *arrays)
        run_in_threads(rows, self._simd.ROWS // 2, forward)
        others = [self._states[tokens].copy()] if cell.states > 1 else []
        return outputs, outputs[:, -1].copy(), *others

    def backward(self, outputs: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Gradients, from that of the outputs; none flows in from the state after the last token.

        Args:
            outputs: Gradient of the outputs, shape (rows, tokens, units).

        Returns:
            Gradients of x, kernel, recurrent kernel and bias, in the shapes that `forward` takes.

        Raises:
            ValueError: the outputs of the last `forward` have another shape.
        """
        rows, tokens, units, width = self._shape
        if outputs.shape != (rows, tokens, units):
            raise ValueError(f"a gradient of shape {outputs.shape} for outputs of {self._shape}")
        passes, simd, cell = self._passes, self._simd, self.cell
        packed, inputs, d_gates = self._packed_transposed, self._inputs, self._gate_gradients
        weights = self._weights[: units + width]
        run_in_threads(len(packed), 1, partial(self._packing.pack_transposed, weights, packed))
        dx = np.empty((rows, tokens, width), np.float32)
        arrays = packed, self._spans_transposed, self._keep, self._states, self._saved, outputs
        results = self._lanes_back, self._sums, d_gates, dx
        backward = partial(passes.backward, cell.number, *arrays, *results)
        run_in_threads(rows, simd.ROWS // 2, backward)
        shape = (len(inputs), len(d_gates) * simd.COLUMNS)
        gradients = self._packing.aligned_zeros(shape, np.float32)
        d_weights = partial(passes.weight_gradients, inputs, d_gates, self._spans, gradients)
        run_in_threads(len(d_gates), 1, d_weights)
        return dx, *cell.split(gradients, units)

    def _allocate(self, rows: int, tokens: int, units: int, width: int) -> None:
        """Allocate arrays for these shapes, unless they are there."""
        if self._shape == (rows, tokens, units, width):
            return
        self._shape = (0, 0, 0, 0)  # where memory is short, until it is there
        panels, rows_in_lanes = self._packing.allocate_panels, self._packing.allocate_rows
        kind, panel, cell = self._kind, self._simd.COLUMNS, self.cell

        def zeros(*shape: int) -> Any:
            return self._packing.aligned_zeros(shape, np.float32)

        # Sums are over even numbers, as bfloat16 goes in pairs; what is too many is zero.
        depth, steps, columns = _even(units + width + 1), tokens * _even(rows), cell.columns(units)
        self._keep = zeros(rows, tokens)
        self._weights = zeros(depth, columns)
        self._packed = panels(depth, columns, kind)
        self._packed_transposed = panels(columns, units + width, kind)
        self._spans, self._spans_transposed = cell.spans(units, width, panel)
        self._lanes = rows_in_lanes(rows, depth, kind)
        self._lanes_back = rows_in_lanes(rows, columns, kind)
        self._sums = zeros(rows, len(self._packed_transposed) * panel)
        self._inputs = rows_in_lanes(units + width + 1, steps, kind)
        self._gate_gradients = panels(steps, columns, kind)
        self._saved = zeros(tokens, rows, max(len(self._packed) * panel, cell.saved * units))
        self._states = zeros(tokens + 1, rows, units if cell.carries else 0)
        self._shape = (rows, tokens, units, width)


def _even(number: int) -> int:
    return number + number % 2
