"""DropConnect: recurrent layers that learn with some of their recurrent weights left out."""

from typing import Any

import keras

from textgen.compute.dropout_masks import DropoutMasks
from textgen.compute.overrides import must_run
from textgen.packages import incompatible


def with_drop_connect(
    layer: type[keras.layers.RNN], rate: float, masks: DropoutMasks
) -> type[keras.layers.RNN]:
    """A recurrent layer that draws for each training batch which weights it leaves out.

    The same weights are left out for the whole batch, the rest made larger to match, as in the
    weight-dropped LSTM of Merity, Keskar and Socher (2018); otherwise it equals `layer`.

    Args:
        layer: keras.layers.LSTM, GRU or SimpleRNN, or a layer made from one.
        rate: The share of recurrent weights that is left out, at least 0 and below 1.
        masks: The backend's.

    Example:
        >>> with_drop_connect(keras.layers.LSTM, 0.1, DropoutMasks())(8).units
        8
    """

    class DropConnect(layer):  # type: ignore[misc,valid-type,unused-ignore]
        def __init__(self, units: int, **options: Any):
            super().__init__(units, **options)
            self._generator = masks.generator()

        def inner_loop(
            self,
            sequences: Any,
            initial_state: Any,
            mask: Any,
            training: bool = False,
        ) -> Any:
            if not training:
                return super().inner_loop(sequences, initial_state, mask, training)
            return self._with_weights_left_out(sequences, initial_state, mask)

        @must_run("DropConnect")
        def _with_weights_left_out(self, sequences: Any, initial_state: Any, mask: Any) -> Any:
            # What the cell and Keras's loops read while this batch runs; not through setattr, with
            # which Keras tracks every variable that it sees.
            attributes: dict[str, Any] = self.cell.__dict__
            whole = attributes["recurrent_kernel"]
            weights = keras.ops.convert_to_tensor(whole)
            left = masks.dropout(weights, rate, self._generator)
            attributes["recurrent_kernel"] = left = keras.ops.cast(left, self.compute_dtype)
            try:
                if self.cell.recurrent_kernel is not left:
                    raise incompatible("keras", "a cell's recurrent_kernel cannot be replaced")
                return super().inner_loop(sequences, initial_state, mask, training=True)
            finally:
                attributes["recurrent_kernel"] = whole

    return DropConnect
