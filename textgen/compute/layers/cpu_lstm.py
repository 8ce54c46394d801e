"""An LSTM that trains faster on a CPU, with the weights of keras.layers.LSTM.

Results equal Keras's to rounding. How each framework calls the kernel is in tensorflow_lstm.py,
jax_lstm.py and torch_lstm.py.
"""

from typing import Any, ClassVar

from textgen.compute.layers.replacement_lstm import ReplacementLSTM
from textgen.kernels.sequence import Floats, SequenceKernel


class CpuLSTM(ReplacementLSTM):
    """keras.layers.LSTM in float32, with its sequence as one operation each way.

    In a subclass for a framework `sequence` calls `self.run_kernel` and has the kernel's gradients
    with regard to x and the weights. None flows to h and c: they come from the batch before, where
    back-propagation ends.

    Attributes:
        bfloat16_products: Whether products are of numbers rounded to bfloat16, of which some
            processors multiply more at once. All else is float32, and to Keras the layer is in
            float32.
    """

    bfloat16_products: ClassVar[bool] = False

    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
        self.sequence_kernel = SequenceKernel(bfloat16=self.bfloat16_products)

    def run_kernel(self, *arrays: Floats) -> tuple[Floats, Floats, Floats]:
        """`SequenceKernel.forward`, with `keep`, if there is one, as the last array."""
        return self.sequence_kernel.forward(
            *arrays[:6], keep=arrays[6] if len(arrays) > 6 else None
        )


def with_bfloat16_products(layer: type[CpuLSTM]) -> type[CpuLSTM]:
    """The same layer, with products of numbers rounded to bfloat16."""

    class Bfloat16LSTM(layer):  # type: ignore[misc,valid-type,unused-ignore]
        bfloat16_products = True

    return Bfloat16LSTM
