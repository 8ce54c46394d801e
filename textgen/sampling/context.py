"""What the network remembers while it reads and writes: carried state, or a window of characters.

Knows how states are kept from one character to the next; knows nothing of how characters are
chosen. Both contexts are readers of texts side by side: `step` takes the ids of the next
characters and gives the logits of the ones after them, `reset` forgets what some texts were.
"""

from typing import Any

import numpy as np

from textgen.sampling.cells import Floats
from textgen.sampling.network import IdOrIds, Network, Reader


def make_reader(network: Network, maxlen: int | None, shape: tuple[int, ...] = ()) -> Reader:
    """A reader by windows of `maxlen`, or with carried state where that is None."""
    return (
        carried_reader(network, shape) if maxlen is None else window_reader(network, maxlen, shape)
    )


def carried_reader(network: Network, shape: tuple[int, ...] = ()) -> Reader:
    """The state goes on for ever: how a model trained with carried state predicts.

    Args:
        network: A trained network.
        shape: (rows,) for texts side by side, () for one alone.
    """
    return network.reader(shape)


def window_reader(network: Network, maxlen: int, shape: tuple[int, ...] = ()) -> Reader:
    """The last `maxlen` characters, read from a zero state, and while they are fewer, all of them.

    That is how a model trained on windows predicts. Instead of reading the window again for every
    character, `maxlen` states are kept for each text, each begun one character after the other.
    Every character advances all of them in one batched step; the one that has by then read just
    `maxlen` characters gives the logits and begins anew with the next character.

    Args:
        network: A trained network.
        maxlen: Characters in a window.
        shape: (rows,) for texts side by side, () for one alone.
    """
    rows = int(np.prod(shape, dtype=int))
    states = network.reader((rows, maxlen))
    read = 0  # characters that this reader has read
    first = np.zeros(rows, np.int64)  # the value of `read` when each text began
    texts = np.arange(rows)

    def oldest(every: Floats) -> Floats:
        """Of the states begun since the text began, the oldest of the last `maxlen`."""
        place = np.maximum(read - maxlen, first) % maxlen
        return np.asarray(every[texts, place].reshape(*shape, -1))

    def step(ids: IdOrIds) -> Floats:
        nonlocal read
        states.reset((slice(None), read % maxlen))
        logits = states.step(np.reshape(ids, (rows, 1)))
        read += 1
        return oldest(logits)

    def reset(index: Any) -> None:
        first.reshape(shape)[index] = read

    return Reader(step, reset, lambda: [oldest(layer) for layer in states.activations()])
