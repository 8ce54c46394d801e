"""An LSTM that trains faster on a CPU, and is Keras's own to all who look.

Knows the forward and backward passes of one LSTM layer over a batch of sequences, in NumPy, and
how TensorFlow calls them; knows nothing of models, data or optimizers.

Keras on TensorFlow runs a CPU's LSTM as a loop of some forty small operations for each character,
which takes longer than the arithmetic in them. Here a whole sequence is one operation each way:
the input's product is taken for all characters at once, so are the weights' gradients, and what
must be done character by character is one matrix product and one call (lstm_steps.py) into arrays
that stay. Results equal Keras's to rounding; the weights are the same variables.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class SequenceKernel:
    """One LSTM layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are made once for each shape. Notation as in keras.layers.LSTM, whose gates i, f,
    c, o lie side by side in the last axis. Arrays are (characters, rows, ...) inside, so that what
    a step works on lies together.

    Example:
        >>> kernel = SequenceKernel()
        >>> x, state = np.ones((2, 5, 3), np.float32), np.zeros((2, 4), np.float32)
        >>> weights = np.ones((3, 16), np.float32), np.ones((4, 16), np.float32)
        >>> outputs, h, c = kernel.forward(x, state, state, *weights, np.zeros(16, np.float32))
        >>> outputs.shape, [gradient.shape for gradient in kernel.backward(outputs, *weights)]
        ((2, 5, 4), [(2, 5, 3), (3, 16), (4, 16), (16,)])
    """

    def __init__(self) -> None:
        from textgen.training import lstm_steps  # it takes a second to import

        self._steps = lstm_steps
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
        outputs, hs, cs = np.empty((rows, characters, units), np.float32), self._h, self._c
        np.copyto(self._x, x.transpose(1, 0, 2))
        np.dot(_flat(self._x), kernel, _flat(self._gates))
        hs[0], cs[0] = h, c
        for place, gates in enumerate(self._gates):
            np.dot(hs[place], recurrent, self._product)
            self._steps.forward(
                gates,
                self._product,
                bias,
                cs[place],
                cs[place + 1],
                self._tanh_c[place],
                hs[place + 1],
                outputs,
                place,
            )
        return outputs, hs[characters].copy(), cs[characters].copy()

    def backward(
        self, outputs: Floats, kernel: Floats, recurrent: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Gradients, from that of the outputs; none flows in from the state after the last.

        Args:
            outputs: Gradient of the outputs, shape (rows, characters, units).
            kernel, recurrent: As `forward` had them.

        Returns:
            Gradients of x, kernel, recurrent and bias, in the shapes that `forward` takes.
        """
        dh, dc = self._dh, self._dc
        dh[:], dc[:] = 0, 0
        for place in reversed(range(len(self._gates))):
            gates, inner, tanh_c = self._gates[place], self._inner[place], self._tanh_c[place]
            self._steps.backward(gates, inner, self._c[place], tanh_c, outputs, dh, dc, place)
            if place:
                np.dot(inner, recurrent.T, dh)
        inner = _flat(self._inner)
        np.dot(inner, kernel.T, _flat(self._dx))
        return (
            np.ascontiguousarray(self._dx.transpose(1, 0, 2)),
            np.dot(_flat(self._x).T, inner),
            np.dot(_flat(self._h[:-1]).T, inner),
            inner.sum(axis=0),
        )

    def _make_room(self, rows: int, characters: int, units: int, width: int) -> None:
        if self._shape == (rows, characters, units, width):
            return
        self._shape = (rows, characters, units, width)

        def room(*shape: int) -> Floats:
            return np.empty(shape, np.float32)

        self._x, self._dx = (room(characters, rows, width) for _ in range(2))
        self._gates, self._inner = (room(characters, rows, 4 * units) for _ in range(2))
        self._h, self._c = (room(characters + 1, rows, units) for _ in range(2))
        self._tanh_c, self._product = room(characters, rows, units), room(rows, 4 * units)
        self._dh, self._dc = (room(rows, units) for _ in range(2))


def _flat(of: Floats) -> Floats:
    """Characters and rows as one axis."""
    return of.reshape(-1, of.shape[-1])


class CpuLSTM(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM in float32 on TensorFlow, with its sequence as one operation each way."""

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self._sequence_kernel = SequenceKernel()

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """What Keras's layers may put in place of their loop; the same values come out."""
        import tensorflow as tf

        kernel = self._sequence_kernel

        @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
        def run(x: Any, h: Any, c: Any, *weights: Any) -> Any:
            outputs, new_h, new_c = tf.numpy_function(
                kernel.forward, [x, h, c, *weights], [tf.float32] * 3
            )
            outputs.set_shape((*x.shape[:2], h.shape[-1]))
            new_h.set_shape(h.shape)
            new_c.set_shape(c.shape)

            def gradients(from_above: Any, *_of_state: Any) -> Any:
                found = tf.numpy_function(
                    kernel.backward, [from_above, *weights[:2]], [tf.float32] * 4
                )
                for gradient, of in zip(found, (x, *weights), strict=True):
                    gradient.set_shape(of.shape)
                # The state comes from the batch before, where back-propagation ends.
                return found[0], tf.zeros_like(h), tf.zeros_like(c), *found[1:]

            return (outputs, new_h, new_c), gradients

        cell = self.cell
        weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
        outputs, h, c = run(sequences, *initial_state, *map(tf.convert_to_tensor, weights))
        return outputs[:, -1], outputs, [h, c]  # gradients flow through the outputs alone
