"""An LSTM that trains faster on a CPU, and is Keras's own to all who look.

Knows how each backend calls the passes of an LSTM, and which thread does what in them; knows
nothing of models, data or optimizers.

Keras runs a CPU's LSTM as a loop of some forty small operations for each character, which takes
longer than the arithmetic in them. Here a whole sequence is one operation each way
(lstm_passes.py), in which each thread has some of the batch's rows, or of the weights' columns, and
the weights are laid out once (products.py). The weights are the same variables, and results equal
Keras's to rounding. In bfloat16 what is multiplied is rounded to it, and all else is float32.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from textgen.compute.layers.replacement_lstm import OwnLSTM
from textgen.text.workers import processors

Floats = npt.NDArray[np.float32]


class SequenceKernel:
    """One LSTM layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are made anew when shapes change. Notation as in keras.layers.LSTM, whose gates
    i, f, c, o lie side by side in the last axis. Arrays are (characters, rows, ...) inside, so that
    what a step works on lies together.

    Args:
        narrow: Whether products are of numbers rounded to bfloat16.

    Example:
        >>> kernel = SequenceKernel()
        >>> x, state = np.ones((2, 5, 3), np.float32), np.zeros((2, 4), np.float32)
        >>> weights = np.ones((3, 16), np.float32), np.ones((4, 16), np.float32)
        >>> outputs, h, c = kernel.forward(x, state, state, *weights, np.zeros(16, np.float32))
        >>> outputs.shape, [gradient.shape for gradient in kernel.backward(outputs)]
        ((2, 5, 4), [(2, 5, 3), (3, 16), (4, 16), (16,)])
    """

    def __init__(self, narrow: bool = False) -> None:
        # It takes a while to import.
        from textgen.compute.kernels import gemm, lstm

        self._passes, self._products = lstm, gemm
        self._kind = gemm.BFLOAT16 if narrow else gemm.FLOAT32
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


class CpuLSTM(OwnLSTM):
    """keras.layers.LSTM in float32, with its sequence as one operation each way."""

    _narrow = False

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self._sequence_kernel = SequenceKernel(narrow=self._narrow)

    def sequence(self, *of: Any) -> tuple[Any, Any, Any]:
        """As OwnLSTM has it."""
        outputs, h, c = _RUNS[keras.backend.backend()](self._sequence_kernel, *of)
        return outputs, h, c


class NarrowLSTM(CpuLSTM):
    """The same where products are of numbers rounded to bfloat16, which the processor multiplies
    more of at once; to Keras it is a layer in float32."""

    _narrow = True


# In all of them no gradient flows to the state: it comes from the batch before, where
# back-propagation ends.


def _on_tensorflow(kernel: SequenceKernel, *of: Any) -> Any:
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
    def run(x: Any, h: Any, c: Any, *weights: Any) -> Any:
        outputs, new_h, new_c = tf.numpy_function(
            kernel.forward, [x, h, c, *weights], [tf.float32] * 3
        )
        outputs.set_shape((*x.shape[:2], h.shape[-1]))
        new_h.set_shape(h.shape)
        new_c.set_shape(c.shape)

        def gradients(from_above: Any, *_of_state: Any) -> Any:
            found = tf.numpy_function(kernel.backward, [from_above], [tf.float32] * 4)
            for gradient, of in zip(found, (x, *weights), strict=True):
                gradient.set_shape(of.shape)
            return found[0], tf.zeros_like(h), tf.zeros_like(c), *found[1:]

        return (outputs, new_h, new_c), gradients

    return run(*map(tf.convert_to_tensor, of))


def _on_torch(kernel: SequenceKernel, *of: Any) -> Any:
    return _sequence_function().apply(kernel, *map(keras.ops.convert_to_tensor, of))


@cache
def _sequence_function() -> Any:
    import torch

    class Sequence(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
        @staticmethod
        def forward(context: Any, kernel: SequenceKernel, *of: Any) -> Any:
            context.kernel = kernel
            found = kernel.forward(*(one.detach().contiguous().numpy() for one in of))
            outputs, h, c = map(torch.from_numpy, found)
            context.mark_non_differentiable(h, c)
            return outputs, h, c

        @staticmethod
        def backward(context: Any, from_above: Any, *_of_state: Any) -> Any:
            found = context.kernel.backward(from_above.contiguous().numpy())
            x, *weights = map(torch.from_numpy, found)
            return None, x, None, None, *weights

    return Sequence


def _on_jax(kernel: SequenceKernel, *of: Any) -> Any:
    import jax
    import jax.numpy as jnp
    from jax.experimental.buffer_callback import buffer_callback

    def calling(compute: Callable[..., tuple[Floats, ...]], *like: Any) -> Callable[..., Any]:
        def into(_context: Any, outs: Any, *of: Any) -> None:
            for out, found in zip(outs, compute(*map(np.asarray, of)), strict=True):
                np.asarray(out)[...] = found

        outs = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in like]
        called: Callable[..., Any] = buffer_callback(into, outs)
        return called

    def forward(*of: Any) -> tuple[Any, Any]:
        x, h, c, *_ = of
        outputs = jax.ShapeDtypeStruct((*x.shape[:2], h.shape[-1]), x.dtype)
        found = tuple(calling(kernel.forward, outputs, h, c)(*of))
        return found, (*of, found[1])

    def backward(kept: Any, gradients: Any) -> Any:
        x, h, c, *weights, after = kept
        # The state after the last character is there once the pass forth is over.
        compute = calling(lambda above, _: kernel.backward(above), x, *weights)
        dx, *found = compute(gradients[0], after)
        return dx, jnp.zeros_like(h), jnp.zeros_like(c), *found

    run = jax.custom_vjp(lambda *of: forward(*of)[0])
    run.defvjp(forward, backward)
    return run(*map(keras.ops.convert_to_tensor, of))


_RUNS = {"tensorflow": _on_tensorflow, "torch": _on_torch, "jax": _on_jax}
