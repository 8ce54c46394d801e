"""What a prediction is made from: all tokens before it (carried state), or a window of them.

Both contexts are a `Reader` of texts side by side: `step` takes the ids of the next tokens and
returns the logits of the ones after them; `reset` starts some of the texts again.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.network import IdOrIds, Network, Reader


def make_reader(network: Network, maxlen: int | None, shape: tuple[int, ...] = ()) -> Reader:
    """A reader with windows of `maxlen` tokens, or with carried state if that is None."""
    return (
        carried_reader(network, shape) if maxlen is None else window_reader(network, maxlen, shape)
    )


def carried_reader(network: Network, shape: tuple[int, ...] = ()) -> Reader:
    """Carry the state without end, as a model trained with carried state predicts.

    Args:
        network: A trained network.
        shape: (rows,) for texts side by side, () for a single text.
    """
    return network.reader(shape)


def window_reader(network: Network, maxlen: int, shape: tuple[int, ...] = ()) -> Reader:
    """Read the last `maxlen` tokens from a zero state, or all of them while there are fewer.

    That is how a model trained on windows predicts. Reading the window again for every token
    would take `maxlen` steps. Instead, each text has `maxlen` states, which start one token
    after another. Every token advances all of them in one batched step. The state that has
    read exactly `maxlen` tokens gives the logits, and starts from zero at the next token.

    Args:
        network: A trained network.
        maxlen: Tokens in a window.
        shape: (rows,) for texts side by side, () for a single text.
    """
    rows = int(np.prod(shape, dtype=int))
    states = network.reader((rows, maxlen))
    read = 0  # tokens read so far
    first = np.zeros(rows, np.int64)  # the value of `read` when each text started
    texts = np.arange(rows)

    def oldest(values: Floats) -> Floats:
        """The values of each text's oldest state."""
        place = np.maximum(read - maxlen, first) % maxlen
        return np.asarray(values[texts, place].reshape(*shape, -1))

    def step(ids: IdOrIds) -> Floats:
        nonlocal read
        states.reset((slice(None), read % maxlen))
        logits = states.step(np.reshape(ids, (rows, 1)))
        read += 1
        return oldest(logits)

    def reset(index: Any) -> None:
        first.reshape(shape)[index] = read

    def set_labels(index: Any, label_ids: npt.ArrayLike) -> None:
        states.set_labels(texts.reshape(shape)[index], np.asarray(label_ids)[..., None, :])

    return Reader(
        step, reset, lambda: [oldest(layer) for layer in states.activations()], set_labels
    )
