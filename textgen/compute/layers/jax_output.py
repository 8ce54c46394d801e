"""How JAX calls the output layer's kernel of the CPU."""

from collections.abc import Callable
from typing import Any

import jax
import keras

from textgen.compute.layers.jax_recurrent import call_numpy
from textgen.compute.layers.output_loss import OutputLoss


class JaxOutputLoss(OutputLoss):
    """OutputLoss on JAX."""

    def total(self, hidden: Any, kernel: Any, bias: Any, targets: Any, weights: Any) -> Any:
        """As in OutputLoss; each device, where there are several, of its rows."""
        run = _with_gradients(self)
        distribution = keras.distribution.distribution()
        if distribution is None:
            return run(hidden, kernel, bias, targets, weights)
        mesh = distribution.device_mesh.backend_mesh
        rows, whole = jax.sharding.PartitionSpec(*mesh.axis_names), jax.sharding.PartitionSpec()
        totals = jax.shard_map(
            lambda *arguments: run(*arguments)[None],
            mesh=mesh,
            in_specs=(rows, whole, whole, rows, rows),
            out_specs=rows,
            check_vma=False,
        )(hidden, kernel, bias, targets, weights)
        return totals.sum()


def _with_gradients(loss: OutputLoss) -> Callable[..., Any]:
    number = jax.ShapeDtypeStruct((), "float32")

    def compute(*arrays: Any) -> Any:
        """The total, then its gradients."""
        total = loss.run_kernel(*arrays)
        d_hidden, *d_weights = loss.output_kernel.backward(1.0)
        return total, d_hidden.reshape(arrays[0].shape), *d_weights

    def forward(*arguments: Any) -> tuple[Any, Any]:
        total, *gradients = call_numpy(compute, number, *arguments[:3])(*arguments)
        return total, gradients

    def backward(gradients: Any, d_total: Any) -> Any:
        return *(gradient * d_total for gradient in gradients), None, None

    @jax.custom_vjp  # type: ignore[untyped-decorator,unused-ignore]
    def run(*arguments: Any) -> Any:
        (total,) = call_numpy(lambda *arrays: (loss.run_kernel(*arrays),), number)(*arguments)
        return total

    run.defvjp(forward, backward)
    return run  # type: ignore[no-any-return,unused-ignore]
