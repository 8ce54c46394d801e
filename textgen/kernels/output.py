"""The output layer of a batch on a CPU, and its cross-entropy: NumPy arrays in, NumPy arrays out.

A framework multiplies, normalizes and differentiates arrays of shape (positions, vocabulary), which
with a few thousand tokens takes longer than the LSTM. Here a few positions at a time go all the
way to their gradients (softmax.py), in each thread.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from textgen.kernels.sequence import Floats
from textgen.kernels.threads import run_in_threads

LEAST_TOKENS = 512  # in a vocabulary: with fewer, the frameworks take about as long
_ENTRIES_PER_COLUMN = 8  # that take as long as a column itself
CUTOFF = 1 / 64  # of gradients, below which they are rounded at random


class OutputKernel:
    """The sum of losses of an output layer, then its gradients.

    `backward` belongs to the `forward` before it.

    Args:
        bfloat16: Whether logits are products of numbers rounded to bfloat16.
        cutoff: Gradients of logits that are smaller are rounded at random, to 0 or to it.

    Example:
        >>> kernel, zeros = OutputKernel(), np.zeros(3, np.float32)
        >>> layer = np.zeros((4, 3), np.float32), zeros
        >>> loss = kernel.forward(np.ones((2, 4), np.float32), *layer, np.array([0, 2]), np.ones(2))
        >>> round(float(loss), 3), [gradient.shape for gradient in kernel.backward(1.0)]
        (2.197, [(2, 4), (4, 3), (3,)])
    """

    def __init__(self, *, bfloat16: bool = False, cutoff: float = CUTOFF) -> None:
        # They take a while to import.
        from textgen.kernels import packing, simd, softmax

        self._packing, self._simd, self._softmax = packing, simd, softmax
        self.bfloat16 = bfloat16
        self._kind = simd.BFLOAT16 if bfloat16 else simd.FLOAT32
        self._cutoff = np.float32(cutoff)
        self._shape = (0, 0, 0)

    def forward(
        self,
        hidden: Floats,
        kernel: Floats,
        bias: Floats,
        targets: Any,
        weights: Any,
        *,
        gradients: bool = True,
    ) -> Any:
        """The sum of the losses of all positions, each times its weight.

        Args:
            hidden: Hidden states, shape (positions, units).
            kernel: Shape (units, vocabulary).
            bias: Shape (vocabulary,).
            targets: Ids, shape (positions,).
            weights: Shape (positions,).
            gradients: Whether `backward` follows.

        Returns:
            A float32.

        Raises:
            ValueError: a target is not in the vocabulary.
        """
        rows, units = hidden.shape
        targets = np.asarray(targets, np.int32)
        if rows and not 0 <= targets.min() <= targets.max() < len(bias):  # places in memory
            raise ValueError(f"targets outside a vocabulary of {len(bias)}")
        self._allocate(rows, *kernel.shape)
        self._hidden[:, :units], self._kernel[:units] = hidden, kernel
        packed, transposed = self._packed, self._transposed
        run_in_threads(len(packed), 1, partial(self._packing.pack, self._kernel, packed))
        if gradients:
            transpose = partial(self._softmax.transpose, kernel, transposed)
            run_in_threads(len(bias), self._simd.CACHE_LINE, transpose)
        self._d_hidden = self._empty(rows, units)
        self._d_bias[...] = 0
        run = partial(
            self._softmax.losses,
            packed,
            transposed,
            bias,
            self._hidden,
            targets,
            np.asarray(weights, np.float32),
            self._cutoff if gradients else np.float32(0),
            self._lanes,
            self._losses,
            self._tokens,
            self._gradients,
            self._counts,
            self._d_hidden,
            self._d_bias,
        )
        run_in_threads(rows, self._softmax.BLOCK, run)
        return self._losses.sum()

    def backward(self, factor: Any) -> tuple[Floats, Floats, Floats]:
        """Gradients of the sum times a factor: of hidden states, kernel and bias."""
        factor, (_, units, vocabulary) = np.float32(factor), self._shape
        entries = self._tokens, self._gradients, self._counts
        starts = np.zeros(vocabulary + 1, np.int64)
        self._softmax.count_entries(*entries[::2], starts)
        d_kernel, hidden = self._empty(units, vocabulary), self._hidden[:, :units]
        arguments = *entries, starts, hidden, factor, d_kernel
        # Frequent tokens have most of the entries; a column costs as much as a few.
        work = starts + _ENTRIES_PER_COLUMN * np.arange(vocabulary + 1)

        def run(first: int, last: int) -> None:
            columns = np.searchsorted(work, (first, last))
            self._softmax.kernel_gradients(*arguments, *columns)

        run_in_threads(int(work[-1]), 1, run)
        d_hidden, d_bias = self._d_hidden, self._d_bias.sum(0)
        if factor != 1:
            d_hidden *= factor
            d_bias *= factor
        return d_hidden, d_kernel, d_bias

    def _empty(self, *shape: int) -> Any:
        """An array to return; TensorFlow copies those that do not begin at a cache line."""
        count, line = math.prod(shape), self._simd.CACHE_LINE
        flat = np.empty(count + line, np.float32)
        first = -(flat.ctypes.data // 4) % line
        return flat[first : first + count].reshape(shape)

    def _allocate(self, rows: int, units: int, vocabulary: int) -> None:
        if self._shape == (rows, units, vocabulary):
            return
        self._shape = (0, 0, 0)  # where memory is short, until it is there
        zeros, depth = self._packing.aligned_zeros, units + units % 2
        self._packed = self._packing.allocate_panels(depth, vocabulary, self._kind)
        self._kernel = zeros((depth, vocabulary), np.float32)
        self._transposed = zeros((vocabulary, units), np.float32)
        self._hidden = zeros((rows, depth), np.float32)
        self._lanes = self._packing.allocate_rows(rows, depth, self._kind)
        self._losses = zeros((rows,), np.float32)
        # Random numbers n golden ratios apart are spread evenly: the sum of any k of them is about
        # k^2 / 2 vocabulary or more, and that of what exceeds them 1 / cutoff or less.
        most = math.isqrt(int(2 * vocabulary / self._cutoff)) + 64
        shape = rows, min(most, vocabulary) + 1
        self._tokens, self._gradients = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        self._counts = np.zeros(rows, np.int32)
        self._d_bias = np.zeros((-(-rows // self._softmax.BLOCK), vocabulary), np.float32)
        self._shape = (rows, units, vocabulary)
