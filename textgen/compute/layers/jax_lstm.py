"""An LSTM for JAX on a GPU, with its gradients by hand.

JAX has cuDNN's LSTM in float32 only, and a slow one; Keras's own loop takes both matrix products
for each token and adds up the weights' gradients as it goes back. Here the input's product is taken
for all tokens at once, so are the weights' gradients, and only what must be done token by token is
in the loop: one product and the gates each way. In half precision products have their sums in
float32, and c and its gradient stay in float32.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from textgen.compute.layers.sequence_layer import SequenceLayer

Array = Any  # of JAX

_UNROLLED = 8  # tokens in a round of the loop: a GPU waits after each round


class JaxGpuLSTM(SequenceLayer, keras.layers.LSTM):  # type: ignore[misc,unused-ignore]
    """keras.layers.LSTM on a GPU, in the precision of its inputs.

    Notation as in keras.layers.LSTM: gates i, f, c, o side by side in the last axis. Inside, the
    first axis is that of the tokens.
    """

    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """As in SequenceLayer."""
        h, c, *weights = map(keras.ops.convert_to_tensor, (*states, *weights))
        outputs, h, c = _sequence(keep, x, h, c, *(weight.astype(x.dtype) for weight in weights))
        return outputs, [h, c]


@jax.custom_vjp  # type: ignore[untyped-decorator,unused-ignore]
def _sequence(*arguments: Array) -> Any:
    """Outputs and the last state, from keep or None, x, h, c, kernel, recurrent kernel and
    bias."""
    return _forward(*arguments)[0]


def _forward(keep: Array | None, x: Array, *others: Array) -> tuple[Any, Any]:
    """What `_sequence` returns, and what `_backward` needs."""
    h, c, kernel, recurrent, bias = others
    xs = jnp.swapaxes(x, 0, 1)
    kept = None if keep is None else jnp.swapaxes(keep, 0, 1)[:, :, None]

    def step(state: Any, values: Any) -> Any:
        projected, kept = values
        h, c = (_keep(part, kept) for part in state)
        product = jnp.dot(h, recurrent, preferred_element_type=jnp.float32)
        i, f, g, o = _split_gates(product + projected.astype(jnp.float32))
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        h = (o * jnp.tanh(c)).astype(x.dtype)
        return (h, c), (jnp.concatenate([i, f, g, o], axis=-1).astype(x.dtype), h, c)

    first = h.astype(x.dtype), c.astype(jnp.float32)
    values = jnp.dot(xs, kernel) + bias, kept
    last, (gates, hs, cs) = jax.lax.scan(step, first, values, unroll=_UNROLLED)
    results = jnp.swapaxes(hs, 0, 1), last[0].astype(h.dtype), last[1].astype(c.dtype)
    return results, (kept, xs, first, gates, hs, cs, kernel, recurrent, h, c)


def _backward(saved: Any, gradients: Any) -> Any:
    """Gradients of all arguments of `_sequence`, from those of its outputs."""
    kept, xs, (first_h, first_c), gates, hs, cs, kernel, recurrent, h, c = saved
    d_outputs = jnp.swapaxes(gradients[0], 0, 1)
    hs_before = _keep(jnp.concatenate([first_h[None], hs[:-1]]), kept)
    cs_before = _keep(jnp.concatenate([first_c[None], cs[:-1]]), kept)
    transposed = recurrent.T

    def step(state: Any, values: Any) -> Any:
        dh, dc = state
        gates, c_before, c, d_output, kept = values
        dh = dh + d_output.astype(jnp.float32)
        d_gates, dc = _gate_gradients(_split_gates(gates), c_before, jnp.tanh(c), dh, dc)
        joined = jnp.concatenate(d_gates, axis=-1).astype(xs.dtype)
        dh = jnp.dot(joined, transposed, preferred_element_type=jnp.float32)
        return (_keep(dh, kept), _keep(dc, kept)), joined

    zeros = jnp.zeros_like(first_c), jnp.zeros_like(first_c)
    _, d_gates = jax.lax.scan(
        step, zeros, (gates, cs_before, cs, d_outputs, kept), reverse=True, unroll=_UNROLLED
    )
    return (
        None if kept is None else jnp.zeros_like(jnp.swapaxes(kept[:, :, 0], 0, 1)),
        jnp.swapaxes(jnp.dot(d_gates, kernel.T), 0, 1),
        # The state comes from the batch before, where back-propagation ends.
        jnp.zeros_like(h),
        jnp.zeros_like(c),
        jnp.dot(_flatten(xs).T, _flatten(d_gates)),
        jnp.dot(_flatten(hs_before).T, _flatten(d_gates)),
        d_gates.astype(jnp.float32).sum((0, 1)).astype(xs.dtype),
    )


_sequence.defvjp(_forward, _backward)


def _keep(state: Array, kept: Array | None) -> Array:
    """A state or its gradient, zero where it is reset."""
    return state if kept is None else state * kept.astype(state.dtype)


def _split_gates(gates: Array) -> Any:
    return jnp.split(gates.astype(jnp.float32), 4, axis=-1)


def _flatten(array: Array) -> Array:
    """Tokens and rows as one axis."""
    return array.reshape(-1, array.shape[-1])


def _gate_gradients(
    gates: Array, before: Array, tanh_c: Array, dh: Array, dc: Array
) -> tuple[list[Array], Array]:
    """Gradients of the sums inside the gates, and of c before the token.

    Args:
        gates: i, f, g (c in Keras's notation) and o, each of shape (rows, units).
        before: c before the token.
        tanh_c: tanh of c after it.
        dh, dc: Gradients of h, all of it, and of c, from the token after.
    """
    i, f, g, o = gates
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    d_gates = [
        dc * g * i * (1 - i),
        dc * before * f * (1 - f),
        dc * i * (1 - g * g),
        dh * tanh_c * o * (1 - o),
    ]
    return d_gates, dc * f
