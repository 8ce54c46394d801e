"""One LSTM layer over a batch of sequences on a CPU: NumPy arrays in, NumPy arrays out.

Keras runs a CPU's LSTM as a loop of some forty small operations for each token, which takes longer
than the arithmetic in them. Here a whole sequence is one operation each way (lstm.py), in which
each thread has some of the batch's rows, or of the weights' columns, and the weights are packed
once (gemm.py).
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.workers import processors

Floats = npt.NDArray[np.float32]


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    from textgen.compute.kernels import gemm  # it takes a while to import

    return gemm.has_bfloat16()


class SequenceKernel:
    """One LSTM layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are made anew when shapes change. Notation as in keras.layers.LSTM, whose gates
    i, f, c, o lie side by side in the last axis. Arrays are (characters, rows, ...) inside, so that
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
        # It takes a while to import.
        from textgen.compute.kernels import gemm, lstm

        self._passes, self._products = lstm, gemm
        self._kind = gemm.BFLOAT16 if bfloat16 else gemm.FLOAT32
        self._shape = (0, 0, 0, 0)

    def forward(
        self, x: Floats, h: Floats, c: Floats, kernel: Floats, recurrent: Floats, bias: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Outputs of all characters, and the state after the last.

        Args:
            x: Inputs, shape (rows, characters, width).
            h, c: The state before the first character, shape (rows, units).
            kernel, recurrent, bias: As Keras keeps them: (width, 4 units), (units, 4 units),
                (4 units,).

        Returns:
            Outputs of shape (rows, characters, units), and h and c of shape (rows, units).
        """
        rows, characters, width = x.shape
        units = len(recurrent)
        self._make_room(rows, characters, units, width)
        weights, laid = self._weights, self._laid
        weights[:units], weights[units : units + width] = recurrent, kernel
        weights[units + width] = bias
        _in_parts(len(laid), 1, partial(self._products.lay, weights, laid))
        self._c[0] = c
        outputs = np.empty((rows, characters, units), np.float32)
        results = self._c, self._lanes, self._inputs, self._gates, self._tanh_c, outputs
        run = partial(self._passes.forward, laid, x, h, *results)
        _in_parts(rows, self._products.ROWS // 2, run)
        return outputs, outputs[:, -1].copy(), self._c[characters].copy()

    def backward(self, outputs: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Gradients, from that of the outputs; none flows in from the state after the last.

        Args:
            outputs: Gradient of the outputs, shape (rows, characters, units).

        Returns:
            Gradients of x, kernel, recurrent and bias, in the shapes that `forward` takes.

        Raises:
            ValueError: the outputs of the last `forward` have another shape.
        """
        rows, characters, units, width = self._shape
        if outputs.shape != (rows, characters, units):
            raise ValueError(f"a gradient of shape {outputs.shape} for outputs of {self._shape}")
        gemm, lstm = self._products, self._passes
        laid, inputs, inner = self._transposed, self._inputs, self._inner
        weights = self._weights[: units + width]
        _in_parts(len(laid), 1, partial(gemm.lay_transposed, weights, laid))
        dx = np.empty((rows, characters, width), np.float32)
        kept = self._gates, self._c, self._tanh_c
        space = self._lanes_back, self._sums
        run = partial(lstm.backward, laid, *kept, outputs, *space, inner, dx)
        _in_parts(rows, gemm.ROWS // 2, run)
        found = gemm.room((len(inputs), len(inner) * gemm.COLUMNS), np.float32)
        _in_parts(len(inner), 1, partial(lstm.weight_gradients, inputs, inner, found))
        found = found[:, : 4 * units]
        return dx, found[units : units + width], found[:units], found[units + width]

    def _make_room(self, rows: int, characters: int, units: int, width: int) -> None:
        if self._shape == (rows, characters, units, width):
            return
        self._shape = (0, 0, 0, 0)  # until there is room
        make, kind, columns = self._products, self._kind, self._products.COLUMNS

        def room(*shape: int) -> Any:
            return make.room(shape, np.float32)

        # Sums are over even numbers, as bfloat16 goes in pairs; what is too many is zero.
        numbers, steps = _even(units + width + 1), characters * _even(rows)
        self._weights = room(numbers, 4 * units)
        self._laid = make.panels(numbers, 4 * units, kind)
        self._transposed = make.panels(4 * units, units + width, kind)
        self._lanes = make.rows(rows, numbers, kind)
        self._lanes_back = make.rows(rows, 4 * units, kind)
        self._sums = room(rows, len(self._transposed) * columns)
        self._inputs = make.rows(units + width + 1, steps, kind)
        self._inner = make.panels(steps, 4 * units, kind)
        self._gates = room(characters, rows, len(self._laid) * columns)
        self._c, self._tanh_c = room(characters + 1, rows, units), room(characters, rows, units)
        self._shape = (rows, characters, units, width)


def _even(number: int) -> int:
    return number + number % 2


def _in_parts(count: int, unit: int, run: Callable[[int, int], None]) -> None:
    """Run for `first` to `last` of so many, in as many threads as there are processors.

    Args:
        count: How many.
        unit: Each part but the last has a multiple of it.
        run: Takes first and last.
    """
    workers, threads = _threads()
    units = -(-count // unit)
    parts = min(threads, units)
    ends = [min(units * part // parts * unit, count) for part in range(parts + 1)]
    others = [workers.submit(run, *ends[part : part + 2]) for part in range(1, parts)]
    try:
        run(*ends[:2])
    finally:
        wait(others)  # who writes to the same arrays
    for other in others:
        other.result()


@cache
def _threads() -> tuple[ThreadPoolExecutor, int]:
    """Threads beside this one, and how many with it."""
    count = processors()
    asked = os.environ.get("OMP_NUM_THREADS", "")  # as with libraries of matrix products
    if asked.isdecimal() and int(asked):
        count = min(count, int(asked))
    return ThreadPoolExecutor(max(count - 1, 1), "lstm"), count
