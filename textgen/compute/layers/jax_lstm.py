"""An LSTM that trains faster on a GPU with JAX, and is Keras's own to all who look.

Knows the forward and backward passes of one LSTM layer over a batch of sequences; knows nothing of
models, data or optimizers.

JAX has cuDNN's LSTM in float32 only, and a slow one; Keras's own loop takes both matrix
products for each character and adds up the weights' gradients as it goes back. Here the input's
product is taken for all characters at once, so are the weights' gradients, and only what must be
done character by character is in the loop: one product and the gates each way. In half precision
products have their sums in float32, and c and its gradient stay in float32.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras

from textgen.compute.layers.replacement_lstm import OwnLSTM

Array = Any  # of JAX, which is imported where it is used

_UNROLLED = 8  # characters in a round of the loop: a GPU waits after each round


class GpuLSTM(OwnLSTM):
    """keras.layers.LSTM on JAX, with its gradients by hand."""

    def sequence(self, x: Any, *states_and_weights: Any) -> tuple[Any, Any, Any]:
        """As OwnLSTM has it."""
        h, c, *weights = map(keras.ops.convert_to_tensor, states_and_weights)
        return _sequence()(x, h, c, *(one.astype(x.dtype) for one in weights))


@cache
def _sequence() -> Callable[..., tuple[Array, Array, Array]]:
    """The layer over a batch of sequences, with a gradient of its own.

    Notation as in keras.layers.LSTM: gates i, f, c, o side by side in the last axis. Inside, the
    first axis is that of the characters.
    """
    import jax
    import jax.numpy as jnp

    def four(gates: Array) -> Any:
        return jnp.split(gates.astype(jnp.float32), 4, axis=-1)

    def flat(of: Array) -> Array:
        """Characters and rows as one axis."""
        return of.reshape(-1, of.shape[-1])

    def forward(
        x: Array, h: Array, c: Array, kernel: Array, recurrent: Array, bias: Array
    ) -> tuple[Any, Any]:
        xs = jnp.swapaxes(x, 0, 1)

        def step(state: Any, projected: Array) -> Any:
            h, c = state
            product = jnp.dot(h, recurrent, preferred_element_type=jnp.float32)
            i, f, g, o = four(product + projected.astype(jnp.float32))
            i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
            c = f * c + i * g
            h = (o * jnp.tanh(c)).astype(x.dtype)
            return (h, c), (jnp.concatenate([i, f, g, o], axis=-1).astype(x.dtype), h, c)

        first = h.astype(x.dtype), c.astype(jnp.float32)
        last, (gates, hs, cs) = jax.lax.scan(
            step, first, jnp.dot(xs, kernel) + bias, unroll=_UNROLLED
        )
        found = jnp.swapaxes(hs, 0, 1), last[0].astype(h.dtype), last[1].astype(c.dtype)
        return found, (xs, first, gates, hs, cs, kernel, recurrent, h, c)

    @jax.custom_vjp  # type: ignore[untyped-decorator,unused-ignore]
    def run(*of: Array) -> Any:
        return forward(*of)[0]

    def backward(kept: Any, gradients: Any) -> Any:
        xs, (first_h, first_c), gates, hs, cs, kernel, recurrent, h, c = kept
        above = jnp.swapaxes(gradients[0], 0, 1)
        hs_before = jnp.concatenate([first_h[None], hs[:-1]])
        cs_before = jnp.concatenate([first_c[None], cs[:-1]])
        transposed = recurrent.T

        def step(state: Any, at: Any) -> Any:
            dh, dc = state
            gates, before, c, above = at
            dh = dh + above.astype(jnp.float32)
            inner, dc = _gate_gradients(four(gates), before, jnp.tanh(c), dh, dc)
            joined = jnp.concatenate(inner, axis=-1).astype(xs.dtype)
            dh = jnp.dot(joined, transposed, preferred_element_type=jnp.float32)
            return (dh, dc), joined

        nothing = jnp.zeros_like(first_c), jnp.zeros_like(first_c)
        _, inner = jax.lax.scan(
            step, nothing, (gates, cs_before, cs, above), reverse=True, unroll=_UNROLLED
        )
        return (
            jnp.swapaxes(jnp.dot(inner, kernel.T), 0, 1),
            # The state comes from the batch before, where back-propagation ends.
            jnp.zeros_like(h),
            jnp.zeros_like(c),
            jnp.dot(flat(xs).T, flat(inner)),
            jnp.dot(flat(hs_before).T, flat(inner)),
            inner.astype(jnp.float32).sum((0, 1)).astype(xs.dtype),
        )

    run.defvjp(forward, backward)
    return run  # type: ignore[no-any-return,unused-ignore]


def _gate_gradients(
    gates: Array, before: Array, tanh_c: Array, dh: Array, dc: Array
) -> tuple[list[Array], Array]:
    """Gradients of the sums inside the gates, and of c before the character.

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
