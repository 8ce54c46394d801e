"""PyTorch's recurrent layers on batches inside which states are reset.

PyTorch has no resets, but reads texts of different lengths together: packed, the first tokens of
all texts, then the second ones, and so on, with the longest text first. So each text of a batch, or
its part in the batch, is packed by itself.
"""

from functools import lru_cache
from typing import Any

import keras
import numpy as np
import torch

from textgen.compute.layers.state_resets import with_reset_loop


def place(array: Any, device: Any) -> Any:
    """A NumPy array as a tensor on a device, to which it is copied while that computes."""
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class TorchLayer:
    """A recurrent layer of Keras computed by PyTorch, on a GPU by cuDNN.

    Args:
        kind: LSTM, GRU or SimpleRNN.
        weights: Kernel, recurrent kernel and bias, of Keras's shapes, in the precision to compute
            in.
    """

    def __init__(self, kind: str, *weights: Any):
        self._compute, convert = _LAYERS[kind]
        # cuDNN has all weights in one piece, and PyTorch would bring them together each time.
        parts = convert(*weights)
        flat = torch.cat([part.reshape(-1) for part in parts])
        pieces = flat.split([part.numel() for part in parts])
        self._weights = [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]

    def read(self, x: Any, states: list[Any], keep: Any = None) -> tuple[Any, list[Any]]:
        """Outputs of all tokens, and the states after the last.

        Args:
            x: Inputs, shape (rows, tokens, width).
            states: Before the first token, each of shape (rows, units).
            keep: 0 or false where a text begins, shape (rows, tokens); on the CPU, so that nothing
                waits for a GPU. None to reset nothing.

        Returns:
            Outputs of shape (rows, tokens, units), and states of shape (rows, units).
        """
        texts = None if keep is None else _find_texts(keep, x.device)
        if texts is None:
            return self._run(x, states=states, batch_first=True)
        first = [texts.first_states(state) for state in states]
        outputs, after = self._run(x.flatten(0, 1)[texts.order], texts.lengths, states=first)
        outputs = outputs[texts.places].unflatten(0, x.shape[:2])
        return outputs, [state[texts.last] for state in after]

    def _run(self, *inputs: Any, states: list[Any], **options: Any) -> tuple[Any, list[Any]]:
        """PyTorch's layer, of inputs in rows, or packed and with their lengths."""
        before = [state[None].contiguous() for state in states]
        outputs, *after = self._compute(
            *inputs,
            before[0] if len(before) == 1 else tuple(before),
            self._weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            **options,
        )
        return outputs, [state[0] for state in after]


def _convert_gru(kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    """Keras has the gates z, r, n, PyTorch r, z, n."""

    def reorder(array: Any) -> Any:
        z, r, n = array.chunk(3, dim=-1)
        return torch.cat([r, z, n], dim=-1)

    return [reorder(kernel).T, reorder(recurrent).T, *reorder(bias)]


def _convert(kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    """PyTorch has two biases, Keras one, and the same order of gates."""
    return [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]


_LAYERS = {
    "LSTM": (torch._VF.lstm, _convert),
    "GRU": (torch._VF.gru, _convert_gru),
    "SimpleRNN": (torch._VF.rnn_tanh, _convert),
}


class _Texts:
    """Where each token of a batch is, packed.

    Attributes:
        count: How many texts.
        lengths: How many texts have a first token, a second one, and so on; on the CPU.
        order: The tokens of the batch, row by row, in the order in which they are packed.
        places: Where each token of the batch is packed.
        last: The text that each row ends with.
    """

    def __init__(self, keep: Any, device: Any):
        starts = keep == 0
        kept = ~starts[:, :1]
        starts[:, 0] = True
        begins = np.flatnonzero(starts)
        sizes = np.diff(begins, append=starts.size)
        self.count = len(begins)
        rank = np.empty(self.count, np.int64)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(self.count)
        lengths = self.count - np.cumsum(np.bincount(sizes))[:-1]
        text = np.cumsum(starts) - 1
        token = np.arange(starts.size) - begins[text]
        places = (np.cumsum(lengths) - lengths)[token] + rank[text]
        rows = rank[text].reshape(starts.shape)
        self.lengths = torch.from_numpy(lengths)
        self.order, self.places = place(np.argsort(places), device), place(places, device)
        self.last, self._first = (place(rows[:, side].copy(), device) for side in (-1, 0))
        self._kept = place(kept.astype(np.float32), device)

    def first_states(self, state: Any) -> Any:
        """Of each text from that of each row: zero for texts that begin in the batch."""
        state = state * self._kept.to(state.dtype)
        return state.new_zeros(self.count, state.shape[-1]).index_copy(0, self._first, state)


@lru_cache(maxsize=1)
def _find_texts(keep: Any, device: Any) -> _Texts | None:
    """The texts of a batch, which all layers read one after the other; None where nothing is
    reset."""
    numbers = keep.detach().float().cpu().numpy()
    return None if numbers.all() else _Texts(numbers, device)


def with_packed_texts(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """As `with_state_resets`, by PyTorch's own layer, which is cuDNN's on a GPU.

    Args:
        layer: keras.layers.LSTM, GRU or SimpleRNN.

    Example:
        >>> layer = with_packed_texts(keras.layers.GRU)(4, return_sequences=True)
        >>> outputs = layer(np.ones((1, 2, 3)), mask=np.zeros((1, 2), np.float32))
        >>> bool((outputs[0, 0] == outputs[0, 1]).all())
        True
    """
    kind = next(name for name in _LAYERS if issubclass(layer, getattr(keras.layers, name)))

    def loop(self: Any, sequences: Any, initial_state: Any, mask: Any, _training: bool) -> Any:
        weights = self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias
        states_and_weights = [
            keras.ops.convert_to_tensor(value).to(sequences.dtype)
            for value in (*initial_state, *weights)
        ]
        states = states_and_weights[: len(initial_state)]
        computed = TorchLayer(kind, *states_and_weights[len(initial_state) :])
        outputs, states = computed.read(sequences, states, mask)
        return outputs[:, -1], outputs, states

    return with_reset_loop(layer, loop)
