"""How JAX calls the kernel of a recurrent layer on a CPU."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from textgen.compute.layers.cpu_recurrent import CpuRecurrent
from textgen.kernels.sequence import Floats


class JaxCpuRecurrent(CpuRecurrent):
    """CpuRecurrent on JAX."""

    def sequence(
        self, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: Any
    ) -> tuple[Any, list[Any]]:
        """As in SequenceLayer."""
        arguments = x, *states, *weights, *([] if keep is None else [keep])
        outputs, *after = _with_gradients(self)(*map(keras.ops.convert_to_tensor, arguments))
        return outputs, after


def call_numpy(compute: Callable[..., tuple[Floats, ...]], *like: Any) -> Callable[..., Any]:
    """A JAX function that computes arrays, of the shapes of some others, with NumPy."""
    from jax.experimental.buffer_callback import buffer_callback  # private_names checks it first

    def write(_context: Any, outs: Any, *arguments: Any) -> None:
        results = compute(*map(np.asarray, arguments))
        for out, result in zip(outs, results, strict=True):
            np.asarray(out)[...] = result

    outs = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in like]
    function: Callable[..., Any] = buffer_callback(write, outs)
    return function


def _with_gradients(layer: CpuRecurrent) -> Callable[..., Any]:
    kernel = layer.sequence_kernel
    count = 1 + kernel.cell.states

    def forward(*arguments: Any) -> tuple[Any, Any]:
        x, *states = arguments[:count]
        outputs = jax.ShapeDtypeStruct((*x.shape[:2], states[0].shape[-1]), x.dtype)
        results = tuple(call_numpy(layer.run_kernel, outputs, *states)(*arguments))
        return results, (arguments, results[1])

    def backward(saved: Any, gradients: Any) -> Any:
        arguments, h_after = saved
        x, *states = arguments[:count]
        weights, kept = arguments[count : count + 3], arguments[count + 3 :]
        # JAX runs this once the state after the last token is there: after the forward pass.
        compute = call_numpy(lambda d_outputs, _: kernel.backward(d_outputs), x, *weights)
        dx, *d_weights = compute(gradients[0], h_after)
        return dx, *map(jnp.zeros_like, states), *d_weights, *map(jnp.zeros_like, kept)

    run = jax.custom_vjp(lambda *arguments: forward(*arguments)[0])
    run.defvjp(forward, backward)
    return run  # type: ignore[no-any-return,unused-ignore]
