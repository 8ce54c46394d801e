"""An LSTM that trains in bfloat16 on a CPU, sooner than Keras's own.

Knows the forward and backward arithmetic of one LSTM layer in TensorFlow; knows nothing of models,
data or optimizers.

Keras's loop multiplies the input, and adds up the weights' gradients, for each character by itself;
here each is one matrix product for all characters. Products are in the layer's own precision. What
is done element by element is in float32, joined to one operation by XLA, and so is the cell's state
from the first character to the last. The weights are the same variables as Keras's.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras

Tensor = Any  # of TensorFlow, which is imported where it is used


class NarrowLSTM(keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM on TensorFlow, with as much as can be in one product for all characters."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """What Keras's layers may put in place of their loop; the same values come out."""
        import tensorflow as tf

        cell = self.cell
        weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
        narrow = [tf.cast(tf.convert_to_tensor(one), sequences.dtype) for one in weights]
        outputs, h, c = _sequence()(sequences, *initial_state, *narrow)
        return outputs[:, -1], outputs, [h, c]  # gradients flow through the outputs alone


@cache
def _sequence() -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """The layer over a batch of sequences, with a gradient of its own.

    Notation as in keras.layers.LSTM: gates i, f, c, o side by side in the last axis. Inside, the
    first axis is that of the characters.
    """
    import tensorflow as tf

    step, step_back = (
        tf.function(one, autograph=False, jit_compile=True) for one in (_step, _step_back)
    )

    def products(inputs: Tensor, kernel: Tensor, **how: bool) -> Tensor:
        """Of all characters with one matrix."""
        width, characters, rows = inputs.shape[-1], tf.shape(inputs)[0], tf.shape(inputs)[1]
        found = tf.matmul(tf.reshape(inputs, (-1, width)), kernel, **how)
        return tf.reshape(found, (characters, rows, found.shape[-1]))

    def weight_gradient(inputs: Tensor, inner: Tensor) -> Tensor:
        """The sum over all characters, in one product."""
        flat = [tf.reshape(one, (-1, one.shape[-1])) for one in (inputs, inner)]
        return tf.matmul(*flat, transpose_a=True)

    def by_character(values: Tensor) -> Tensor:
        room = tf.TensorArray(values.dtype, tf.shape(values)[0], clear_after_read=False)
        return room.unstack(values)

    @tf.custom_gradient  # type: ignore[untyped-decorator,unused-ignore]
    def run(
        x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor
    ) -> Any:
        narrow, characters = x.dtype, tf.shape(x)[1]
        first_h, first_c = tf.cast(h, narrow), tf.cast(c, tf.float32)
        inputs = tf.transpose(x, (1, 0, 2))
        projected = by_character(products(inputs, kernel) + bias)

        def forward(place: Tensor, h: Tensor, c: Tensor, *kept: Tensor) -> Any:
            gates, c, h = step(tf.matmul(h, recurrent), projected.read(place), c)
            found = zip(kept, (gates, c, h), strict=True)
            return place + 1, h, c, *(room.write(place, value) for room, value in found)

        kept = [tf.TensorArray(kind, characters) for kind in (tf.float32, tf.float32, narrow)]
        _, last_h, last_c, *kept = tf.while_loop(
            lambda place, *_: place < characters, forward, (0, first_h, first_c, *kept)
        )
        gates, cs, hs = (room.stack() for room in kept)
        outputs = tf.transpose(hs, (1, 0, 2))
        outputs.set_shape((*x.shape[:2], h.shape[-1]))

        def gradients(from_above: Tensor, *_of_state: Tensor) -> Any:
            above = by_character(tf.transpose(from_above, (1, 0, 2)))
            all_gates, all_cs = by_character(gates), by_character(tf.concat([first_c[None], cs], 0))
            transposed = tf.transpose(recurrent)

            def backward(place: Tensor, dh: Tensor, dc: Tensor, kept: Tensor) -> Any:
                inner, dc = step_back(
                    all_gates.read(place),
                    all_cs.read(place),
                    all_cs.read(place + 1),
                    above.read(place),
                    dh,
                    dc,
                )
                return place - 1, tf.matmul(inner, transposed), dc, kept.write(place, inner)

            nothing = tf.zeros_like(first_h), tf.zeros_like(first_c)
            room = tf.TensorArray(narrow, characters)
            found = tf.while_loop(
                lambda place, *_: place >= 0, backward, (characters - 1, *nothing, room)
            )
            inner = tf.ensure_shape(found[-1].stack(), (None, None, bias.shape[0]))
            dx = tf.transpose(products(inner, kernel, transpose_b=True), (1, 0, 2))
            dx.set_shape(x.shape)
            before = tf.concat([first_h[None], hs[:-1]], 0)
            return (
                dx,
                # The state comes from the batch before, where back-propagation ends.
                tf.zeros_like(h),
                tf.zeros_like(c),
                weight_gradient(inputs, inner),
                weight_gradient(before, inner),
                tf.cast(tf.reduce_sum(tf.cast(inner, tf.float32), (0, 1)), bias.dtype),
            )

        return (outputs, tf.cast(last_h, h.dtype), tf.cast(last_c, c.dtype)), gradients

    return run  # type: ignore[no-any-return,unused-ignore]


def _step(product: Tensor, projected: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gates, c and h after a character, from the products with h and x and from c before it."""
    import tensorflow as tf

    summed = tf.cast(product, tf.float32) + tf.cast(projected, tf.float32)
    i, f, g, o = tf.split(summed, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    c = f * c + i * g
    gates, h = tf.concat([i, f, g, o], axis=1), o * tf.tanh(c)
    return gates, c, tf.cast(h, product.dtype)


def _step_back(
    gates: Tensor, before: Tensor, c: Tensor, above: Tensor, dh: Tensor, dc: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the sums inside the gates, and of c before the character.

    Args:
        gates: As `_step` gave them.
        before, c: c before and after the character.
        above, dh: Gradients of h, from the layer above and from the character after.
        dc: Gradient of c, from the character after.
    """
    import tensorflow as tf

    dh = tf.cast(above, tf.float32) + tf.cast(dh, tf.float32)
    inner, dc = gate_gradients(tf.split(gates, 4, axis=1), before, tf.tanh(c), dh, dc)
    return tf.cast(tf.concat(inner, axis=1), above.dtype), dc


def gate_gradients(gates: Any, before: Any, tanh_c: Any, dh: Any, dc: Any) -> tuple[list[Any], Any]:
    """Gradients of the sums inside the gates, and of c before the character, in any framework.

    Args:
        gates: i, f, g and o.
        before: c before the character.
        tanh_c: tanh of c after it.
        dh, dc: Gradients of h, all of it, and of c, from the character after.
    """
    i, f, g, o = gates
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    inner = [
        dc * g * i * (1 - i),
        dc * before * f * (1 - f),
        dc * i * (1 - g * g),
        dh * tanh_c * o * (1 - o),
    ]
    return inner, dc * f
