"""Recurrent layers that train faster on a CPU, with the weights of Keras's.

Results equal Keras's to rounding. How each framework calls the kernel is in
tensorflow_recurrent.py, jax_recurrent.py and torch_recurrent.py.
"""

from typing import Any, ClassVar

from textgen.compute.layers.sequence_layer import SequenceLayer
from textgen.kernels.sequence import Floats, SequenceKernel
from textgen.model.build import RECURRENT


class CpuRecurrent(SequenceLayer):
    """A recurrent layer in float32, with its sequence as one operation each way.

    In a subclass for a framework `sequence` calls `self.run_kernel` and has the kernel's gradients
    with regard to x and the weights. None flows to the states: they come from the batch before,
    where back-propagation ends.

    Attributes:
        kind: Which cell it is of: `lstm`, `gru` or `rnn`.
        bfloat16_products: Whether products are of numbers rounded to bfloat16, of which some
            processors multiply more at once. All else is float32, and to Keras the layer is in
            float32.
    """

    kind: ClassVar[str]
    bfloat16_products: ClassVar[bool] = False

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self.sequence_kernel = SequenceKernel(self.kind, bfloat16=self.bfloat16_products)

    def run_kernel(self, *arrays: Floats) -> tuple[Floats, ...]:
        """`SequenceKernel.forward` of x, the states, the weights, and of `keep` if there is one."""
        count = 1 + self.sequence_kernel.cell.states
        states, weights, keep = arrays[1:count], arrays[count : count + 3], arrays[count + 3 :]
        return self.sequence_kernel.forward(arrays[0], states, weights, *keep)


def cpu_layer(
    framework: type[CpuRecurrent], cell: str, *, bfloat16: bool = False
) -> type[CpuRecurrent]:
    """The layer of a cell.

    Args:
        framework: What calls the kernel.
        cell: `lstm`, `gru` or `rnn`.
        bfloat16: Whether products are of numbers rounded to bfloat16.
    """

    class CpuLayer(framework, RECURRENT[cell]):  # type: ignore[misc,valid-type,unused-ignore]
        kind = cell
        bfloat16_products = bfloat16

    return CpuLayer
