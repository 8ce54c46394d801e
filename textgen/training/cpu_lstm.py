"""An LSTM that trains faster on a CPU, and is Keras's own to all who look.

Knows the forward and backward arithmetic of one LSTM layer over a batch of sequences, in NumPy,
and how TensorFlow calls it; knows nothing of models, data or optimizers.

Keras on TensorFlow runs a CPU's LSTM as a loop of some forty small operations for each character,
which takes longer than the arithmetic in them. Here a whole sequence is one operation each way:
the input's product is taken for all characters at once, so are the weights' gradients, and what
must be done character by character is one matrix product and a few NumPy calls into arrays that
stay. Results equal Keras's to rounding; the weights are the same variables.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_ONE, _HALF = np.ones((), np.float32), np.full((), 0.5, np.float32)


class SequenceKernel:
    """One LSTM layer over a batch of sequences: outputs, then gradients.

    `backward` belongs to the `forward` before it, whose gates and states stay in the kernel's
    arrays; these are made once for each shape. Notation as in keras.layers.LSTM, whose gates i, f,
    c, o lie side by side in the last axis; inside they are i, f, o, c, so that the three sigmoids
    are one block. Arrays are (characters, rows, ...) inside, so that what a step works on lies
    together.

    Example:
        >>> kernel = SequenceKernel()
        >>> x, state = np.ones((2, 5, 3), np.float32), np.zeros((2, 4), np.float32)
        >>> weights = np.ones((3, 16), np.float32), np.ones((4, 16), np.float32)
        >>> outputs, h, c = kernel.forward(x, state, state, *weights, np.zeros(16, np.float32))
        >>> outputs.shape, [gradient.shape for gradient in kernel.backward(outputs)]
        ((2, 5, 4), [(2, 5, 3), (3, 16), (4, 16), (16,)])
    """

    def __init__(self) -> None:
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
        np.copyto(self._x, x.transpose(1, 0, 2))
        self._kernel, self._recurrent = _exchanged(kernel), _exchanged(recurrent)
        # sigmoid(z) = (1 + tanh(z / 2)) / 2: one tanh for all gates, of weights halved beforehand
        halves = np.repeat(np.array([0.5, 1.0], np.float32), [3 * units, units])
        halved_kernel, halved = self._kernel * halves, self._recurrent * halves
        bias = _exchanged(bias) * halves
        np.dot(_flat(self._x), halved_kernel, _flat(self._gates))
        hs, cs, product, i_g = self._h, self._c, self._product, self._scratch
        hs[0], cs[0] = h, c
        for place, gates in enumerate(self._gates):
            np.dot(hs[place], halved, product)
            np.add(gates, product, gates)
            np.add(gates, bias, gates)
            np.tanh(gates, gates)
            sigmoids = gates[:, : 3 * units]
            np.multiply(sigmoids, _HALF, sigmoids)
            np.add(sigmoids, _HALF, sigmoids)
            i, f, o, g = (gates[:, gate * units : (gate + 1) * units] for gate in range(4))
            new = cs[place + 1]
            np.multiply(f, cs[place], new)
            np.multiply(i, g, i_g)
            np.add(new, i_g, new)
            np.tanh(new, self._tanh_c[place])
            np.multiply(o, self._tanh_c[place], hs[place + 1])
        outputs = np.ascontiguousarray(hs[1:].transpose(1, 0, 2))
        return outputs, hs[characters].copy(), cs[characters].copy()

    def backward(self, outputs: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Gradients, from that of the outputs; none flows in from the state after the last.

        Args:
            outputs: Gradient of the outputs, shape (rows, characters, units).

        Returns:
            Gradients of x, kernel, recurrent and bias, in the shapes that `forward` takes.
        """
        _, characters, units, _ = self._shape
        np.copyto(self._above, outputs.transpose(1, 0, 2))
        transposed = np.ascontiguousarray(self._recurrent.T)
        dh, dc, scratch, wide = self._dh, self._dc, self._scratch, self._wide
        dh[:], dc[:] = 0, 0
        for place in reversed(range(characters)):
            np.add(dh, self._above[place], dh)
            gates, inner, tanh_c = self._gates[place], self._inner[place], self._tanh_c[place]
            i, f, o, g = (gates[:, gate * units : (gate + 1) * units] for gate in range(4))
            di, df, do, dg = (inner[:, gate * units : (gate + 1) * units] for gate in range(4))
            np.multiply(dh, tanh_c, do)
            # dc += dh o (1 - tanh(c)^2)
            np.multiply(dh, o, dh)
            np.multiply(tanh_c, tanh_c, scratch)
            np.subtract(_ONE, scratch, scratch)
            np.multiply(dh, scratch, dh)
            np.add(dc, dh, dc)
            np.multiply(dc, g, di)
            np.multiply(dc, self._c[place], df)
            # sigmoid' = sigmoid (1 - sigmoid), of i, f and o at once
            sigmoids = gates[:, : 3 * units]
            np.subtract(_ONE, sigmoids, wide)
            np.multiply(wide, sigmoids, wide)
            np.multiply(inner[:, : 3 * units], wide, inner[:, : 3 * units])
            # g' = dc i (1 - g^2)
            np.multiply(g, g, scratch)
            np.subtract(_ONE, scratch, scratch)
            np.multiply(scratch, i, scratch)
            np.multiply(dc, scratch, dg)
            np.multiply(dc, f, dc)
            if place:
                np.dot(inner, transposed, dh)
        inner = _flat(self._inner)
        np.dot(inner, self._kernel.T, _flat(self._dx))
        return (
            np.ascontiguousarray(self._dx.transpose(1, 0, 2)),
            _exchanged(np.dot(_flat(self._x).T, inner)),
            _exchanged(np.dot(_flat(self._h[:-1]).T, inner)),
            _exchanged(inner.sum(axis=0)),
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
        self._tanh_c, self._above = (room(characters, rows, units) for _ in range(2))
        self._product, self._wide = room(rows, 4 * units), room(rows, 3 * units)
        self._dh, self._dc, self._scratch = (room(rows, units) for _ in range(3))


def _flat(of: Floats) -> Floats:
    """Characters and rows as one axis."""
    return of.reshape(-1, of.shape[-1])


def _exchanged(of: Floats) -> Floats:
    """With the last two gates of the last axis exchanged: from Keras's order to ours, or back."""
    i, f, third, fourth = np.split(of, 4, axis=-1)
    return np.concatenate([i, f, fourth, third], axis=-1)


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
                found = tf.numpy_function(kernel.backward, [from_above], [tf.float32] * 4)
                for gradient, of in zip(found, (x, *weights), strict=True):
                    gradient.set_shape(of.shape)
                # The state comes from the batch before, where back-propagation ends.
                return found[0], tf.zeros_like(h), tf.zeros_like(c), *found[1:]

            return (outputs, new_h, new_c), gradients

        cell = self.cell
        weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
        outputs, h, c = run(sequences, *initial_state, *map(tf.convert_to_tensor, weights))
        return outputs[:, -1], outputs, [h, c]  # gradients flow through the outputs alone
