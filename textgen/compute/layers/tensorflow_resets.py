"""On a GPU, TensorFlow's recurrent layers whose states are reset inside a batch."""

from typing import Any

import keras
import tensorflow as tf

from textgen.compute.layers.state_resets import with_reset_loop


def with_texts_apart(layer: type[keras.layers.RNN]) -> type[keras.layers.RNN]:
    """As `with_state_resets`, by giving each text of a batch a separate row.

    cuDNN resets no states, but reads rows of different lengths.

    Args:
        layer: keras.layers.LSTM or GRU.

    Example:
        >>> layer = with_texts_apart(keras.layers.GRU)(4, return_sequences=True)
        >>> outputs = layer(tf.ones((1, 2, 3)), mask=tf.zeros((1, 2)))
        >>> bool(tf.reduce_all(outputs[0, 0] == outputs[0, 1]))
        True
    """

    def loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool) -> Any:
        self.supports_jit = False  # the number of texts is another one in each batch
        texts = _Texts(mask)
        states = [texts.first_states(state) for state in initial_state]
        _, outputs, after = layer.inner_loop(
            self, texts.split(sequences), states, texts.mask, training
        )
        after = [texts.last_states(state) for state in after]
        outputs = texts.join(outputs) if self.return_sequences else after[0][:, None]
        return after[0], outputs, after

    return with_reset_loop(layer, loop)


class _Texts:
    """The texts of a batch, or their parts in it.

    Args:
        keep: 0 where a text begins, shape (rows, tokens).

    Attributes:
        mask: Which tokens of each text there are: bool of shape (texts, longest).
    """

    def __init__(self, keep: Any):
        rows, tokens = tf.unstack(tf.shape(keep))
        self._shape, self._static = (rows, tokens), keep.shape
        self._keep = keep[:, :1]
        starts = tf.concat([tf.zeros_like(self._keep), keep[:, 1:]], axis=1) == 0
        places = tf.where(tf.reshape(starts, [-1]))[:, 0]
        lengths = tf.concat([places[1:], [tf.size(keep, tf.int64)]], 0) - places
        longest, self._count = tf.reduce_max(lengths), tf.size(lengths, tf.int64)
        self.mask = tf.sequence_mask(lengths, longest)
        text = tf.cumsum(tf.cast(tf.reshape(starts, [-1]), tf.int64)) - 1
        self._size = self._count * longest
        token = tf.range(tf.size(keep, tf.int64)) - tf.gather(places, text)
        self._places = (text * longest + token)[:, None]
        by_row = tf.reshape(text, (rows, tokens))
        self._first, self._last = by_row[:, :1], by_row[:, -1:]

    def split(self, x: Any) -> Any:
        """From (rows, tokens, width) to (texts, longest, width), with zeros after each text."""
        width = x.shape[-1]
        flat = tf.scatter_nd(self._places, tf.reshape(x, (-1, width)), (self._size, width))
        return tf.reshape(flat, (self._count, -1, width))

    def join(self, x: Any) -> Any:
        """From (texts, longest, width) to (rows, tokens, width)."""
        width = x.shape[-1]
        flat = tf.gather_nd(tf.reshape(x, (-1, width)), self._places)
        joined = tf.reshape(flat, (*self._shape, width))
        joined.set_shape((*self._static, width))
        return joined

    def first_states(self, state: Any) -> Any:
        """Of each text from that of each row: zero for texts that begin in the batch."""
        state = state * tf.cast(self._keep, state.dtype)
        return tf.scatter_nd(self._first, state, (self._count, state.shape[-1]))

    def last_states(self, state: Any) -> Any:
        """Of each row from that of each text."""
        state = tf.gather_nd(state, self._last)
        state.set_shape((self._static[0], state.shape[-1]))
        return state
