"""One LSTM layer over a batch of sequences on a CPU: NumPy arrays in, NumPy arrays out.

Keras runs a CPU's LSTM as a loop of some forty small operations for each token, which takes longer
than the arithmetic in them. Here a whole sequence is one operation each way (lstm.py), in which
each thread has some of the batch's rows, or of the weights' columns, and the weights are packed
once (gemm.py).
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.kernels.threads import run_in_threads

Floats = npt.NDArray[np.float32]


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    from textgen.kernels import simd  # it takes a while to import

    return simd.has_bfloat16()


class SequenceKernel:
    """One LSTM layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are allocated again when shapes change. Notation as in keras.layers.LSTM, whose
    gates i, f, c, o lie side by side in the last axis. Arrays are (tokens, rows, ...) inside, so
    what a step works on lies together.

    Args:
        bfloat16: Whether products are of numbers rounded to bfloat16.

    Example:
        >>> kernel = SequenceKernel()
        >>> x, state = np.ones((2, 5, 3), np.float32), np.zeros((2, 4), np.float32)
        >>> weights = np.ones((3, 16), np.float32), np.ones((4, 16), np.float32)
        >>> outputs, h, c = kernel.forward(x, state, state, *weights, np.zeros(16, np.float32))
        >>> outputs.shape, [gradient.shape for gradient in kernel.backward(outputs)]
        ((2, 5, 4), [(2, 5, 3), (3, 16), (4, 16), (16,)])
    """

    def __init__(self, *, bfloat16: bool = False) -> None:
        # They take a while to import.
        from textgen.kernels import lstm, packing, simd

        self._lstm, self._packing, self._simd = lstm, packing, simd
        self._kind = simd.BFLOAT16 if bfloat16 else simd.FLOAT32
        self._shape = (0, 0, 0, 0)

    def forward(
        self, x: Floats, h: Floats, c: Floats, *weights: Floats, keep: Floats | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Outputs of all tokens, and the state after the last.

        Args:
            x: Inputs, shape (rows, tokens, width).
            h, c: The state before the first token, shape (rows, units).
            weights: Kernel, recurrent kernel and bias, of shape (width, 4 units), (units, 4 units)
                and (4 units,).
            keep: What a row's h and c are multiplied by before each token, shape (rows, tokens):
                0 where a text begins, 1 elsewhere; None for 1 everywhere.

        Returns:
            Outputs of shape (rows, tokens, units), and h and c of shape (rows, units).
        """
        kernel, recurrent, bias = weights
        rows, tokens, width = x.shape
        units = len(recurrent)
        self._allocate(rows, tokens, units, width)
        joined, packed = self._weights, self._packed
        joined[:units], joined[units : units + width] = recurrent, kernel
        joined[units + width] = bias
        run_in_threads(len(packed), 1, partial(self._packing.pack, joined, packed))
        self._keep[...] = 1 if keep is None else keep
        self._c[0] = c
        outputs = np.empty((rows, tokens, units), np.float32)
        results = self._c, self._lanes, self._inputs, self._gates, self._tanh_c, outputs
        forward = partial(self._lstm.forward, packed, x, self._keep, h, *results)
        run_in_threads(rows, self._simd.ROWS // 2, forward)
        return outputs, outputs[:, -1].copy(), self._c[tokens].copy()

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
        lstm, simd = self._lstm, self._simd
        packed, inputs, d_gates = self._packed_transposed, self._inputs, self._gate_gradients
        weights = self._weights[: units + width]
        run_in_threads(len(packed), 1, partial(self._packing.pack_transposed, weights, packed))
        dx = np.empty((rows, tokens, width), np.float32)
        saved = self._keep, self._gates, self._c, self._tanh_c
        space = self._lanes_back, self._sums
        backward = partial(lstm.backward, packed, *saved, outputs, *space, d_gates, dx)
        run_in_threads(rows, simd.ROWS // 2, backward)
        shape = (len(inputs), len(d_gates) * simd.COLUMNS)
        gradients = self._packing.aligned_zeros(shape, np.float32)
        d_weights = partial(lstm.weight_gradients, inputs, d_gates, gradients)
        run_in_threads(len(d_gates), 1, d_weights)
        gradients = gradients[:, : 4 * units]
        d_kernel, d_recurrent = gradients[units : units + width], gradients[:units]
        return dx, d_kernel, d_recurrent, gradients[units + width]

    def _allocate(self, rows: int, tokens: int, units: int, width: int) -> None:
        """Allocate arrays for these shapes, unless they are there."""
        if self._shape == (rows, tokens, units, width):
            return
        self._shape = (0, 0, 0, 0)  # where memory is short, until it is there
        panels, rows_in_lanes = self._packing.allocate_panels, self._packing.allocate_rows
        kind, columns = self._kind, self._simd.COLUMNS

        def zeros(*shape: int) -> Any:
            return self._packing.aligned_zeros(shape, np.float32)

        # Sums are over even numbers, as bfloat16 goes in pairs; what is too many is zero.
        depth, steps = _even(units + width + 1), tokens * _even(rows)
        self._keep = zeros(rows, tokens)
        self._weights = zeros(depth, 4 * units)
        self._packed = panels(depth, 4 * units, kind)
        self._packed_transposed = panels(4 * units, units + width, kind)
        self._lanes = rows_in_lanes(rows, depth, kind)
        self._lanes_back = rows_in_lanes(rows, 4 * units, kind)
        self._sums = zeros(rows, len(self._packed_transposed) * columns)
        self._inputs = rows_in_lanes(units + width + 1, steps, kind)
        self._gate_gradients = panels(steps, 4 * units, kind)
        self._gates = zeros(tokens, rows, len(self._packed) * columns)
        self._c, self._tanh_c = zeros(tokens + 1, rows, units), zeros(tokens, rows, units)
        self._shape = (rows, tokens, units, width)


def _even(number: int) -> int:
    return number + number % 2
